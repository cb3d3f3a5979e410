/** Every object of a kind with a CRD that lies in this repository is judged as the official CRD judges it. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { before, describe, test } from 'node:test';
import { parseManifest } from '../../src/manifest/index.ts';
import { justification } from './differences.ts';
import { skipWithoutCrds } from './official.ts';
import { loadOracle, type Oracle } from './oracle.ts';
import { crdKinds, differencesOf, type CrdKind } from './verdict.ts';

const root = dirname(dirname(import.meta.dirname));
const folders = ['examples/*/k8s', 'test/golden', 'test/fuzz/corpus', '../shared/manifests'];
const files = folders
  .flatMap((folder) => globSync(join(root, folder, '**/*.{yaml,yml,json}')))
  .filter((file) => existsSync(file) && !file.endsWith('.out.yaml'));

const maxShown = 20;

describe('objects of the repository and the official CRDs', { skip: skipWithoutCrds }, () => {
  let oracle: Oracle;
  before(async () => {
    oracle = await loadOracle();
  });

  test('the same verdict on every object', () => {
    const kinds = new Map<string, CrdKind>(
      crdKinds().flatMap((kind) =>
        kind.versions.map((version) => [`${kind.group}/${version.name} ${kind.kind}`, kind] as const),
      ),
    );
    const unexplained: string[] = [];
    let judged = 0;
    for (const file of files) {
      for (const document of parseManifest(readFileSync(file, 'utf8'), relative(root, file)).documents) {
        const kind = kinds.get(`${document.apiVersion} ${document.kind}`);
        if (kind === undefined) continue;
        judged++;
        const { apiVersion, value, name } = document;
        const object = { ...value, apiVersion, kind: kind.kind, metadata: { name } };
        for (const difference of differencesOf(oracle, kind, object)) {
          if (justification(difference) !== undefined) continue;
          const { side, reason } = difference;
          unexplained.push(`${document.file} ${document.kind} ${document.name}: ${side}: ${reason}`);
        }
      }
    }
    assert.ok(judged > 100, `only ${judged} objects were found`);
    assert.deepEqual(unexplained.slice(0, maxShown), []);
  });
});

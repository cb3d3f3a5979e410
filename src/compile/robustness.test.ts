import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { parseAllDocuments, stringify } from 'yaml';
import { bindingsOf, placementsFor, readHeader, testOptions } from '../../test/kit/compile-kit.ts';
import { parseManifest } from '../manifest/index.ts';
import { validatePlan } from '../plan/index.ts';
import { compileAll } from './compile-all.ts';

const folder = fileURLToPath(new URL('../../test/golden/compile/', import.meta.url));

const cases = readdirSync(folder)
  .filter((file) => file.endsWith('.in.yaml'))
  .map((file) => {
    const text = readFileSync(folder + file, 'utf8');
    return { objects: parseAllDocuments(text).map((document) => document.toJS() as unknown), header: readHeader(text) };
  });

/** Goes down `steps` levels by the given turns, and puts `replacement` there. */
function damage(value: unknown, turns: readonly number[], replacement: unknown): unknown {
  const [turn, ...rest] = turns;
  if (turn === undefined || typeof value !== 'object' || value === null) return replacement;
  const entries = Object.entries(value);
  if (entries.length === 0) return replacement;
  const [chosen] = entries[turn % entries.length] ?? [''];
  const changed = entries.map(([key, item]) => [key, key === chosen ? damage(item, rest, replacement) : item] as const);
  return Array.isArray(value) ? changed.map(([, item]) => item) : Object.fromEntries(changed);
}

const replacement = fc.constantFrom<unknown>(null, '', 'x', '*', 'a/b', 0, -1, 80, 70_000, true, [], {}, [null], ['x']);
const wound = fc.record({
  which: fc.nat(),
  turns: fc.array(fc.nat(20), { minLength: 1, maxLength: 9 }),
  replacement,
});

test('property: damaged manifests give a whole plan and findings, never an exception', () => {
  fc.assert(
    fc.property(fc.constantFrom(...cases), fc.array(wound, { minLength: 1, maxLength: 3 }), (given, wounds) => {
      const objects = [...given.objects];
      for (const { which, turns, replacement: value } of wounds) {
        const index = which % objects.length;
        objects[index] = damage(objects[index], turns, value);
      }
      const { documents } = parseManifest(objects.map((object) => stringify(object)).join('---\n'), 'damaged.yaml');
      const options = { ...testOptions, addMissing: true, ...given.header.options };
      const snapshot = { documents, bindings: bindingsOf(given.header.workloads), placements: {}, options };
      const first = compileAll(snapshot);
      const second = compileAll({ ...snapshot, placements: placementsFor(first) });
      assert.deepEqual(validatePlan(first.plan), []);
      assert.deepEqual(validatePlan(second.plan), []);
    }),
    { seed: 20_261_122, numRuns: 200 },
  );
});

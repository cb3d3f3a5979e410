/**
 * Objects made from the schemas of the official CRDs: as drawn, mended until the CRD takes them, and then changed in one
 * place. The decoder must give the verdict of the CRD on each; `SALLYPORT_LONG=1` draws fifty times as many.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { justifiedDifferences, justification } from './differences.ts';
import { mended, objectsOf } from './generate.ts';
import { mutated } from './mutate.ts';
import { skipWithoutCrds } from './official.ts';
import { loadOracle, type Oracle } from './oracle.ts';
import { crdKinds, differencesOf, schemaOf, type CrdKind, type CustomObject } from './verdict.ts';

const isLong = process.env['SALLYPORT_LONG'] === '1';
const numRuns = isLong ? 5_000 : 100;
const changesPerObject = 3;

describe('generated objects and the official CRDs', { skip: skipWithoutCrds }, () => {
  let oracle: Oracle;
  before(async () => {
    oracle = await loadOracle();
  });

  const unexplained = (kind: CrdKind, object: CustomObject): string[] =>
    differencesOf(oracle, kind, object)
      .filter((difference) => justification(difference) === undefined)
      .map(({ side, reason }) => `${side}: ${reason}`);

  for (const kind of crdKinds()) {
    test(`${kind.kind}: the same verdict`, () => {
      let valid = 0;
      let changedToInvalid = 0;
      const property = fc.property(objectsOf(kind), fc.gen(), (drawn, draw) => {
        assert.deepEqual(unexplained(kind, drawn), []);
        const schema = schemaOf(kind, drawn);
        const good = mended(oracle, schema, drawn);
        if (good === undefined) return;
        valid++;
        assert.deepEqual(unexplained(kind, good), []);
        for (let count = 0; count < changesPerObject; count++) {
          const changed = mutated(draw, schema, good);
          if (oracle(schema, changed).length > 0) changedToInvalid++;
          assert.deepEqual(unexplained(kind, changed), []);
        }
      });
      fc.assert(property, { numRuns, seed: 20_260_131, endOnFailure: true });
      // Some kinds have rules across fields that are seldom met by chance: a ServiceEntry's resolution and its endpoints.
      assert.ok(valid > numRuns / 3, `only ${valid} of ${numRuns} objects were valid`);
      assert.ok(changedToInvalid > numRuns / 5, `only ${changedToInvalid} changes made an object invalid`);
    });
  }

  test('each justified difference still exists', () => {
    const kinds = crdKinds();
    const stale: string[] = [];
    for (const { group, kind: name, side, cases } of justifiedDifferences) {
      const kind = kinds.find((one) => one.kind === name && (group ?? one.group) === one.group);
      const [version] = kind?.versions ?? [];
      assert.ok(kind !== undefined && version !== undefined, `${name} is not a kind with a CRD`);
      for (const entry of cases) {
        const [reason, spec] = entry;
        const differences = differencesOf(oracle, kind, {
          apiVersion: `${kind.group}/${version.name}`,
          kind: kind.kind,
          metadata: { name: 'example' },
          ...(spec === undefined ? {} : { spec }),
        });
        const shown = differences.some((difference) => difference.side === side && justification(difference) === entry);
        if (!shown) stale.push(`${name} ${reason}: ${differences.map((one) => one.reason).join('; ')}`);
      }
    }
    assert.deepEqual(stale, []);
  });
});

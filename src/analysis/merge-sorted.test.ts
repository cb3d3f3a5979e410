import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mergeSorted } from './merge-sorted.ts';

interface Item {
  readonly rank: number;
}

const compare = (a: Item, b: Item): number => a.rank - b.rank;

const items = (maxLength: number): fc.Arbitrary<readonly Item[]> =>
  fc.array(fc.record({ rank: fc.nat(20) }), { minLength: maxLength / 2, maxLength });

// Some and very many at once are merged in different ways.
for (const size of [10, 200]) {
  test(`what stays and what is added is sorted as if it were sorted together: up to ${size}`, () => {
    fc.assert(
      fc.property(items(size), items(size), fc.nat(3), (before, added, factor) => {
        const sorted = before.toSorted(compare);
        const gone = sorted.filter((_, index) => index % (factor + 1) === 1);
        const expected = [...sorted.filter((one) => !gone.includes(one)), ...added].sort(compare);
        const merged = mergeSorted(sorted, { added, gone }, compare);
        assert.equal(merged.length, expected.length);
        assert.ok(merged.every((one, index) => one === expected[index]));
      }),
    );
  });
}

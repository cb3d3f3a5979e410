import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mergeSorted } from './merge-sorted.ts';

const compare = (a: number, b: number): number => a - b;

test('what stays and what is added is sorted as if it were sorted together', () => {
  const numbers = fc.array(fc.nat(20));
  fc.assert(
    fc.property(numbers, numbers, fc.option(fc.nat(3)), (before, added, factor) => {
      const sorted = before.toSorted(compare);
      const isGone = factor === null ? undefined : (one: number) => one % (factor + 2) === 0;
      const expected = [...sorted.filter((one) => isGone?.(one) !== true), ...added].sort(compare);
      assert.deepEqual(mergeSorted(sorted, { added, isGone }, compare), expected);
    }),
  );
});

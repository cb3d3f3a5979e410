/** The coverage that guides the fuzzing: a branch counts as reached however often it runs beside what is around it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Coverage } from './coverage.ts';

function sample(isTaken: boolean): number {
  let steps = 1;
  if (isTaken) {
    steps += [1, 2, 3].length;
  }
  return steps;
}

test('what ran is new once, also a branch that ran as often as its function', () => {
  const coverage = new Coverage(/coverage\.test\.ts$/);
  const news = [false, false, true, true, false].map((isTaken) => {
    sample(isTaken);
    const reach = coverage.take();
    const isNew = coverage.isNew(reach);
    coverage.remember(reach);
    return isNew;
  });
  const { reached } = coverage;
  coverage.close();
  assert.deepEqual(news, [true, false, true, false, false]);
  assert.ok(reached >= sample.toString().length);
});

test('files that do not count do not', () => {
  const coverage = new Coverage(/no such file/);
  sample(true);
  assert.equal(coverage.isNew(coverage.take()), false);
  assert.equal(coverage.reached, 0);
  coverage.close();
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SUSPECT_REST_MS, SUSPECTS_MS_PER_SHARE } from './transport-limits.ts';
import { resumeAfterRest } from './turn.ts';

test('SUSPECT_REST_MS and SUSPECTS_MS_PER_SHARE: suspects rest, have their share together, and rest again', (t) => {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const resumed: number[] = [];
  const suspect = (id: number, eachMs: number): void =>
    resumeAfterRest({ resume: () => (resumed.push(id), (nowMs += eachMs)) });
  for (let id = 0; id < 4; id++) suspect(id, SUSPECTS_MS_PER_SHARE / 2);
  t.mock.timers.tick(SUSPECT_REST_MS - 0.5);
  assert.deepEqual(resumed, []);
  t.mock.timers.tick(0.5);
  assert.deepEqual(resumed, [0, 1]);
  t.mock.timers.tick(SUSPECT_REST_MS);
  assert.deepEqual(resumed.splice(0), [0, 1, 2, 3]);
  // Less than its share: nobody waits any longer.
  for (let id = 0; id < 3; id++) suspect(id, SUSPECTS_MS_PER_SHARE / 4);
  t.mock.timers.tick(SUSPECT_REST_MS);
  assert.deepEqual(resumed.splice(0), [0, 1, 2]);
});

test('SUSPECT_REST_MS: a suspect that is not done waits for the next share', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const resumed: string[] = [];
  const again = { resume: () => (resumed.push('again'), resumed.length < 3 && resumeAfterRest(again)) };
  resumeAfterRest(again);
  for (const count of [1, 2, 3, 3]) {
    t.mock.timers.tick(SUSPECT_REST_MS);
    assert.equal(resumed.length, count);
  }
});

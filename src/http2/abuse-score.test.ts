import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AbuseScore } from './abuse-score.ts';
import {
  defaultLimits,
  INITIAL_PRIORITY_ALLOWANCE,
  INITIAL_WINDOW_UPDATE_ALLOWANCE,
  MAX_WINDOW_UPDATE_ALLOWANCE,
  PRIORITIES_PER_STREAM,
  SUSPECT_BELOW,
  WINDOW_UPDATES_PER_DATA_FRAME,
  WINDOW_UPDATES_PER_KIB,
  WINDOW_UPDATES_PER_STREAM,
} from './limits.ts';

const limits = { ...defaultLimits, abuseBudget: 100, abuseRefillPerSecond: 20, abuseEarnedPerCompletedStream: 0.5 };

/** How much may be charged before the score is exhausted. */
function left(score: AbuseScore): number {
  let charged = 0;
  while (!score.isExhausted) {
    score.charge(1);
    charged++;
  }
  return charged - 1;
}

test('abuseBudget: the whole of it passes at the start, and not one more', () => {
  assert.equal(left(new AbuseScore(limits)), 100);
});

test('SUSPECT_BELOW: an eighth of the budget may be drawn without suspicion, one more may not, and time takes it away', () => {
  const abuseBudget = 104;
  const score = new AbuseScore({ ...limits, abuseBudget });
  const allowed = abuseBudget * (1 - SUSPECT_BELOW);
  score.tick(50_000);
  score.charge(allowed);
  assert.equal(score.isSuspect, false);
  score.charge(1);
  assert.equal(score.isSuspect, true);
  score.tick(50_000 + 1000 / limits.abuseRefillPerSecond);
  assert.equal(score.isSuspect, false);
});

test('abuseRefillPerSecond: time gives back, never more than the budget; the first look at the clock gives nothing', () => {
  const score = new AbuseScore(limits);
  score.charge(100);
  score.tick(50_000);
  score.tick(51_500);
  assert.equal(left(score), 30);
  // One step below zero is owed before anything is left.
  score.tick(52_500);
  assert.equal(left(score), 19);
  score.tick(1_000_000);
  assert.equal(left(score), 100);
});

test('a clock that stands still or goes back gives nothing', () => {
  const score = new AbuseScore(limits);
  score.tick(50_000);
  score.charge(90);
  score.tick(50_000);
  score.tick(40_000);
  assert.equal(left(score), 10);
});

test('abuseEarnedPerCompletedStream: streams that complete give it back, never more than the budget', () => {
  const score = new AbuseScore(limits);
  score.charge(50);
  for (let i = 0; i < 20; i++) score.streamCompleted();
  assert.equal(left(score), 60);
  const full = new AbuseScore(limits);
  for (let i = 0; i < 20; i++) full.streamCompleted();
  assert.equal(left(full), 100);
});

test('PRIORITYs are free as far as streams explain them, and what is saved of that is bounded', () => {
  const free = (score: AbuseScore): number => {
    let count = 0;
    while (!score.isExhausted) {
      score.priority(1_000);
      count++;
    }
    return count - 1;
  };
  assert.equal(free(new AbuseScore(limits)), INITIAL_PRIORITY_ALLOWANCE);
  const busy = new AbuseScore(limits);
  for (let i = 0; i < 100; i++) busy.streamOpened();
  assert.equal(free(busy), INITIAL_PRIORITY_ALLOWANCE + PRIORITIES_PER_STREAM);
});

test('WINDOW_UPDATEs are free as far as streams and DATA explain them, and no more than so many are saved up', () => {
  const free = (score: AbuseScore): number => {
    let count = 0;
    while (!score.isExhausted) {
      score.windowUpdate(1_000);
      count++;
    }
    return count - 1;
  };
  assert.equal(free(new AbuseScore(limits)), INITIAL_WINDOW_UPDATE_ALLOWANCE);
  const one = new AbuseScore(limits);
  one.streamOpened();
  one.dataFrameSent(3 * 1024 + 1023);
  const explained = WINDOW_UPDATES_PER_STREAM + WINDOW_UPDATES_PER_DATA_FRAME + 3 * WINDOW_UPDATES_PER_KIB;
  assert.equal(free(one), INITIAL_WINDOW_UPDATE_ALLOWANCE + explained);
  const busy = new AbuseScore(limits);
  for (let i = 0; i < MAX_WINDOW_UPDATE_ALLOWANCE; i++) busy.streamOpened();
  assert.equal(free(busy), MAX_WINDOW_UPDATE_ALLOWANCE);
});

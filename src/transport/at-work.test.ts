import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAnyoneAtWork, noteAtWork } from './at-work.ts';
import { AT_WORK_MS } from './transport-limits.ts';

test('AT_WORK_MS: a known client that brought something is at work for so long, and not when it is over', () => {
  const nowMs = 5_000;
  // All of this process share it, tests too.
  noteAtWork(Number.NEGATIVE_INFINITY);
  assert.equal(isAnyoneAtWork(nowMs), false);
  noteAtWork(nowMs);
  assert.equal(isAnyoneAtWork(nowMs), true);
  assert.equal(isAnyoneAtWork(nowMs + AT_WORK_MS - 1), true);
  assert.equal(isAnyoneAtWork(nowMs + AT_WORK_MS), false);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitLog } from './log-limiter.ts';

test('a hundred lines per second pass, the rest is counted', () => {
  let nowMs = 0;
  const lines: string[] = [];
  const log = limitLog((line) => lines.push(line), { monotonicMs: () => nowMs, wallMs: () => 0 });
  for (let i = 0; i < 250; i++) log(`line ${i}`);
  assert.equal(lines.length, 100);
  nowMs = 1_000;
  log('later');
  assert.deepEqual(lines.slice(100), ['150 further lines were held back', 'later']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomRequestId } from './request-id.ts';

test('ids are UUIDs of version 4 and variant 10, and differ through several batches of randomness', () => {
  const ids = new Set<string>();
  for (let i = 0; i < 2_000; i++) {
    const id = randomRequestId();
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    ids.add(id);
  }
  assert.equal(ids.size, 2_000);
});

test('each digit but the fixed ones takes every value', () => {
  const seen = Array.from({ length: 36 }, () => new Set<string>());
  for (let i = 0; i < 2_000; i++) {
    for (const [at, digit] of Array.from(randomRequestId()).entries()) seen[at]?.add(digit);
  }
  const expected = seen.map((_, at) => ([8, 13, 14, 18, 23].includes(at) ? 1 : at === 19 ? 4 : 16));
  assert.deepEqual(
    seen.map(({ size }) => size),
    expected,
  );
});

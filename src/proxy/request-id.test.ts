import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRequestIds } from './request-id.ts';

const seed = Uint8Array.from({ length: 16 }, (_, index) => index * 7);

test('ids have the form of a random UUID and do not repeat', () => {
  const next = createRequestIds(seed);
  const ids = Array.from({ length: 100_000 }, next);
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(new Set(ids).size, ids.length);
});

test('every free bit is set about half of the time', () => {
  const next = createRequestIds(seed);
  const set = new Array<number>(128).fill(0);
  const rounds = 4_000;
  for (let round = 0; round < rounds; round++) {
    const bits = BigInt(`0x${next().replaceAll('-', '')}`);
    for (let bit = 0; bit < 128; bit++) if ((bits >> BigInt(bit)) & 1n) set[bit] = (set[bit] ?? 0) + 1;
  }
  const fixed = new Set([62, 63, 76, 77, 78, 79]);
  for (const [bit, count] of set.entries())
    if (!fixed.has(bit))
      assert.ok(Math.abs(count / rounds - 0.5) < 0.05, `bit ${bit} is set ${count} times of ${rounds}`);
});

test('another seed gives other ids, and a seed of zeros works', () => {
  assert.notEqual(createRequestIds(seed)(), createRequestIds(Uint8Array.from(seed, (byte) => byte ^ 1))());
  const next = createRequestIds(new Uint8Array(16));
  assert.notEqual(next(), next());
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BoundedCache, maxCachedKeyLength } from './bounded-cache.ts';

test('it never holds more than its bound, and keeps what is in use', () => {
  const cache = new BoundedCache<number>(8);
  cache.set('used', -1);
  for (let i = 0; i < 1_000; i++) {
    assert.equal(cache.get('used'), -1);
    if (cache.get(`k${i}`) === undefined) cache.set(`k${i}`, i);
    assert.ok(cache.size <= 8);
  }
  assert.equal(cache.get('k0'), undefined);
  assert.equal(cache.get('k999'), 999);
});

test('long keys are not kept', () => {
  const cache = new BoundedCache<number>(8);
  cache.set('x'.repeat(maxCachedKeyLength + 1), 1);
  assert.equal(cache.size, 0);
});

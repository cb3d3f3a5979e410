import assert from 'node:assert/strict';
import { test } from 'node:test';
import { internField } from '../http2/index.ts';
import type { HashPolicy } from '../plan/index.ts';
import { Exchange } from './exchange.ts';
import { requestHash } from './request-hash.ts';

function hashOf(key: HashPolicy['key'], path: string, ...headers: readonly (readonly [string, string])[]): unknown {
  const exchange = new Exchange(() => undefined, false);
  exchange.path = path;
  for (const [name, value] of headers) exchange.head[exchange.headCount++] = internField(name, value);
  return requestHash(key, exchange, () => 0.5);
}

test('a query parameter, by its first value', () => {
  const key = { type: 'query', name: 'user' } as const;
  assert.equal(hashOf(key, '/a.B/C?page=1&user=ada'), hashOf(key, '/a.B/C?user=ada&user=bob'));
  assert.notEqual(hashOf(key, '/a.B/C?user=ada'), hashOf(key, '/a.B/C?user=bob'));
  assert.equal(hashOf(key, '/a.B/C?users=ada'), undefined);
});

test('a header, all of its values', () => {
  const key = { type: 'header', name: 'x-user' } as const;
  assert.equal(
    hashOf(key, '/', ['x-user', 'a,b']),
    hashOf(key, '/', ['x-user', 'a'], ['x-other', 'c'], ['x-user', 'b']),
  );
  assert.equal(hashOf(key, '/'), undefined);
});

test('a cookie in any of several fields; none is made without a ttl', () => {
  const key = { type: 'cookie', name: 'at', attributes: [] } as const;
  assert.equal(
    hashOf(key, '/', ['cookie', 'x=1'], ['cookie', 'at=ada']),
    hashOf(key, '/', ['cookie', 'at="ada"; y=2']),
  );
  assert.equal(hashOf(key, '/', ['cookie', 'x=1']), undefined);
  assert.notEqual(hashOf({ ...key, ttlMs: 0 }, '/'), undefined);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { RuleFilters } from '../resource/index.ts';
import { lowerFilters, lowerLimits } from './route-filters.ts';

const origin = { kind: 'HTTPRoute', namespace: 'default', name: 'r', file: 'r.yaml', line: 1 };

/** Whether a CORS filter with these origins allows a browser's origin. */
function allows(allowOrigins: readonly string[], asked: string): boolean {
  const cors = {
    ...{ origin, allowOrigins, allowMethods: [], allowHeaders: [], exposeHeaders: [] },
    ...{ maxAgeSeconds: 5, allowCredentials: false },
  };
  const matches = lowerFilters({ mirrors: [], cors }).filters.cors?.allowOrigins ?? [];
  return matches.some(({ type, value }) =>
    type === 'Exact' ? value === '*' || value === asked : new RegExp(`^(?:${value})$`).test(asked),
  );
}

test('origins compare by scheme, host and port, the well-known port being none', () => {
  const rows = [
    ['https://a.example.com', 'https://a.example.com', true],
    ['https://A.Example.com:443', 'https://a.example.com', true],
    ['http://a.example.com:80', 'http://a.example.com', true],
    ['http://a.example.com:443', 'http://a.example.com', false],
    ['http://a.example.com:443', 'http://a.example.com:443', true],
    ['https://a.example.com', 'https://a.example.com:8443', false],
    ['https://a.example.com', 'http://a.example.com', false],
    ['https://a.example.com:08443', 'https://a.example.com:8443', true],
    ['https://a.example.com', 'https://axexample.com', false],
    ['*', 'null', true],
  ] as const;
  for (const [allowed, asked, expected] of rows)
    assert.equal(allows([allowed], asked), expected, `${allowed} ${asked}`);
});

test('a wildcard stands for one or more labels, alone for any host', () => {
  const rows = [
    ['https://*.example.com', 'https://a.example.com', true],
    ['https://*.example.com', 'https://b.a.example.com', true],
    ['https://*.example.com', 'https://example.com', false],
    ['https://*.example.com', 'https://a.example.com:444', false],
    ['https://*.example.com', 'https://a.example.com.evil.org', false],
    ['https://*.example.com', 'https://evil.org/.example.com', false],
    ['https://*.example.com:444', 'https://a.example.com:444', true],
    ['http://*', 'http://a.b', true],
    ['http://*', 'http://[::1]', true],
    ['http://*', 'http://a.b:8080', false],
    ['http://*:8080', 'http://[::1]:8080', true],
    ['http://*', 'https://a.b', false],
  ] as const;
  for (const [allowed, asked, expected] of rows)
    assert.equal(allows([allowed], asked), expected, `${allowed} ${asked}`);
});

test('property: an origin without wildcard allows itself and no other', () => {
  const label = fc.constantFrom('a', 'b', 'a-b');
  const host = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
  const written = fc
    .tuple(fc.constantFrom('http', 'https'), host, fc.constantFrom('', ':8080', ':81'))
    .map(([scheme, name, port]) => `${scheme}://${name}${port}`);
  fc.assert(fc.property(written, written, (a, b) => assert.equal(allows([a], b), a === b)));
});

test('a header host is the host of a rewrite, unless a URLRewrite names another', () => {
  const requestHeaders = { origin, set: [{ name: 'host', value: 'a' }], add: [], remove: [] };
  const setOnly: RuleFilters = { mirrors: [], requestHeaders };
  assert.deepEqual(lowerFilters(setOnly).filters, { rewrite: { origin, host: 'a' } });
  const both = lowerFilters({ ...setOnly, rewrite: { origin, hostname: 'b' } });
  assert.equal(both.filters.rewrite?.host, 'b');
  const path = { origin, type: 'ReplaceFullPath', value: '/x' } as const;
  assert.deepEqual(lowerFilters({ ...setOnly, rewrite: { origin, path } }).filters.rewrite, {
    ...{ origin, host: 'a' },
    path: { type: 'ReplaceFullPath', value: '/x' },
  });
});

test('with one attempt the backend limit is the limit of the request, with retries that of each attempt', () => {
  const rule = { origin, matches: [], filters: { mirrors: [] }, backendRefs: [], unsupported: [] };
  const limits = {
    requestTimeout: { value: 10_000, origin },
    backendRequestTimeout: { value: 2_000, origin },
  };
  assert.deepEqual(lowerLimits({ ...rule, ...limits }), { timeoutMs: 2_000 });
  const retried = lowerLimits({ ...rule, ...limits, retry: { origin, codes: [], attempts: 1 } });
  assert.equal(retried.timeoutMs, 10_000);
  assert.equal(retried.retry?.perTryTimeoutMs, 2_000);
  assert.equal(retried.retry.attempts, 1);
});

test('an HTTPRoute’s retry has the conditions of Istio’s default policy, and its codes', () => {
  const rule = { origin, matches: [], filters: { mirrors: [] }, backendRefs: [], unsupported: [] };
  const always = ['connect-failure', 'refused-stream', 'unavailable', 'cancelled'];
  const plain = lowerLimits({ ...rule, retry: { origin, codes: [] } }).retry;
  assert.deepEqual([plain?.attempts, plain?.on, plain?.minWaitMs], [2, always, undefined]);
  const coded = lowerLimits({ ...rule, retry: { origin, codes: [500], backoffMs: 7 } }).retry;
  assert.deepEqual(coded?.on, [...always, 'retriable-status-codes']);
  assert.deepEqual([coded?.statusCodes, coded?.minWaitMs], [[500], 7]);
});

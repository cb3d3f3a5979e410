import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { canonicalHost } from './host.ts';
import { buildHostIndex, lookupHost } from './host-index.ts';

test('case, port and final dot of an authority mean nothing', () => {
  const rows = [
    ['example.com', 'example.com'],
    ['EXAMPLE.com', 'example.com'],
    ['example.com:443', 'example.com'],
    ['example.com:', 'example.com'],
    ['example.com.', 'example.com'],
    ['Example.COM.:8080', 'example.com'],
    ['[::1]:8080', '[::1]'],
    ['[::1]', '[::1]'],
    ['127.0.0.1:80', '127.0.0.1'],
    ['', ''],
    ['.', '.'],
    // Not host[:port]: kept whole, so that it matches no name.
    ['example.com:abc', 'example.com:abc'],
    ['user@example.com', 'user@example.com'],
    ['example.com:80:80', 'example.com:80'],
    ['example.com..', 'example.com.'],
  ] as const;
  for (const [authority, host] of rows) assert.equal(canonicalHost(authority), host, authority);
});

const rank = (hostname: string): number =>
  hostname === '*' ? -1 : hostname.startsWith('*.') ? hostname.length : Number.MAX_SAFE_INTEGER;

/** Gateway API: exact before wildcard, longer wildcard before shorter, `*` last; the first of equals. */
function naiveLookup(hostnames: readonly string[], host: string): number | undefined {
  const matching = hostnames
    .map((hostname, index) => ({ hostname, index }))
    .filter(({ hostname }) => {
      if (hostname === '*') return true;
      if (hostname.startsWith('*.')) return host.endsWith(hostname.slice(1)) && host.length > hostname.length - 1;
      return hostname === host;
    });
  return matching.sort((a, b) => rank(b.hostname) - rank(a.hostname) || a.index - b.index)[0]?.index;
}

test('the index finds what a scan over all hostnames finds', () => {
  const label = fc.constantFrom('a', 'b', 'com');
  const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
  const hostname = fc.oneof(
    name,
    name.map((suffix) => `*.${suffix}`),
    fc.constant('*'),
  );
  const host = fc.oneof(
    name,
    name.map((suffix) => `.${suffix}`),
    fc.constant(''),
  );
  fc.assert(
    fc.property(fc.array(hostname, { maxLength: 12 }), host, (hostnames, wanted) => {
      const index = buildHostIndex(hostnames.map((one, position) => [one, position] as const));
      assert.equal(lookupHost(index, wanted), naiveLookup(hostnames, wanted));
    }),
    { numRuns: 2_000 },
  );
});

test('a host longer than any name is left to the catch-all', () => {
  const index = buildHostIndex([
    ['*.com', 1],
    ['*', 2],
  ]);
  assert.equal(lookupHost(index, 'a.com'), 1);
  assert.equal(lookupHost(index, `${'a.'.repeat(200)}com`), 2);
});

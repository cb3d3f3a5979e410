import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { hostnameCovers, intersectHostnames, normalHostname } from './hostname.ts';

test('exact, wildcard and any', () => {
  assert.equal(intersectHostnames('*', 'a.com'), 'a.com');
  assert.equal(intersectHostnames('*', '*'), '*');
  assert.equal(intersectHostnames('*.a.com', 'b.a.com'), 'b.a.com');
  assert.equal(intersectHostnames('*.a.com', 'c.b.a.com'), 'c.b.a.com');
  assert.equal(intersectHostnames('c.b.a.com', '*.a.com'), 'c.b.a.com');
  assert.equal(intersectHostnames('*.a.com', '*.b.a.com'), '*.b.a.com');
  assert.equal(intersectHostnames('*.a.com', 'a.com'), undefined);
  assert.equal(intersectHostnames('*.a.com', 'xa.com'), undefined);
  assert.equal(intersectHostnames('a.com', 'b.com'), undefined);
});

test('normal form is lower case, and absent means any', () => {
  assert.equal(normalHostname('SIT-Gateway.Example.COM'), 'sit-gateway.example.com');
  assert.equal(normalHostname(undefined), '*');
  assert.equal(normalHostname(''), '*');
});

const label = fc.constantFrom('a', 'b', 'com');
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const pattern = fc.oneof(
  name,
  name.map((host) => `*.${host}`),
  fc.constant('*'),
);

/** The definition, by labels instead of by text. */
function naiveMatch(hostname: string, host: string): boolean {
  if (hostname === '*') return true;
  const wanted = hostname.split('.');
  const given = host.split('.');
  if (wanted[0] !== '*') return hostname === host;
  const tail = wanted.slice(1);
  return given.length > tail.length && given.slice(-tail.length).join('.') === tail.join('.');
}

test('property: covering agrees with the definition by labels', () => {
  fc.assert(
    fc.property(pattern, name, (hostname, host) => hostnameCovers(hostname, host) === naiveMatch(hostname, host)),
  );
});

test('property: a host is in the intersection exactly when it is in both', () => {
  fc.assert(
    fc.property(pattern, pattern, name, (a, b, host) => {
      const both = intersectHostnames(a, b);
      return (both !== undefined && naiveMatch(both, host)) === (naiveMatch(a, host) && naiveMatch(b, host));
    }),
  );
});

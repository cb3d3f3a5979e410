import assert from 'node:assert/strict';
import { test } from 'node:test';
import { issueSvid, makeCa } from '../../test/kit/cert-kit.ts';
import type { SanName } from '../../test/kit/cert-der.ts';
import { checkNames, type WantedName } from './peer-names.ts';

const authority = makeCa();

function isFor(names: readonly SanName[], wanted: WantedName, commonName?: string): boolean {
  const { der } = issueSvid(authority, { names, ...(commonName === undefined ? {} : { commonName }) });
  return checkNames(der, [wanted]).error === undefined;
}

const dns = (value: string): WantedName => ({ type: 'dns', value });
const any = (value: string): WantedName => ({ type: 'any', value });

test('DNS names: whole, without regard to case, a wildcard for one label', () => {
  assert.ok(isFor([{ dns: 'a.example.com' }], dns('A.example.com')));
  assert.ok(isFor([{ dns: '*.example.com' }], dns('a.example.com')));
  for (const other of ['example.com', 'b.a.example.com', 'aexample.com', 'a.example.com.evil.com']) {
    assert.ok(!isFor([{ dns: '*.example.com' }], dns(other)), other);
  }
  assert.ok(!isFor([{ dns: 'a*.example.com' }], dns('ab.example.com')), 'a part of a label');
});

test('the common name counts for nothing', () => {
  assert.ok(!isFor([], dns('a.example.com'), 'a.example.com'));
  assert.ok(!isFor([{ dns: 'b.example.com' }], dns('a.example.com'), 'a.example.com'));
});

test('URIs: exactly, and never as part of another name', () => {
  const uri = 'spiffe://a/b';
  assert.ok(isFor([{ uri }], any(uri)));
  assert.ok(!isFor([{ uri }], any('spiffe://a/B')));
  assert.ok(!isFor([{ uri }], dns(uri)));
  // Names that try to look like two (CVE-2021-44532).
  assert.ok(!isFor([{ dns: `x, URI:${uri}` }], any(uri)));
  assert.ok(!isFor([{ uri: `http://x, URI:${uri}` }], any(uri)));
  assert.ok(isFor([{ uri: 'http://x/,y"z' }], any('http://x/,y"z')));
});

test('addresses', () => {
  assert.ok(isFor([{ ip: '127.0.0.1' }], any('127.0.0.1')));
  assert.ok(!isFor([{ ip: '127.0.0.1' }], any('127.0.0.2')));
});

test('the message says what was found, and not too much of it', () => {
  const many = Array.from({ length: 50 }, (_, index) => ({ dns: `host-${index}.example.com` }));
  const { der } = issueSvid(authority, { names: many });
  const { error = '' } = checkNames(der, [dns('a'), any('b')]);
  assert.match(error, /^the certificate is not for "a" or "b": it has "DNS:host-0\.example\.com, /);
  assert.ok(error.length < 300);
});

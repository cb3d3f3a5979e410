import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  checkTrustDomain,
  formatSpiffeId,
  istioSpiffeId,
  parseIstioSpiffeId,
  parseSpiffeId,
  principalOf,
} from './spiffe-id.ts';

test('ids of the specification are read and written unchanged', () => {
  const ids = [
    'spiffe://example.org',
    'spiffe://cluster.local/ns/default/sa/app',
    'spiffe://a_b-c.9/A/b_C-d.e/...',
    `spiffe://${'a'.repeat(255)}/x`,
  ];
  for (const text of ids) {
    const { id, error } = parseSpiffeId(text);
    assert.equal(error, undefined);
    assert.ok(id);
    assert.equal(formatSpiffeId(id), text);
  }
});

test('everything else is refused', () => {
  const wrong = [
    '',
    'spiffe',
    'spiffe:/a/b',
    'spiffe://',
    'http://a/b',
    'SPIFFE://a/b',
    ' spiffe://a/b',
    'spiffe://a/b ',
  ];
  for (const text of wrong) assert.notEqual(parseSpiffeId(text).error, undefined, JSON.stringify(text));
});

test('trust domains', () => {
  assert.equal(checkTrustDomain('cluster.local'), undefined);
  assert.match(checkTrustDomain('') ?? '', /empty/);
  assert.match(checkTrustDomain('A') ?? '', /"A"/);
  assert.match(checkTrustDomain('a'.repeat(256)) ?? '', /255/);
});

test("Istio's form goes both ways", () => {
  const identity = { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'asset-management' };
  const text = 'spiffe://cluster.local/ns/default/sa/asset-management';
  assert.equal(istioSpiffeId(identity), text);
  assert.deepEqual(parseIstioSpiffeId(text), identity);
  assert.equal(istioSpiffeId({ ...identity, trustDomain: 'me@x' }), 'spiffe://me.x/ns/default/sa/asset-management');
  for (const other of ['spiffe://a/ns/b/sa', 'spiffe://a/ns/b/sa/c/d', 'spiffe://a/x/b/sa/c', 'spiffe://a', 'x']) {
    assert.equal(parseIstioSpiffeId(other), undefined, other);
  }
});

test('a principal is the id without its scheme', () => {
  assert.equal(principalOf('spiffe://cluster.local/ns/a/sa/b'), 'cluster.local/ns/a/sa/b');
  assert.equal(principalOf(''), '');
});

test('no text makes the parser throw, and what it takes it gives back', () => {
  const piece = fc.constantFrom('spiffe://', '/', '.', '..', 'ns', 'A', '%2e', '\0', 'ä', '@', ':', 'a.b', '_', '\n');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (input) => {
      const { id, error } = parseSpiffeId(input);
      const outcome = id === undefined ? error : formatSpiffeId(id);
      assert.match(outcome ?? '', /^[\x20-\x7e…]*$/);
      assert.equal(id === undefined || outcome === input, true);
    }),
    { seed: 20_261_122, numRuns: 3000 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expandDomain, expandPrincipal, parsePathPattern, parseStringPattern, patternMatches } from './policy-match.ts';

test('string patterns', () => {
  assert.deepEqual(parseStringPattern('*'), { type: 'presence', value: '' });
  assert.deepEqual(parseStringPattern('*/sa/a'), { type: 'suffix', value: '/sa/a' });
  assert.deepEqual(parseStringPattern('/a.B/*'), { type: 'prefix', value: '/a.B/' });
  assert.deepEqual(parseStringPattern('a*b'), { type: 'exact', value: 'a*b' });
});

test('presence needs a value', () => {
  assert.equal(patternMatches(parseStringPattern('*'), ''), false);
  assert.equal(patternMatches(parseStringPattern('*'), 'x'), true);
  assert.equal(patternMatches(parseStringPattern('*b'), 'ab'), true);
  assert.equal(patternMatches(parseStringPattern('a*'), 'ba'), false);
  assert.equal(patternMatches(parseStringPattern('a'), 'a'), true);
});

test('path templates', () => {
  assert.deepEqual(parsePathPattern('/a/{*}/c'), { type: 'template', value: '/a/{*}/c' });
  assert.deepEqual(parsePathPattern('/a/{**}'), { type: 'template', value: '/a/{**}' });
  assert.deepEqual(parsePathPattern('/a/{b}'), { type: 'exact', value: '/a/{b}' });
});

test('trust domain aliases', () => {
  const trust = { trustDomain: 'example.org', aliases: ['old.org'] };
  const expanded = ['example.org/ns/a/sa/b', 'old.org/ns/a/sa/b'];
  assert.deepEqual(expandPrincipal('cluster.local/ns/a/sa/b', trust), expanded);
  assert.deepEqual(expandPrincipal('old.org/ns/a/sa/b', trust), expanded);
  assert.deepEqual(expandPrincipal('foreign.org/ns/a/sa/b', trust), ['foreign.org/ns/a/sa/b']);
  assert.deepEqual(expandPrincipal('*/ns/a/sa/b', trust), ['*/ns/a/sa/b']);
  assert.deepEqual(expandPrincipal('cluster.local/ns/a/*', trust), ['cluster.local/ns/a/*']);
  assert.deepEqual(expandDomain('cluster.local', trust), ['example.org', 'old.org']);
  assert.deepEqual(expandDomain('foreign.org', trust), ['foreign.org']);
});

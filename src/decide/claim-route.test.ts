import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPlan, testPortId, testProxyId } from '../../test/kit/plan-kit.ts';
import { testRequest } from '../../test/kit/request-facts.ts';
import type { HeaderMatch } from '../plan/index.ts';
import { compileProxy } from './compile-proxy.ts';
import { decideRoute } from './route.ts';
import type { TokenFacts } from './token-facts.ts';

function tokenWith(claims: TokenFacts['claims']): TokenFacts {
  return { issuer: 'a', subject: 'b', audiences: [], presenter: '', claims, spaceDelimited: new Set(['scope']) };
}

function routes(header: HeaderMatch, token: TokenFacts | undefined): boolean {
  const match = { path: { type: 'PathPrefix', value: '/' }, headers: [header] } as const;
  const listeners = [{ virtualHosts: [{ hostname: '*', routes: [{ match }] }] }];
  const port = compileProxy(buildPlan({ listeners }), testProxyId).ports.get(testPortId);
  assert.ok(port);
  // A header of that name cannot be sent; one that is close must not do either.
  const headers = [['request.auth.claims[role]', 'admin']] as const;
  return decideRoute(port, testRequest({ headers, token })).type === 'route';
}

test('a route by a claim: any of its texts may match, and only those of a verified token', () => {
  const role: HeaderMatch = { name: '@request.auth.claims[role]', type: 'Exact', value: 'admin' };
  assert.equal(routes(role, undefined), false);
  assert.equal(routes(role, tokenWith({ role: 'admin' })), true);
  assert.equal(routes(role, tokenWith({ role: 'user' })), false);
  assert.equal(routes(role, tokenWith({ role: ['user', 'admin'] })), true);
  assert.equal(routes(role, tokenWith({ role: { admin: true } })), false);
  const nested: HeaderMatch = { name: '@request.auth.claims[realm][role]', type: 'Prefix', value: 'adm' };
  assert.equal(routes(nested, tokenWith({ realm: { role: 'admin' } })), true);
  assert.equal(routes(nested, tokenWith({ 'realm][role': 'admin', role: 'admin' })), false);
  const word: HeaderMatch = { name: '@request.auth.claims[scope]', type: 'Exact', value: 'größer' };
  assert.equal(routes(word, tokenWith({ scope: 'a größer b' })), true);
});

test('a route that asks for the absence of a claim', () => {
  const notAdmin: HeaderMatch = { name: '@request.auth.claims[role]', type: 'Exact', value: 'admin', invert: true };
  assert.equal(routes(notAdmin, undefined), true);
  assert.equal(routes(notAdmin, tokenWith({ role: 'user' })), true);
  assert.equal(routes(notAdmin, tokenWith({ role: ['user', 'admin'] })), false);
});

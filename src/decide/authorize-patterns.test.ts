/** Where Istio's matchers differ from each other: stars in namespaces, in parts of a request principal, for a header. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPlan, testPolicy, testPortId, testProxyId } from '../../test/kit/plan-kit.ts';
import { testConnection, testRequest, type TestRequest } from '../../test/kit/request-facts.ts';
import type { PolicyRule, StringMatch } from '../plan/index.ts';
import { decideAuthorization } from './authorize.ts';
import { compileProxy } from './compile-proxy.ts';
import { bindAuthorization } from './policy-bind.ts';
import type { CompiledPort } from './types.ts';

type Rule = Partial<Pick<PolicyRule, 'from' | 'to' | 'when'>>;

function allows(rule: Rule, request: TestRequest = {}, principal = 'cluster.local/ns/team-a-prod/sa/web'): boolean {
  const plan = buildPlan({ policies: [testPolicy('p', { action: 'ALLOW', rules: [rule] })] });
  const proxy = compileProxy(plan, testProxyId);
  const port = proxy.ports.get(testPortId) as CompiledPort;
  const bound = bindAuthorization(proxy, { port, connection: testConnection({ principal }) });
  return decideAuthorization(bound, testRequest(request)).allowed;
}

function token(issuer: string, subject: string): TestRequest {
  const claims = { iss: issuer, sub: subject };
  return { token: { issuer, subject, audiences: [], presenter: '', claims, spaceDelimited: new Set() } };
}

test('every star of a namespace is any text', () => {
  const glob = (value: string): StringMatch[] => [{ type: 'glob', value }];
  assert.equal(allows({ from: [{ namespaces: glob('team-*-prod') }] }), true);
  assert.equal(allows({ from: [{ namespaces: glob('team-*-dev') }] }), false);
  assert.equal(allows({ from: [{ namespaces: glob('*-a-*') }] }), true);
  assert.equal(allows({ from: [{ namespaces: glob('team.*prod') }] }), false, 'a dot is a dot');
  assert.equal(allows({ from: [{ notNamespaces: glob('team-*-prod') }] }), false);
  assert.equal(allows({ when: [{ key: 'source.namespace', values: glob('team-*-prod'), notValues: [] }] }), true);
  assert.equal(allows({ from: [{ namespaces: glob('*a*') }] }, {}, ''), false, 'nobody has no namespace');
});

test('a pattern of a request principal is split at its last / too', () => {
  const rows: readonly [StringMatch, issuer: string, subject: string, expected: boolean][] = [
    [{ type: 'prefix', value: 'https://a/' }, 'https://a', 'me', true],
    [{ type: 'prefix', value: 'https://a/' }, 'https://a/evil', 'me', false],
    [{ type: 'prefix', value: 'https://a/' }, 'https://a', '', false],
    [{ type: 'prefix', value: 'https://a/m' }, 'https://a', 'me', true],
    [{ type: 'prefix', value: 'https://a/m' }, 'https://a', 'you', false],
    [{ type: 'prefix', value: 'acc' }, 'accounts', 'me', true],
    [{ type: 'prefix', value: 'acc' }, 'x', 'acc', false],
    [{ type: 'suffix', value: '/me' }, 'https://a', 'me', true],
    [{ type: 'suffix', value: '/me' }, 'https://a', 'x/me', false],
    [{ type: 'suffix', value: 'b/me' }, 'https://a.b', 'me', true],
    [{ type: 'suffix', value: 'b/me' }, 'https://a.c', 'me', false],
    [{ type: 'suffix', value: '@b' }, 'https://a', 'me@b', true],
    [{ type: 'suffix', value: '@b' }, 'https://a@b', 'me', false],
    [{ type: 'presence', value: '' }, 'https://a', 'me', true],
    [{ type: 'presence', value: '' }, 'https://a', '', false],
    [{ type: 'exact', value: 'https://a/me' }, 'https://a', 'me', true],
    [{ type: 'exact', value: 'https://a/b/me' }, 'https://a', 'b/me', false],
  ];
  for (const [match, issuer, subject, expected] of rows) {
    const why = `${match.type} ${match.value} for ${issuer} and ${subject}`;
    assert.equal(allows({ from: [{ requestPrincipals: [match] }] }, token(issuer, subject)), expected, why);
    const when = [{ key: 'request.auth.principal', values: [], notValues: [match] }];
    assert.equal(allows({ when }, token(issuer, subject)), !expected, why);
  }
});

test('of a header the star asks only that it is there', () => {
  const rule: Rule = {
    when: [{ key: 'request.headers[x]', values: [{ type: 'presence', value: '' }], notValues: [] }],
  };
  assert.equal(allows(rule, { headers: [['x', 'a']] }), true);
  assert.equal(allows(rule, { headers: [['x', '']] }), true);
  assert.equal(allows(rule), false);
});

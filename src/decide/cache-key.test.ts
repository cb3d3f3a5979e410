/** A cache key that misses an input gives one request the decision of another: each input by itself, both orders. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPlan, testPolicy, testPortId, testProxyId, type TestRoute } from '../../test/kit/plan-kit.ts';
import { testConnection, testRequest, type TestRequest } from '../../test/kit/request-facts.ts';
import type { PolicyRule, RouteMatch, StringMatch } from '../plan/index.ts';
import { decideAuthorization } from './authorize.ts';
import { compileProxy } from './compile-proxy.ts';
import type { ConnectionFacts } from './facts.ts';
import { bindAuthorization } from './policy-bind.ts';
import { decideRoute } from './route.ts';
import type { TokenFacts } from './token-facts.ts';
import type { CompiledPort, CompiledProxy } from './types.ts';

interface Case {
  readonly input: string;
  readonly rule: Partial<Pick<PolicyRule, 'from' | 'to' | 'when'>>;
  readonly matching: { readonly request?: TestRequest; readonly connection?: Partial<ConnectionFacts> };
  readonly other: Case['matching'];
}

function exact(value: string): StringMatch[] {
  return [{ type: 'exact', value }];
}

function tokenOf(subject: string): TokenFacts {
  return { issuer: 'a', subject, audiences: [], presenter: '', claims: { sub: subject }, spaceDelimited: new Set() };
}

function when(key: string, value: string): Case['rule'] {
  return { when: [{ key, values: exact(value), notValues: [] }] };
}

const cases: readonly Case[] = [
  {
    input: 'path',
    rule: { to: [{ paths: exact('/a/b') }] },
    matching: { request: { path: '/a/b' } },
    other: { request: { path: '/a/c' } },
  },
  {
    input: 'method',
    rule: { to: [{ methods: exact('POST') }] },
    matching: { request: { method: 'POST' } },
    other: { request: { method: 'GET' } },
  },
  {
    input: 'other method',
    rule: { to: [{ methods: exact('GET') }] },
    matching: { request: { method: 'GET' } },
    other: { request: { method: 'PUT' } },
  },
  {
    input: 'host',
    rule: { to: [{ hosts: exact('a') }] },
    matching: { request: { authority: 'a' } },
    other: { request: { authority: 'b' } },
  },
  {
    input: 'host among operations without one',
    rule: { to: [{ methods: exact('PUT') }, { hosts: exact('a') }] },
    matching: { request: { authority: 'a' } },
    other: { request: { authority: 'b' } },
  },
  {
    input: 'header',
    rule: when('request.headers[x]', '1'),
    matching: { request: { headers: [['x', '1']] } },
    other: { request: { headers: [['x', '2']] } },
  },
  {
    input: 'scheme',
    rule: when('request.headers[:scheme]', 'http'),
    matching: { request: { scheme: 'http' } },
    other: { request: { scheme: 'https' } },
  },
  {
    input: 'principal',
    rule: when('source.principal', 'a'),
    matching: { connection: { principal: 'a' } },
    other: { connection: { principal: 'b' } },
  },
  {
    input: 'source address',
    rule: when('source.ip', '10.0.0.1'),
    matching: { connection: { sourceIp: '10.0.0.1' } },
    other: { connection: { sourceIp: '10.0.0.2' } },
  },
  {
    input: 'destination address',
    rule: when('destination.ip', '10.0.0.1'),
    matching: { connection: { destinationIp: '10.0.0.1' } },
    other: { connection: { destinationIp: '10.0.0.2' } },
  },
  {
    input: 'client address',
    rule: { from: [{ remoteIpBlocks: ['10.0.0.1'] }] },
    matching: { request: { headers: [['x-forwarded-for', '1.2.3.4,10.0.0.1']] } },
    other: { request: { headers: [['x-forwarded-for', '10.0.0.1,10.0.0.2']] } },
  },
  {
    input: 'peer as the client',
    rule: when('remote.ip', '10.0.0.1'),
    matching: { connection: { sourceIp: '10.0.0.1' } },
    other: { connection: { sourceIp: '10.0.0.2' } },
  },
  {
    input: 'token',
    rule: { from: [{ requestPrincipals: exact('a/b') }] },
    matching: { request: { token: tokenOf('b') } },
    other: { request: { token: tokenOf('c') } },
  },
  {
    input: 'token or none, beside a source without one',
    rule: { from: [{ principals: exact('nobody') }, { requestPrincipals: exact('a/b') }] },
    matching: { request: { token: tokenOf('b') } },
    other: {},
  },
  {
    input: 'claim',
    rule: when('request.auth.claims[sub]', 'b'),
    matching: { request: { token: tokenOf('b') } },
    other: { request: { token: tokenOf('c') } },
  },
  {
    input: 'server name',
    rule: when('connection.sni', 'a'),
    matching: { connection: { sni: 'a' } },
    other: { connection: { sni: 'b' } },
  },
];

function allowed(proxy: CompiledProxy, { request, connection }: Case['matching']): boolean {
  const port = proxy.ports.get(testPortId) as CompiledPort;
  const bound = bindAuthorization(proxy, { port, connection: testConnection(connection) });
  return decideAuthorization(bound, testRequest(request)).allowed;
}

for (const { input, rule, matching, other } of cases) {
  test(`authorization: requests that differ only in ${input} are told apart`, () => {
    for (const first of [matching, other]) {
      const allow = compileProxy(
        buildPlan({ policies: [testPolicy('p', { action: 'ALLOW', rules: [rule] })] }),
        testProxyId,
      );
      const deny = compileProxy(
        buildPlan({ policies: [testPolicy('p', { action: 'DENY', rules: [rule] })] }),
        testProxyId,
      );
      for (const one of [first, matching, other, matching, other]) {
        assert.equal(allowed(allow, one), one === matching);
        assert.equal(allowed(deny, one), one !== matching);
      }
    }
  });
}

test('authorization: ports of one proxy are told apart', () => {
  const plan = buildPlan({ policies: [testPolicy('p', { action: 'ALLOW', rules: [{ to: [{ ports: [8080] }] }] })] });
  const second = { ...plan.ports[testPortId], id: 'second', number: 9090 } as NonNullable<(typeof plan.ports)[string]>;
  const proxy = compileProxy({ ...plan, ports: { ...plan.ports, second } }, testProxyId);
  const allowedAt = (id: string): boolean => {
    const port = proxy.ports.get(id) as CompiledPort;
    return decideAuthorization(bindAuthorization(proxy, { port, connection: testConnection() }), testRequest()).allowed;
  };
  assert.deepEqual([testPortId, 'second', testPortId, 'second'].map(allowedAt), [true, false, true, false]);
});

test('routes: requests that differ only in one input are told apart', () => {
  const path = { type: 'Exact', value: '/a/b' } as const;
  const rows: readonly { readonly match: RouteMatch; readonly matching: TestRequest; readonly other: TestRequest }[] = [
    { match: { path, headers: [] }, matching: {}, other: { path: '/a/c' } },
    { match: { path, method: { type: 'Exact', value: 'POST' }, headers: [] }, matching: {}, other: { method: 'GET' } },
    {
      match: { path, headers: [{ name: 'x', type: 'Exact', value: '1' }] },
      matching: { headers: [['x', '1']] },
      other: {},
    },
    { match: { path, headers: [] }, matching: {}, other: { authority: 'other.org' } },
  ];
  for (const { match, matching, other } of rows) {
    for (const first of [matching, other]) {
      const port = portServing([{ match }]);
      for (const one of [first, matching, other, matching, other]) {
        const decision = decideRoute(port, testRequest({ authority: 'a.org', path: '/a/b', ...one }));
        assert.equal(decision.type === 'route', one === matching);
      }
    }
  }
});

function portServing(routes: readonly TestRoute[]): CompiledPort {
  const listeners = [{ hostname: '*', virtualHosts: [{ hostname: 'a.org', routes }] }];
  return compileProxy(buildPlan({ listeners }), testProxyId).ports.get(testPortId) as CompiledPort;
}

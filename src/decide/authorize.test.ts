import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPlan, testPolicy, testPortId, testProxyId } from '../../test/kit/plan-kit.ts';
import { testConnection, testRequest, type TestRequest } from '../../test/kit/request-facts.ts';
import type { AuthorizationPolicy, PolicyCondition, PolicyRule, StringMatch } from '../plan/index.ts';
import { decideAuthorization } from './authorize.ts';
import { compileProxy } from './compile-proxy.ts';
import type { ConnectionFacts } from './facts.ts';
import { bindAuthorization } from './policy-bind.ts';
import type { AuthorizationDecision, AuthorizationTrace } from './policy-types.ts';
import type { CompiledPort, CompiledProxy } from './types.ts';

type Rule = Partial<Pick<PolicyRule, 'from' | 'to' | 'when'>>;

function decide(
  policies: readonly AuthorizationPolicy[],
  request: TestRequest = {},
  connection: Partial<ConnectionFacts> = {},
): AuthorizationDecision {
  const proxy = compileProxy(buildPlan({ policies }), testProxyId);
  return decideWith(proxy, request, connection);
}

function decideWith(
  proxy: CompiledProxy,
  request: TestRequest,
  connection: Partial<ConnectionFacts>,
): AuthorizationDecision {
  const port = proxy.ports.get(testPortId) as CompiledPort;
  const bound = bindAuthorization(proxy, { port, connection: testConnection(connection) });
  return decideAuthorization(bound, testRequest(request));
}

/** Whether the rule, alone in a policy of that action, matches. */
function matches(
  action: 'ALLOW' | 'DENY',
  rule: Rule,
  request: TestRequest = {},
  connection: Partial<ConnectionFacts> = {},
): boolean {
  const { allowed } = decide([testPolicy('p', { action, rules: [rule] })], request, connection);
  return action === 'ALLOW' ? allowed : !allowed;
}

function exact(...values: string[]): StringMatch[] {
  return values.map((value) => ({ type: 'exact', value }));
}

const presence: StringMatch = { type: 'presence', value: '' };

test('without policies everything is allowed, with an ALLOW policy what it matches', () => {
  assert.deepEqual(decide([]), { allowed: true, details: '' });
  const policy = testPolicy('asset', {
    action: 'ALLOW',
    rules: [
      {
        from: [{ principals: exact('cluster.local/ns/gateway/sa/gateway') }],
        to: [{ paths: [{ type: 'prefix', value: '/asset.AssetService/' }] }],
      },
    ],
  });
  const allowed = decide([policy]);
  assert.equal(allowed.allowed, true);
  assert.equal(allowed.policy?.name, 'asset');
  assert.equal(allowed.policy?.origin.line, 10);
  const considered = [policy.origin];
  const denied = { allowed: false, details: 'rbac_access_denied_matched_policy[none]', considered };
  assert.deepEqual(decide([policy], { path: '/asset.Other/Get' }), denied);
  assert.deepEqual(decide([policy], {}, { principal: 'cluster.local/ns/other/sa/gateway' }), denied);
  assert.deepEqual(decide([policy], {}, { principal: '' }), denied);
});

test('an ALLOW policy without rules denies everything, an empty rule matches everything', () => {
  assert.equal(decide([testPolicy('p', { action: 'ALLOW', rules: [] })]).allowed, false);
  assert.equal(decide([testPolicy('p', { action: 'ALLOW', rules: [{}] })]).allowed, true);
  assert.equal(decide([testPolicy('p', { action: 'DENY', rules: [] })]).allowed, true);
  assert.equal(decide([testPolicy('p', { action: 'DENY', rules: [{}] })]).allowed, false);
});

test('DENY comes before ALLOW and is named', () => {
  const decision = decide([
    testPolicy('allow', { action: 'ALLOW', rules: [{}] }),
    testPolicy('deny', {
      action: 'DENY',
      rules: [{ to: [{ methods: exact('GET') }] }, { to: [{ methods: exact('POST') }] }],
    }),
  ]);
  assert.equal(decision.details, 'rbac_access_denied_matched_policy[ns[default]-policy[deny]-rule[1]]');
  assert.equal(decision.policy?.ruleIndex, 1);
});

test('a dry run is reported, never enforced, and is no ALLOW policy', () => {
  const rules = [{ to: [{ methods: exact('GET') }] }];
  const allow = decide([testPolicy('trial', { action: 'ALLOW', dryRun: true, rules })]);
  assert.deepEqual(allow, { allowed: true, details: '', shadow: { allowed: false } });
  const deny = decide([testPolicy('trial', { action: 'DENY', dryRun: true, rules })], { method: 'GET' });
  assert.equal(deny.allowed, true);
  assert.equal(deny.shadow?.allowed, false);
  assert.equal(deny.shadow?.policy?.name, 'trial');
});

test('AUDIT marks and decides nothing; on trial it does not even mark', () => {
  const rules = [{}];
  const marked = decide([testPolicy('audit', { action: 'AUDIT', rules })]);
  assert.deepEqual([marked.allowed, marked.audited?.name], [true, 'audit']);
  const tried = decide([testPolicy('audit', { action: 'AUDIT', dryRun: true, rules })]);
  assert.deepEqual(tried, { allowed: true, details: '' });
});

test('a plaintext peer matches no principals and all notPrincipals', () => {
  const plaintext = { principal: '' };
  assert.equal(matches('ALLOW', { from: [{ principals: [presence] }] }, {}, plaintext), false);
  assert.equal(matches('ALLOW', { from: [{ principals: [presence] }] }), true);
  assert.equal(matches('DENY', { from: [{ notPrincipals: [presence] }] }, {}, plaintext), true);
  assert.equal(matches('ALLOW', { from: [{ namespaces: [presence] }] }, {}, plaintext), false);
  assert.equal(matches('DENY', { from: [{ notNamespaces: exact('gateway') }] }, {}, plaintext), true);
  assert.equal(matches('ALLOW', { from: [{ serviceAccounts: ['gateway/gateway'] }] }, {}, plaintext), false);
});

test('namespace and service account are segments of the identity', () => {
  const rows: readonly [Rule, boolean][] = [
    [{ from: [{ namespaces: exact('gateway') }] }, true],
    [{ from: [{ namespaces: exact('gate') }] }, false],
    [{ from: [{ namespaces: [{ type: 'prefix', value: 'gate' }] }] }, true],
    [{ from: [{ namespaces: [{ type: 'suffix', value: 'way' }] }] }, true],
    [{ from: [{ namespaces: [{ type: 'suffix', value: 'sa' }] }] }, false],
    [{ from: [{ serviceAccounts: ['gateway/gateway'] }] }, true],
    [{ from: [{ serviceAccounts: ['gateway/gate'] }] }, false],
    [{ from: [{ notServiceAccounts: ['gateway/gateway'] }] }, false],
    [{ from: [{ trustDomains: ['cluster.local'] }] }, true],
    [{ from: [{ trustDomains: ['cluster'] }] }, false],
    [{ from: [{ notTrustDomains: ['cluster.local'] }] }, false],
    [{ from: [{ notTrustDomains: ['cluster'] }] }, true],
    [{ from: [{ principals: [{ type: 'suffix', value: '/sa/gateway' }], trustDomains: ['cluster.local'] }] }, true],
    [{ from: [{ principals: exact('other/ns/gateway/sa/gateway'), trustDomains: ['cluster.local'] }] }, false],
    [{ when: [condition('source.namespace', exact('gateway'))] }, true],
    [{ when: [condition('source.principal', exact('cluster.local/ns/gateway/sa/gateway'))] }, true],
    [{ when: [condition('source.serviceAccount', exact('gateway/gateway'))] }, true],
    [{ when: [condition('source.trustDomain', exact('cluster.local'))] }, true],
    [{ when: [condition('source.trustDomain', exact('cluster'))] }, false],
    [{ when: [condition('source.namespace', [], exact('gateway'))] }, false],
  ];
  for (const [rule, expected] of rows) assert.equal(matches('ALLOW', rule), expected, JSON.stringify(rule));
});

function condition(
  key: string,
  values: readonly StringMatch[],
  notValues: readonly StringMatch[] = [],
): PolicyCondition {
  return { key, values, notValues };
}

test('addresses, ports and server names', () => {
  const peer = { sourceIp: '10.1.2.3', destinationIp: '10.9.9.9', sni: 'outbound_.8080_._.asset' };
  const rows: readonly [Rule, boolean][] = [
    [{ from: [{ ipBlocks: ['10.1.0.0/16'] }] }, true],
    [{ from: [{ ipBlocks: ['10.1.2.3'] }] }, true],
    [{ from: [{ ipBlocks: ['10.2.0.0/16', '192.168.0.1'] }] }, false],
    [{ from: [{ notIpBlocks: ['10.1.0.0/16'] }] }, false],
    [{ when: [condition('source.ip', exact('10.1.2.0/24'))] }, true],
    [{ when: [condition('destination.ip', exact('10.9.9.9'))] }, true],
    [{ to: [{ ports: [8080] }] }, true],
    [{ to: [{ ports: [80, 808] }] }, false],
    [{ to: [{ notPorts: [8080] }] }, false],
    [{ when: [condition('destination.port', exact('8080'))] }, true],
    [{ when: [condition('connection.sni', [{ type: 'prefix', value: 'outbound_' }])] }, true],
  ];
  for (const [rule, expected] of rows) assert.equal(matches('ALLOW', rule, {}, peer), expected, JSON.stringify(rule));
  const mapped = { sourceIp: '::ffff:10.1.2.3' };
  assert.equal(matches('DENY', { from: [{ ipBlocks: ['10.1.0.0/16'] }] }, {}, mapped), true);
  const v6 = { sourceIp: 'fe80::1%eth0' };
  assert.equal(matches('DENY', { from: [{ ipBlocks: ['fe80::/10'] }] }, {}, v6), true);
});

test('a peer whose address is none is let in by no rule on addresses', () => {
  const nowhere = { sourceIp: '' };
  assert.equal(matches('ALLOW', { from: [{ ipBlocks: ['0.0.0.0/0'] }] }, {}, nowhere), false);
  assert.equal(matches('ALLOW', { from: [{ notIpBlocks: ['10.0.0.0/8'] }] }, {}, nowhere), false);
  assert.equal(matches('DENY', { from: [{ ipBlocks: ['10.0.0.0/8'] }] }, {}, nowhere), true);
  assert.equal(matches('DENY', { from: [{ notIpBlocks: ['10.0.0.0/8'] }] }, {}, nowhere), true);
});

test('a rule that cannot be evaluated fails closed', () => {
  const broken: readonly Rule[] = [
    { when: [condition('request.auth.claims[iss', exact('a'))] },
    { when: [condition('request.auth.other', exact('a'))] },
    { when: [condition('remote.ip', [{ type: 'prefix', value: '10.' }])] },
    { from: [{ remoteIpBlocks: ['10.0.0.0/33'] }] },
    { when: [condition('request.headers[x-a][b]', exact('a'))] },
    { when: [condition('source.ip', [{ type: 'prefix', value: '10.' }])] },
    { when: [condition('source.namespace', [])] },
    { from: [{ ipBlocks: ['10.0.0.0/33'] }] },
    { from: [{ notIpBlocks: ['ten'] }] },
    { from: [{ requestSubjects: exact('iss/sub') } as object] },
    { to: [{ notHeaders: exact('x') } as object] },
    { from: [{ anonymous: true } as object] },
    { to: [{ constructor: exact('x') } as object] },
  ];
  for (const rule of broken) {
    assert.equal(matches('ALLOW', rule), false, JSON.stringify(rule));
    assert.equal(matches('DENY', rule), true, JSON.stringify(rule));
  }
});

test('a broken rule does not take the others of its policy with it', () => {
  const rules = [{ when: [condition('no.such.key', exact('a'))] }, { to: [{ methods: exact('POST') }] }];
  assert.equal(decide([testPolicy('p', { action: 'ALLOW', rules })]).policy?.ruleIndex, 1);
});

const hostIs = (authority: string): TestRequest => ({ authority });

test('hosts: no escape from a list by a port, a final dot or capitals, and no entry either', () => {
  const listed: Rule = { to: [{ hosts: exact('Example.com') }] };
  for (const authority of ['example.com', 'EXAMPLE.com', 'example.com:443', 'example.com.', 'example.com.:443']) {
    assert.equal(matches('DENY', listed, hostIs(authority)), true, authority);
    assert.equal(matches('ALLOW', { to: [{ notHosts: exact('example.com') }] }, hostIs(authority)), false, authority);
  }
  assert.equal(matches('ALLOW', listed, hostIs('EXAMPLE.com')), true);
  assert.equal(matches('ALLOW', listed, hostIs('example.com:443')), false, 'as in Istio the port is part of the value');
  const withPort: Rule = { to: [{ hosts: [{ type: 'prefix', value: 'example.com:' }] }] };
  assert.equal(matches('ALLOW', withPort, hostIs('example.com:443')), true);
  assert.equal(matches('DENY', { to: [{ notHosts: exact('example.com') }] }, hostIs('example.com:1')), true);
});

const pathRule = (type: 'exact' | 'prefix' | 'suffix' | 'presence' | 'template', value: string): Rule => ({
  to: [{ paths: [{ type, value }] }],
});

test('paths: string matches and templates, without query, case-sensitive, byte by byte', () => {
  const rows: readonly [Rule, string, boolean][] = [
    [pathRule('exact', '/a/b'), '/a/b?q', true],
    [pathRule('exact', '/a/b'), '/A/b', false],
    [pathRule('exact', '/a.b'), '/axb', false],
    [pathRule('suffix', '/b'), '/a/b', true],
    [pathRule('presence', ''), '/x', true],
    [pathRule('presence', ''), '?x', false],
    [pathRule('template', '/a/{*}/c'), '/a/b/c', true],
    [pathRule('template', '/a/{*}/c'), '/a/b/b/c', false],
    [pathRule('template', '/a/{*}/c'), '/a//c', false],
    [pathRule('template', '/a/{**}'), '/a/b/c', true],
    [pathRule('template', '/a/{**}'), '/a/', true],
    [pathRule('template', '/a/{**}'), '/ab/', false],
    [pathRule('template', '/a.b/{*}'), '/axb/c', false],
    [pathRule('exact', '/\u00e9'), '/\u00c3\u00a9', true],
    [pathRule('exact', '/\u00e9'), '/\u00e9', false],
    [pathRule('template', '/\u00e9/{*}'), '/\u00c3\u00a9/x', true],
  ];
  for (const [rule, value, expected] of rows) {
    assert.equal(matches('ALLOW', rule, { path: value }), expected, `${JSON.stringify(rule)} ${value}`);
    assert.equal(matches('DENY', rule, { path: value }), expected, `${JSON.stringify(rule)} ${value}`);
  }
});

const withRoles = (...values: string[]): TestRequest => ({
  headers: values.map((value) => ['x-role', value] as const),
});

test('headers: names in any case; every reading of a repeated header counts', () => {
  const role = (name: string): Rule => ({ when: [condition(`request.headers[${name}]`, exact('admin'))] });
  const notRole: Rule = { when: [condition('request.headers[x-role]', [], exact('guest'))] };
  assert.equal(matches('DENY', role('X-Role'), withRoles('admin')), true);
  assert.equal(matches('ALLOW', role('X-Role'), withRoles('admin')), true);
  assert.equal(matches('ALLOW', role('x-role'), withRoles()), false);
  for (const values of [
    ['admin', 'user'],
    ['user', 'admin'],
    ['a', 'admin', 'b'],
  ]) {
    assert.equal(matches('DENY', role('x-role'), withRoles(...values)), true, values.join());
    assert.equal(matches('ALLOW', role('x-role'), withRoles(...values)), false, values.join());
  }
  assert.equal(matches('ALLOW', notRole, withRoles('user', 'guest')), false);
  assert.equal(matches('ALLOW', notRole, withRoles('user')), true);
  assert.equal(matches('ALLOW', notRole, withRoles()), true);
  assert.equal(matches('DENY', notRole, withRoles('guest', 'user')), true);
  assert.equal(matches('DENY', notRole, withRoles('guest')), false);
  for (let byte = 0x80; byte < 0x100; byte++) {
    assert.equal(matches('DENY', notRole, withRoles(`guest${String.fromCharCode(byte)}`)), true, String(byte));
  }
});

test('header names that mean something to JavaScript are names like others', () => {
  for (const name of ['__proto__', 'constructor', 'tostring', 'hasownproperty']) {
    const rule: Rule = { when: [condition(`request.headers[${name}]`, [presence])] };
    assert.equal(matches('ALLOW', rule), false, name);
    assert.equal(matches('ALLOW', rule, { headers: [[name, 'x']] }), true, name);
  }
});

const headerRule = (name: string, value: string): Rule => ({
  when: [condition(`request.headers[${name}]`, exact(value))],
});

test('host and pseudo headers as header conditions read what they name', () => {
  assert.equal(matches('DENY', headerRule('Host', 'a.com'), { authority: 'a.com' }), true);
  assert.equal(matches('DENY', headerRule(':method', 'POST')), true);
  assert.equal(matches('DENY', headerRule(':path', '/asset.AssetService/GetAsset')), true);
  assert.equal(matches('DENY', headerRule(':scheme', 'https')), false);
});

test('connections that policies cannot tell apart share one bound authorization', () => {
  const policies = [testPolicy('p', { action: 'ALLOW', rules: [{ from: [{ ipBlocks: ['10.0.0.0/8'] }] }] })];
  const proxy = compileProxy(buildPlan({ policies }), testProxyId);
  const port = proxy.ports.get(testPortId) as CompiledPort;
  const bind = (connection: Partial<ConnectionFacts>): unknown =>
    bindAuthorization(proxy, { port, connection: testConnection(connection) });
  const first = bind({ sourceIp: '10.0.0.1', sourcePort: 1, sni: 'a' });
  assert.equal(bind({ sourceIp: '10.0.0.1', sourcePort: 2, sni: 'b' }), first);
  assert.notEqual(bind({ sourceIp: '10.0.0.2' }), first);
  assert.notEqual(bind({ sourceIp: '10.0.0.1', principal: 'other' }), first);
});

test('a trace tells of each rule whether it matched and what it missed', () => {
  const policies = [
    testPolicy('deny', { action: 'DENY', rules: [{ to: [{ methods: exact('GET') }] }] }),
    testPolicy('allow', { action: 'ALLOW', rules: [{}] }),
  ];
  const proxy = compileProxy(buildPlan({ policies }), testProxyId);
  const port = proxy.ports.get(testPortId) as CompiledPort;
  const trace: AuthorizationTrace = { steps: [] };
  decideAuthorization(bindAuthorization(proxy, { port, connection: testConnection() }), testRequest(), trace);
  assert.deepEqual(
    trace.steps.map(({ rule, action, matched, mismatch }) => [action, rule.name, matched, mismatch]),
    [
      ['DENY', 'deny', false, 'method is "POST", methods wants "GET"'],
      ['ALLOW', 'allow', true, undefined],
    ],
  );
});

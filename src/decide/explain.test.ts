import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  buildPlan,
  testCluster,
  testEndpoint,
  testOrigin,
  testPolicy,
  testPortId,
  testProxyId,
  type TestPlan,
} from '../../test/kit/plan-kit.ts';
import { testConnection, testRequest, type TestRequest } from '../../test/kit/request-facts.ts';
import type { RouteMatch } from '../plan/index.ts';
import { decideAuthorization } from './authorize.ts';
import { compileProxy } from './compile-proxy.ts';
import { explainRefusal } from './explain.ts';
import { bindAuthorization } from './policy-bind.ts';
import { decideRoute } from './route.ts';
import type { CompiledPort, CompiledProxy } from './types.ts';

const asset = {
  hostname: 'sit-gateway.example.com',
  routes: [
    { name: 'other', match: { path: { type: 'Exact', value: '/x.Y/Z' }, headers: [] } },
    { name: 'asset-management', match: { path: { type: 'PathPrefix', value: '/asset.AssetService' }, headers: [] } },
  ],
} as const;

function compiled(plan: TestPlan): { readonly proxy: CompiledProxy; readonly port: CompiledPort } {
  const proxy = compileProxy(buildPlan(plan), testProxyId);
  return { proxy, port: proxy.ports.get(testPortId) as CompiledPort };
}

function explainRouteFor(plan: TestPlan, wanted: TestRequest): string {
  const { port } = compiled(plan);
  const request = testRequest(wanted);
  return explainRefusal({ type: 'route', port, request, decision: decideRoute(port, request) });
}

function explainPolicies(policies: TestPlan['policies'], wanted: TestRequest = {}, principal = 'td/ns/a/sa/b'): string {
  const { proxy, port } = compiled({ policies: policies ?? [] });
  const bound = bindAuthorization(proxy, { port, connection: testConnection({ principal }) });
  const request = testRequest(wanted);
  return explainRefusal({ type: 'authorization', bound, request, decision: decideAuthorization(bound, request) });
}

test('no route: the nearest route, its file and line, and what it wants', () => {
  assert.equal(
    explainRouteFor({ listeners: [{ virtualHosts: [asset] }] }, { path: '/asset.Other/X?token=secret' }),
    'no route for "/asset.Other/X" on host sit-gateway.example.com; nearest HTTPRoute default/asset-management httproute.yaml:12 wants PathPrefix /asset.AssetService',
  );
});

test('no route: a path that matches but for a header is nearest', () => {
  const headers = [{ name: 'x-env', type: 'Exact', value: 'prod' }] as const;
  const match = { path: { type: 'PathPrefix', value: '/asset.AssetService' }, headers } as const;
  const virtualHosts = [{ hostname: '*', routes: [...asset.routes.slice(0, 1), { match }] }];
  assert.equal(
    explainRouteFor({ listeners: [{ virtualHosts }] }, {}),
    'no route for "/asset.AssetService/GetAsset" on host *; nearest HTTPRoute default/asset httproute.yaml:12 also wants header x-env: "prod"',
  );
});

test('no route: each kind of condition in words', () => {
  const path = { type: 'StringPrefix', value: '/ASSET', ignoreCase: true } as const;
  const rows: readonly [Partial<RouteMatch>, string][] = [
    [{ method: { type: 'Exact', value: 'GET' } }, 'method "GET"'],
    [{ scheme: { type: 'Exact', value: 'https' } }, 'scheme "https"'],
    [{ authority: { type: 'Prefix', value: 'uat', ignoreCase: true } }, 'authority prefix "uat" in any case'],
    [{ headers: [{ name: 'x', type: 'Present', value: '' }] }, 'header x: any value'],
    [{ headers: [{ name: 'te', type: 'Present', value: '', invert: true }] }, 'no header te: any value'],
    [{ queryParams: [{ name: 'q', type: 'RegularExpression', value: 'a+' }] }, 'query parameter q: matching "a+"'],
  ];
  for (const [match, wanted] of rows) {
    const virtualHosts = [{ hostname: '*', routes: [{ match: { path, headers: [], ...match } }] }];
    const request = { path: '/asset.X/Y', headers: [['te', 'trailers']] } as const;
    assert.equal(
      explainRouteFor({ listeners: [{ virtualHosts }] }, request),
      `no route for "/asset.X/Y" on host *; nearest HTTPRoute default/asset httproute.yaml:11 also wants ${wanted}`,
    );
  }
  assert.match(
    explainRouteFor(
      { listeners: [{ virtualHosts: [{ hostname: '*', routes: [{ match: { path, headers: [] } }] }] }] },
      {
        path: '/x',
      },
    ),
    /httproute\.yaml:11 wants prefix \/ASSET in any case$/,
  );
});

test('other host: the nearest hostname of the listener, or of the port', () => {
  assert.equal(
    explainRouteFor({ listeners: [{ virtualHosts: [asset] }] }, { authority: 'uat-gateway.example.com:80' }),
    'no route for host "uat-gateway.example.com:80" on listener http (Gateway default/public gateway.yaml:10); nearest is host sit-gateway.example.com of HTTPRoute default/asset httproute.yaml:9',
  );
  assert.equal(
    explainRouteFor({ listeners: [{ hostname: 'a.com', virtualHosts: [] }] }, { authority: 'b.com' }),
    'no listener of port 8080 (Gateway default/public gateway.yaml:8) for host "b.com"; nearest is host a.com of Gateway default/public gateway.yaml:10',
  );
  assert.match(explainRouteFor({}, { authority: 'b.com' }), /it serves no host$/);
  assert.match(
    explainRouteFor({ listeners: [{ virtualHosts: [{ hostname: '*', routes: [] }] }] }, {}),
    /it has no routes$/,
  );
});

test('a client cannot forge a line, a quote or an escape sequence', () => {
  const reason = explainRouteFor(
    { listeners: [{ virtualHosts: [asset] }] },
    { authority: 'sit-gateway.example.com', path: `/a"\\\r\n\u001b[31m\u00ff${'x'.repeat(500)}` },
  );
  assert.match(reason, /^no route for "\/a\\"\\\\\\x0d\\x0a\\x1b\[31m\\xffx+\.\.\." on host/);
  assert.ok(reason.length < 400);
});

const wantsGateway = testPolicy('asset-management-policy', {
  action: 'ALLOW',
  rules: [
    {
      from: [{ principals: [{ type: 'exact', value: 'td/ns/gateway/sa/ingress' }] }],
      to: [{ paths: [{ type: 'prefix', value: '/asset.AssetService/' }] }],
    },
  ],
});

test('no ALLOW rule: the nearest rule, its line, what it wants and what came', () => {
  assert.equal(
    explainPolicies([wantsGateway]),
    'no ALLOW rule of AuthorizationPolicy default/asset-management-policy authorizationpolicy.yaml:10 matched: source principal is "td/ns/a/sa/b", principals wants "td/ns/gateway/sa/ingress"',
  );
  assert.equal(
    explainPolicies([wantsGateway], {}, ''),
    'no ALLOW rule of AuthorizationPolicy default/asset-management-policy authorizationpolicy.yaml:10 matched: the source has no identity (plaintext), principals wants "td/ns/gateway/sa/ingress"',
  );
  assert.equal(
    explainPolicies([wantsGateway], { path: '/asset.Other/X' }, 'td/ns/gateway/sa/ingress'),
    'no ALLOW rule of AuthorizationPolicy default/asset-management-policy authorizationpolicy.yaml:10 matched: path is "/asset.Other/X", paths wants "/asset.AssetService/*"',
  );
});

test('of several rules one whose source fits is nearest', () => {
  const byHeader = testPolicy('z', {
    action: 'ALLOW',
    rules: [
      {
        when: [{ key: 'request.headers[authorization]', values: [{ type: 'prefix', value: 'Bearer' }], notValues: [] }],
      },
    ],
  });
  const reason = explainPolicies([wantsGateway, byHeader], { headers: [['authorization', 'Basic c2VjcmV0']] });
  assert.equal(
    reason,
    'no ALLOW rule of AuthorizationPolicy default/z authorizationpolicy.yaml:10 matched (and 1 other ALLOW rule): header authorization is another, request.headers[authorization] wants "Bearer*"',
  );
});

test('policies without rules, rules that deny, and rules that are broken are named', () => {
  assert.match(
    explainPolicies([testPolicy('none', { action: 'ALLOW', rules: [] })]),
    /default\/none .*:4 matched: it has no rules, which denies everything$/,
  );
  assert.equal(
    explainPolicies([testPolicy('deny', { action: 'DENY', rules: [{}] })]),
    'denied by rule 0 of AuthorizationPolicy default/deny authorizationpolicy.yaml:10',
  );
  const unknown = {
    when: [{ key: 'remote.name', values: [{ type: 'exact', value: '10.0.0.1' }], notValues: [] }],
  } as const;
  assert.match(
    explainPolicies([testPolicy('odd', { action: 'DENY', rules: [unknown] })]),
    /because it cannot be evaluated: condition remote\.name is not supported$/,
  );
  assert.match(
    explainPolicies([testPolicy('odd', { action: 'ALLOW', rules: [unknown] })]),
    /the rule cannot be evaluated: condition remote\.name/,
  );
});

test('upstreams: which cluster, which DestinationRule', () => {
  const cluster = testCluster('asset', {
    destinationRule: testOrigin('DestinationRule', 'asset', 7),
    connectionPool: { connectTimeoutMs: 1, http2MaxRequests: 1_000 },
  });
  const { proxy } = compiled({ clusters: [cluster], endpoints: [testEndpoint(cluster, 50_051)] });
  const [only] = [...proxy.clusters.values()];
  assert.ok(only);
  assert.equal(
    explainRefusal({ type: 'upstream', cause: 'overflow', cluster: only }),
    'http2MaxRequests 1000 reached for asset.default.svc.cluster.local port 8080 (Service default/asset service.yaml:1, shaped by DestinationRule default/asset destinationrule.yaml:7)',
  );
  assert.match(
    explainRefusal({ type: 'upstream', cause: 'no_healthy_upstream', cluster: only }),
    /^none of 1 endpoints behind asset/,
  );
  const empty = { cluster, endpoints: [] };
  assert.match(
    explainRefusal({ type: 'upstream', cause: 'no_healthy_upstream', cluster: empty }),
    /^no endpoint behind asset.*service\.yaml:1.*\)$/,
  );
  const unready = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `default/${name}`);
  assert.match(
    explainRefusal({
      type: 'upstream',
      cause: 'no_healthy_upstream',
      cluster: { cluster: { ...cluster, unready }, endpoints: [] },
    }),
    /^no endpoint behind asset.*\); not ready by their probes: default\/a, .*default\/e, …$/,
  );
  const failed = explainRefusal({ type: 'upstream', cause: 'connect_failed', cluster: only, detail: 'ECONNREFUSED\n' });
  assert.match(
    failed,
    /^upstream_reset_before_response_started\{remote_connection_failure\} from asset.*: "ECONNREFUSED\\x0a"$/,
  );
});

const explainRequest = (
  cause: 'invalid_path' | 'method_not_post' | 'not_grpc' | 'misdirected' | 'draining',
  request: TestRequest,
): string => explainRefusal({ type: 'request', cause, request: testRequest(request) });

test('requests that no route could take', () => {
  assert.equal(
    explainRequest('invalid_path', { path: '/a;b' }),
    'path "/a;b" is not of the form /package.Service/Method',
  );
  assert.equal(explainRequest('method_not_post', { method: 'GET' }), 'method "GET" is not POST');
  assert.equal(explainRequest('not_grpc', {}), 'no content-type, wanted application/grpc');
  assert.equal(
    explainRequest('not_grpc', { headers: [['content-type', 'text/html']] }),
    'content-type "text/html" is not application/grpc',
  );
  assert.match(explainRequest('misdirected', {}), /another listener/);
  assert.equal(explainRequest('draining', {}), 'the proxy is shutting down');
});

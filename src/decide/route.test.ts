import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { buildPlan, testPortId, testProxyId, type TestPlan, type TestRoute } from '../../test/kit/plan-kit.ts';
import { testRequest, type TestRequest } from '../../test/kit/request-facts.ts';
import type { PathMatch, RouteMatch } from '../plan/index.ts';
import { compileProxy } from './compile-proxy.ts';
import { decideRoute, isMisdirected, selectListenerForSni } from './route.ts';
import type { CompiledPort, RouteDecision, RouteTrace } from './types.ts';

function portOf(plan: TestPlan): CompiledPort {
  return compileProxy(buildPlan(plan), testProxyId).ports.get(testPortId) as CompiledPort;
}

function portWithRoutes(routes: readonly TestRoute[]): CompiledPort {
  return portOf({ listeners: [{ virtualHosts: [{ hostname: '*', routes }] }] });
}

/** The order of the route that was chosen, or the decision's type. */
function outcome(decision: RouteDecision): number | string {
  return decision.type === 'route' ? decision.route.route.order : decision.type;
}

const service: PathMatch = { type: 'PathPrefix', value: '/asset.AssetService' };

test('a prefix matches whole path elements only', () => {
  const port = portWithRoutes([{ match: { path: service, headers: [] } }]);
  const rows = [
    ['/asset.AssetService/GetAsset', 0],
    ['/asset.AssetService', 0],
    ['/asset.AssetService/', 0],
    ['/asset.AssetService?x=/y', 0],
    ['/asset.AssetServiceX/GetAsset', 'no-route'],
    ['/asset.Other/GetAsset', 'no-route'],
    ['/', 'no-route'],
    ['', 'no-route'],
  ] as const;
  for (const [path, expected] of rows) assert.equal(outcome(decideRoute(port, testRequest({ path }))), expected, path);
});

test('the most specific listener gets the request, and then only its routes count', () => {
  const route = { match: { path: { type: 'PathPrefix', value: '/' }, headers: [] } } as const;
  const port = portOf({
    listeners: [
      { name: 'all', hostname: '*', virtualHosts: [{ hostname: '*', routes: [route] }] },
      { name: 'wild', hostname: '*.example.com', virtualHosts: [{ hostname: 'a.example.com', routes: [route] }] },
      { name: 'exact', hostname: 'b.example.com', virtualHosts: [{ hostname: 'b.example.com', routes: [] }] },
    ],
  });
  const decide = (authority: string): string => {
    const decision = decideRoute(port, testRequest({ authority }));
    return decision.type === 'no-listener' ? decision.type : `${decision.type} ${decision.listener.listener.name}`;
  };
  assert.equal(decide('other.org'), 'route all');
  assert.equal(decide('A.example.com:443'), 'route wild');
  assert.equal(decide('c.example.com'), 'no-virtual-host wild');
  assert.equal(decide('b.example.com.'), 'no-route exact');
});

test('without a matching listener there is no route', () => {
  const port = portOf({ listeners: [{ hostname: 'a.example.com', virtualHosts: [] }] });
  assert.equal(decideRoute(port, testRequest({ authority: 'b.example.com' })).type, 'no-listener');
});

test('a connection may carry requests of the listener that its server name selected, no others', () => {
  const port = portOf({
    listeners: [
      { name: 'wild', hostname: '*.w.com', virtualHosts: [] },
      { name: 'specific', hostname: 'a.w.com', virtualHosts: [] },
    ],
  });
  const misdirected = (sni: string, authority: string): boolean =>
    isMisdirected(selectListenerForSni(port, sni), decideRoute(port, testRequest({ authority })));
  assert.equal(misdirected('x.w.com', 'y.w.com'), false);
  assert.equal(misdirected('x.w.com', 'a.w.com'), true);
  assert.equal(misdirected('a.w.com', 'x.w.com'), true);
  assert.equal(misdirected('A.w.com.', 'a.w.com:443'), false);
  assert.equal(misdirected('a.w.com', 'unknown.org'), false, 'no listener: 404, not 421');
  assert.equal(selectListenerForSni(port, ''), undefined);
});

test('a trace writes down the listener, the virtual host and each route that was looked at', () => {
  const port = portWithRoutes([
    { match: { path: service, headers: [{ name: 'x-env', type: 'Exact', value: 'dev' }] } },
    { match: { path: service, headers: [] } },
  ]);
  const trace: RouteTrace = { steps: [] };
  decideRoute(port, testRequest(), trace);
  assert.deepEqual(
    trace.steps.map(({ what, outcome: result, origin }) => `${result}: ${what} ${origin?.line}`),
    [
      'chosen: listener http (*) 10',
      'chosen: virtual host * 9',
      'passed over: PathPrefix /asset.AssetService wants header x-env: "dev" 11',
      'chosen: PathPrefix /asset.AssetService 12',
    ],
  );
});

const regex = (value: string): RouteMatch => ({ path: { type: 'RegularExpression', value }, headers: [] });

test('a regular expression matches the whole path, reads bytes as UTF-8, and never blocks', () => {
  const port = portWithRoutes([{ match: regex('/(a+)+') }, { match: regex('/[^x]') }, { match: regex('(?=broken') }]);
  assert.equal(outcome(decideRoute(port, testRequest({ path: '/aaa' }))), 0);
  assert.equal(outcome(decideRoute(port, testRequest({ path: '/aaab' }))), 'no-route');
  assert.equal(outcome(decideRoute(port, testRequest({ path: '/\u00c3\u00a9' }))), 1, 'one character in UTF-8');
  assert.equal(outcome(decideRoute(port, testRequest({ path: '/\u00ff' }))), 1, 'not UTF-8 is still a character');
  assert.equal(outcome(decideRoute(port, testRequest({ path: `/${'a'.repeat(16_000)}!` }))), 'no-route');
});

// The rest compares with a scan in order of precedence, written from the Gateway API's text.

function naiveMatches(match: RouteMatch, request: TestRequest): boolean {
  const path = (request.path ?? '').replace(/[?#].*$/s, '');
  const { type, value } = match.path;
  const prefix = value.replace(/\/+$/, '');
  const pathMatches =
    type === 'Exact'
      ? path === value
      : type === 'PathPrefix'
        ? path === prefix || path.startsWith(`${prefix}/`)
        : new RegExp(`^(?:${value})$`).test(path);
  if (!pathMatches || (match.method !== undefined && match.method.value !== request.method)) return false;
  return match.headers.every(({ name, value: wanted }) => {
    const values = (request.headers ?? []).filter(([key]) => key === name).map(([, one]) => one);
    return values.length > 0 && values.join(',') === wanted;
  });
}

const segment = fc.constantFrom('a', 'b', 'ab', '');
const pathText = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
const pathMatch: fc.Arbitrary<PathMatch> = fc.oneof(
  pathText.map((value) => ({ type: 'Exact', value }) as const),
  pathText.map((value) => ({ type: 'PathPrefix', value }) as const),
  fc.constantFrom('/a.*', '/[^/]+/b', '.*').map((value) => ({ type: 'RegularExpression', value }) as const),
);
const routeMatch: fc.Arbitrary<RouteMatch> = fc
  .record({
    path: pathMatch,
    method: fc.option(fc.constantFrom('POST', 'GET'), { nil: undefined }),
    headers: fc.array(
      fc.record({
        name: fc.constantFrom('x', 'y'),
        type: fc.constant('Exact' as const),
        value: fc.constantFrom('1', '1,2'),
      }),
      { maxLength: 2 },
    ),
  })
  .map(({ path, method, headers }) => ({
    path,
    headers,
    ...(method === undefined ? {} : { method: { type: 'Exact' as const, value: method } }),
  }));
const request = fc.record({
  path: fc
    .tuple(fc.oneof(pathText, fc.constantFrom('', 'a', '*')), fc.constantFrom('', '?q=/a', '#/b'))
    .map((parts) => parts.join('')),
  method: fc.constantFrom('POST', 'GET'),
  headers: fc.array(fc.tuple(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2')), { maxLength: 3 }),
});

test('the index chooses the route that a scan in order of precedence chooses, from the cache too', () => {
  fc.assert(
    fc.property(
      fc.array(routeMatch, { maxLength: 12 }),
      fc.array(request, { minLength: 1, maxLength: 12 }),
      (matches, requests) => {
        const port = portWithRoutes(matches.map((match) => ({ match })));
        // All requests twice over one port: what one leaves in the caches must not change what another gets.
        for (const one of [...requests, ...requests]) {
          const expected = matches.findIndex((match) => naiveMatches(match, one));
          assert.equal(outcome(decideRoute(port, testRequest(one))), expected === -1 ? 'no-route' : expected);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('a host that resolved before resolves the same from the cache, whatever other hosts came between', () => {
  const hostname = fc.constantFrom('*', '*.a.b', '*.b', 'x.a.b', 'a.b');
  const authority = fc.constantFrom('x.a.b', 'X.A.B:80', 'y.a.b', 'a.b.', 'c', 'b', '');
  fc.assert(
    fc.property(fc.uniqueArray(hostname), fc.array(authority, { minLength: 1 }), (hostnames, authorities) => {
      const listeners = hostnames.map((name, index) => ({ name: `l${index}`, hostname: name, virtualHosts: [] }));
      const port = portOf({ listeners });
      for (const one of [...authorities, ...authorities]) {
        const fresh = decideRoute(portOf({ listeners }), testRequest({ authority: one }));
        const decision = decideRoute(port, testRequest({ authority: one }));
        assert.equal(nameOf(decision), nameOf(fresh));
      }
    }),
    { numRuns: 100 },
  );
});

function nameOf(decision: RouteDecision): string {
  return decision.type === 'no-listener' ? '' : decision.listener.listener.hostname;
}

test('10,000 routes load, and one at the end is found', () => {
  const routes = Array.from({ length: 10_000 }, (_, index) => ({
    match: { path: { type: 'PathPrefix', value: `/p${index}.Service` } as const, headers: [] },
  }));
  const port = portWithRoutes(routes);
  assert.equal(outcome(decideRoute(port, testRequest({ path: '/p9999.Service/M' }))), 9_999);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { buildPlan, testPortId, testProxyId, type TestPlan, type TestRoute } from '../../test/kit/plan-kit.ts';
import { testRequest } from '../../test/kit/request-facts.ts';
import type { PathMatch, RouteMatch } from '../plan/index.ts';
import { compileProxy } from './compile-proxy.ts';
import { decideRoute, isMisdirected, selectListenerForSni } from './route.ts';
import { candidatesFor } from './route-index.ts';
import type {
  CompiledListener,
  CompiledPort,
  CompiledVirtualHost,
  RouteDecision,
  RouteIndex,
  RouteTrace,
} from './types.ts';

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

test('a prefix by characters matches what begins with it, in any case where it is so written', () => {
  const port = portWithRoutes([
    { match: { path: { type: 'StringPrefix', value: '/asset.Asset' }, headers: [] } },
    { match: { path: { type: 'StringPrefix', value: '/USER', ignoreCase: true }, headers: [] } },
    { match: { path: { type: 'Exact', value: '/Order.Service/Get', ignoreCase: true }, headers: [] } },
    { match: { path: { type: 'StringPrefix', value: '' }, headers: [{ name: 'x', type: 'Present', value: '' }] } },
  ]);
  const rows = [
    ['/asset.AssetService/GetAsset', 0],
    ['/asset.Asset', 0],
    ['/asset.asset', 'no-route'],
    ['/userService/Get', 1],
    ['/order.service/GET', 2],
    ['/order.service/GET2', 'no-route'],
  ] as const;
  for (const [path, expected] of rows) assert.equal(outcome(decideRoute(port, testRequest({ path }))), expected, path);
  const withHeader = testRequest({ path: '/any', headers: [['x', '']] });
  assert.equal(outcome(decideRoute(port, withHeader)), 3);
});

test('a regular expression matches the whole path, reads bytes as UTF-8, and never blocks', () => {
  const port = portWithRoutes([{ match: regex('/(a+)+') }, { match: regex('/[^x]') }, { match: regex('(?=broken') }]);
  assert.equal(outcome(decideRoute(port, testRequest({ path: '/aaa' }))), 0);
  assert.equal(outcome(decideRoute(port, testRequest({ path: '/aaab' }))), 'no-route');
  assert.equal(outcome(decideRoute(port, testRequest({ path: '/\u00c3\u00a9' }))), 1, 'one character in UTF-8');
  assert.equal(outcome(decideRoute(port, testRequest({ path: '/\u00ff' }))), 1, 'not UTF-8 is still a character');
  assert.equal(outcome(decideRoute(port, testRequest({ path: `/${'a'.repeat(16_000)}!` }))), 'no-route');
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

test('10,000 routes of each kind of path load, and one at the end is found', () => {
  for (const type of ['Exact', 'PathPrefix', 'StringPrefix'] as const) {
    const routes = Array.from({ length: 10_000 }, (_, index) => ({
      match: { path: { type, value: `/p${index}.Service` }, headers: [] },
    }));
    const port = portWithRoutes(routes);
    assert.equal(outcome(decideRoute(port, testRequest({ path: '/p9999.Service' }))), 9_999);
  }
});

test('a look-up reads as many keys of a map for 10,000 routes as for 10', () => {
  for (const type of ['Exact', 'PathPrefix', 'StringPrefix'] as const) {
    const lookUps = [10, 10_000].map((count) => {
      const first = Array.from({ length: count }, (_, index) => ({
        // Numbers of equal length, so that the lengths of prefixes are the same few in both.
        match: { path: { type, value: `/p${10_000 + index}.Service` }, headers: [] },
      }));
      const port = portWithRoutes(first);
      const [host] = (port.listeners[0] as CompiledListener).virtualHosts;
      return countLookUps((host as CompiledVirtualHost).routes, '/p10009.Service/Method');
    });
    assert.equal(lookUps[0], lookUps[1], type);
  }
});

/** How many keys and scanned routes a look-up reads. */
function countLookUps(index: RouteIndex, path: string): number {
  let reads = 0;
  const counted = <V>(map: ReadonlyMap<string, V>): ReadonlyMap<string, V> =>
    new Proxy(map, {
      get: (target, property) => {
        if (property !== 'get') throw new TypeError(`a look-up used ${String(property)}`);
        return (key: string) => {
          reads += 1;
          return target.get(key);
        };
      },
    });
  const { exact, prefixes, textPrefixes } = index;
  candidatesFor(
    { ...index, exact: counted(exact), prefixes: counted(prefixes), textPrefixes: counted(textPrefixes) },
    path,
  );
  return reads + index.scanned.length;
}

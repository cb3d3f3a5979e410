import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPlan, testCluster, testOrigin, testPortId, testProxyId } from '../../test/kit/plan-kit.ts';
import { testRequest } from '../../test/kit/request-facts.ts';
import type { HeaderOperations, Route } from '../plan/index.ts';
import { compileProxy } from './compile-proxy.ts';
import { decideRoute } from './route.ts';
import type { CompiledPort, CompiledRoute } from './types.ts';

const origin = testOrigin('VirtualService', 'v', 3);
const cluster = testCluster('asset');

function compiled(changes: Partial<Route>): { readonly port: CompiledPort; readonly route: CompiledRoute } {
  const match = { path: { type: 'PathPrefix', value: '/' }, headers: [] } as const;
  const action = { type: 'forward', backends: [{ weight: 1, cluster: cluster.id }] } as const;
  const plan = buildPlan({
    clusters: [cluster],
    listeners: [{ virtualHosts: [{ hostname: '*', routes: [{ match, action }] }] }],
  });
  const [route] = Object.values(plan.routes) as [Route];
  const changed = { ...plan, routes: { [route.id]: { ...route, ...changes } } };
  const port = compileProxy(changed, testProxyId).ports.get(testPortId) as CompiledPort;
  const decision = decideRoute(port, testRequest());
  assert.ok(decision.type === 'route');
  return { port, route: decision.route };
}

const none: HeaderOperations = { set: [], add: [], remove: [] };

test('an ordinary route has no actions', () => {
  for (const changes of [{}, { timeoutMs: 5 }, { action: { type: 'fail', reason: 'x' } } as const]) {
    const { port, route } = compiled(changes);
    assert.equal(route.actions, undefined);
    assert.equal(port.answersPlain, false);
  }
});

test('whatever a route does is an action', () => {
  const retry = { origin, attempts: 1, on: ['5xx'], statusCodes: [], backoffMs: 25, avoidTried: true } as const;
  const rows: readonly Partial<Route>[] = [
    { requestHeaders: none },
    { responseHeaders: none },
    { rewrite: { origin, host: 'a' } },
    { retry },
    { fault: { origin } },
    { mirrors: [{ origin, cluster: cluster.id, percent: 1 }] },
    { action: { type: 'forward', backends: [{ weight: 1, cluster: cluster.id, requestHeaders: none }] } },
    { action: { type: 'forward', backends: [{ weight: 1, cluster: cluster.id, responseHeaders: none }] } },
  ];
  for (const changes of rows) {
    const { port, route } = compiled(changes);
    assert.notEqual(route.actions, undefined, JSON.stringify(changes));
    assert.equal(route.failReason, undefined);
    assert.equal(port.answersPlain, false, JSON.stringify(changes));
  }
});

test('a route that only retries has nothing to do before an attempt fails', () => {
  const retry = { origin, attempts: 1, on: ['5xx'], statusCodes: [], backoffMs: 25, avoidTried: true } as const;
  const isRetryOnly = (changes: Partial<Route>): boolean | undefined => compiled(changes).route.actions?.isRetryOnly;
  assert.equal(isRetryOnly({ retry }), true);
  assert.equal(
    isRetryOnly({ retry: { ...retry, perTryTimeoutMs: 1 } }),
    false,
    'the clock runs from the first attempt',
  );
  assert.equal(isRetryOnly({ retry, requestHeaders: none }), false);
  assert.equal(isRetryOnly({ fault: { origin } }), false);
});

test('only what changes a response makes its head be written anew', () => {
  const backend = { weight: 1, cluster: cluster.id };
  const changes = (route: Partial<Route>): boolean | undefined => compiled(route).route.actions?.changesResponse;
  assert.equal(changes({ requestHeaders: none }), false);
  assert.equal(changes({ action: { type: 'forward', backends: [{ ...backend, requestHeaders: none }] } }), false);
  assert.equal(changes({ responseHeaders: none }), true);
  assert.equal(
    changes({ action: { type: 'forward', backends: [backend, { ...backend, responseHeaders: none }] } }),
    true,
  );
});

test('redirects, direct responses and CORS answer plain requests', () => {
  const cors = {
    origin,
    allowOrigins: [],
    allowMethods: [],
    allowHeaders: [],
    exposeHeaders: [],
    allowCredentials: false,
  };
  const rows: readonly Partial<Route>[] = [
    { action: { type: 'redirect', origin, status: 302 } },
    { action: { type: 'direct', origin, status: 200 } },
    { cors },
  ];
  for (const changes of rows) {
    const { port, route } = compiled(changes);
    assert.equal(route.actions?.answersPlain, true);
    assert.equal(port.answersPlain, true);
  }
});

test('what cannot be written fails the route', () => {
  const header = (name: string, value: string): Partial<Route> => ({
    requestHeaders: { ...none, set: [{ name, value }] },
  });
  const rows: readonly (readonly [Partial<Route>, string])[] = [
    [header('x', 'a\nb'), 'the value for header x has characters that HTTP does not allow'],
    [header('x', ' a'), 'the value for header x has characters that HTTP does not allow'],
    [header('x', 'a\u007f'), 'the value for header x has characters that HTTP does not allow'],
    [header('x y', 'a'), '"x y" is no name of a header'],
    [header('X', 'a'), '"X" is no name of a header'],
    [header(':path', 'a'), '":path" is no name of a header'],
    [header('host', 'a'), 'header host belongs to the connection and cannot be set by a route'],
    [header('content-length', '1'), 'header content-length belongs to the connection and cannot be set by a route'],
    [{ rewrite: { origin, host: 'a/b' } }, '"a/b" is no authority'],
  ];
  for (const [changes, reason] of rows) assert.equal(compiled(changes).route.failReason, reason);
  const response: Partial<Route> = { responseHeaders: { ...none, set: [{ name: 'host', value: 'a' }] } };
  assert.equal(compiled(response).route.failReason, undefined, 'a response has no host');
  for (const value of ['', 'a', 'a b', 'a\tb', 'ü', '%REQ(x)%']) {
    assert.equal(compiled(header('x', value)).route.failReason, undefined, value);
  }
});

/** Every bound of the deciders: at it, and one past it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPlan, testPolicy, testPortId, testProxyId } from '../../test/kit/plan-kit.ts';
import { testConnection, testRequest } from '../../test/kit/request-facts.ts';
import type { RetryPolicy } from '../plan/index.ts';
import { decideAuthorization } from './authorize.ts';
import { BoundedCache, maxCachedKeyLength } from './bounded-cache.ts';
import { compileProxy } from './compile-proxy.ts';
import { explainAuthorization } from './explain-authorization.ts';
import { explainRoute } from './explain-route.ts';
import {
  maxAuthorizationHosts,
  maxAuthorizationPaths,
  maxBoundAuthorizations,
  maxCachedHosts,
  maxCachedPaths,
  maxCachedPathsPerHost,
  maxExplained,
  maxQuotedLength,
  maxRetryBackoffFactor,
  minCachedPathsPerHost,
  retryBudgetMin,
  retryBudgetShare,
} from './limits.ts';
import { bindAuthorization } from './policy-bind.ts';
import type { BoundAuthorization } from './policy-types.ts';
import { quote } from './quote.ts';
import { retryLimit, retryWaitMs } from './retry.ts';
import { decideRoute } from './route.ts';
import type { CompiledPort, CompiledProxy } from './types.ts';

function portOf(proxy: CompiledProxy): CompiledPort {
  return proxy.ports.get(testPortId) as CompiledPort;
}

/** The cache is full at its bound; the next entry makes it forget the older half. */
function assertBound(bound: number, add: (index: number) => unknown, size: () => number): void {
  for (let index = 0; index < bound; index += 1) add(index);
  assert.equal(size(), bound);
  add(bound);
  assert.equal(size(), bound / 2 + 1);
}

test('maxCachedHosts', () => {
  const port = portOf(compileProxy(buildPlan({ listeners: [{ hostname: '*', virtualHosts: [] }] }), testProxyId));
  const ask = (index: number): unknown => decideRoute(port, testRequest({ authority: `host-${index}.example.com` }));
  assertBound(maxCachedHosts, ask, () => port.hosts.size);
});

/** How many paths each of so many virtual hosts remembers. */
function pathsRemembered(virtualHosts: number): number {
  const routes = [{ match: { path: { type: 'PathPrefix', value: '/' }, headers: [] } }] as const;
  const hosts = Array.from({ length: virtualHosts }, (_, index) => ({ hostname: `h${index}.example.com`, routes }));
  const port = portOf(compileProxy(buildPlan({ listeners: [{ hostname: '*', virtualHosts: hosts }] }), testProxyId));
  const cache = port.listeners[0]?.virtualHosts[0]?.routes.cache;
  assert.ok(cache !== undefined);
  let most = 0;
  for (let path = 0; path <= maxCachedPathsPerHost; path += 1) {
    decideRoute(port, testRequest({ authority: 'h0.example.com', path: `/s.S/M${path}` }));
    most = Math.max(most, cache.size);
  }
  return most;
}

test('maxCachedPaths, maxCachedPathsPerHost and minCachedPathsPerHost', () => {
  const most = maxCachedPaths / maxCachedPathsPerHost;
  const least = maxCachedPaths / minCachedPathsPerHost;
  assert.equal(pathsRemembered(1), maxCachedPathsPerHost);
  assert.equal(pathsRemembered(most), maxCachedPathsPerHost);
  assert.equal(pathsRemembered(most * 2), maxCachedPathsPerHost / 2);
  assert.equal(pathsRemembered(least), minCachedPathsPerHost);
  assert.equal(pathsRemembered(least * 2), minCachedPathsPerHost);
});

test('maxCachedKeyLength', () => {
  const cache = new BoundedCache<number>(8);
  cache.set('x'.repeat(maxCachedKeyLength + 1), 1);
  assert.equal(cache.size, 0);
  cache.set('x'.repeat(maxCachedKeyLength), 1);
  assert.equal(cache.get('x'.repeat(maxCachedKeyLength)), 1);
});

test('maxBoundAuthorizations', () => {
  const policies = [testPolicy('p', { action: 'ALLOW', rules: [{ from: [{ ipBlocks: ['10.0.0.0/8'] }] }] })];
  const proxy = compileProxy(buildPlan({ policies }), testProxyId);
  const bind = (index: number): unknown =>
    bindAuthorization(proxy, {
      port: portOf(proxy),
      connection: testConnection({ sourceIp: `10.0.${index >> 8}.${index & 255}` }),
    });
  assertBound(maxBoundAuthorizations, bind, () => proxy.boundAuthorizations.size);
});

function boundTo(operation: {
  readonly hosts?: readonly string[];
  readonly paths?: readonly string[];
}): BoundAuthorization {
  const matches = (values: readonly string[]) => values.map((value) => ({ type: 'exact', value }) as const);
  const to = [
    {
      ...(operation.hosts === undefined ? {} : { hosts: matches(operation.hosts) }),
      ...(operation.paths === undefined ? {} : { paths: matches(operation.paths) }),
    },
  ];
  const policies = [testPolicy('p', { action: 'ALLOW', rules: [{ to }] })];
  const proxy = compileProxy(buildPlan({ policies }), testProxyId);
  return bindAuthorization(proxy, { port: portOf(proxy), connection: testConnection({}) });
}

test('maxAuthorizationHosts and maxAuthorizationPaths', () => {
  const byPath = boundTo({ paths: ['/s.S/M'] });
  const askPath = (index: number): unknown => decideAuthorization(byPath, testRequest({ path: `/s.S/M${index}` }));
  assertBound(maxAuthorizationPaths, askPath, () => byPath.byPath.size);
  const byHost = boundTo({ hosts: ['a.example.com'] });
  const askHost = (index: number): unknown => decideAuthorization(byHost, testRequest({ authority: `h${index}` }));
  assertBound(maxAuthorizationHosts, askHost, () => byHost.byHost.size);
  const one = boundTo({ hosts: ['a.example.com'] });
  const askBoth = (index: number): unknown =>
    decideAuthorization(one, testRequest({ authority: 'a.example.com', path: `/s.S/M${index}` }));
  assertBound(maxAuthorizationPaths, askBoth, () => one.byHost.get('a.example.com')?.size ?? 0);
});

test('maxExplained: the nearest of so many routes and rules is found, one behind them is not looked for', () => {
  const explain = (position: number): string => {
    const routes = Array.from({ length: maxExplained + 1 }, (_, index) => ({
      match: {
        path: { type: 'Exact', value: index === position ? '/wanted.Service/Almost' : `/other${index}.S/M` },
        headers: [],
      } as const,
    }));
    const plan = buildPlan({ listeners: [{ virtualHosts: [{ hostname: '*', routes }] }] });
    const port = portOf(compileProxy(plan, testProxyId));
    const request = testRequest({ path: '/wanted.Service/Get' });
    return explainRoute({ port, request, decision: decideRoute(port, request) });
  };
  assert.match(explain(maxExplained - 1), /wants .*\/wanted\.Service\/Almost/);
  assert.doesNotMatch(explain(maxExplained), /Almost/);
  const deny = (position: number): string => {
    const rules = Array.from({ length: maxExplained + 1 }, (_, index) => ({
      from: [{ principals: [{ type: 'exact', value: index === position ? 'wanted' : `other${index}` }] }],
      to: [{ paths: [{ type: 'exact', value: `/path${index}` }] }],
    })) as NonNullable<Parameters<typeof testPolicy>[1]>['rules'];
    const proxy = compileProxy(buildPlan({ policies: [testPolicy('p', { action: 'ALLOW', rules })] }), testProxyId);
    const connection = testConnection({ principal: 'wanted' });
    const bound = bindAuthorization(proxy, { port: portOf(proxy), connection });
    const request = testRequest({ path: '/s.S/M' });
    return explainAuthorization({ bound, request, decision: decideAuthorization(bound, request) });
  };
  assert.match(deny(maxExplained - 1), new RegExp(`/path${maxExplained - 1}`));
  assert.doesNotMatch(deny(maxExplained), new RegExp(`/path${maxExplained}`));
});

test('maxQuotedLength', () => {
  assert.equal(quote('x'.repeat(maxQuotedLength)), `"${'x'.repeat(maxQuotedLength)}"`);
  assert.equal(quote('x'.repeat(maxQuotedLength + 1)), `"${'x'.repeat(maxQuotedLength)}..."`);
});

test('maxRetryBackoffFactor', () => {
  const policy = { minWaitMs: 0, backoffMs: 10 } as RetryPolicy;
  const longest = (retries: number): number => retryWaitMs(policy, retries, () => 1);
  const doublings = Math.floor(Math.log2(maxRetryBackoffFactor));
  assert.equal(longest(doublings), 10 * 2 ** doublings);
  assert.equal(longest(doublings + 1), 10 * maxRetryBackoffFactor);
});

test('retryBudgetShare and retryBudgetMin', () => {
  const grows = (retryBudgetMin + 1) / retryBudgetShare;
  assert.equal(retryLimit(0, {}), retryBudgetMin);
  assert.equal(retryLimit(grows - 1, {}), retryBudgetMin);
  assert.equal(retryLimit(grows, {}), retryBudgetMin + 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { buildPlan, testCluster, testPortId, testProxyId } from '../../test/kit/plan-kit.ts';
import { testRequest } from '../../test/kit/request-facts.ts';
import type { RouteAction } from '../plan/index.ts';
import { chooseBackend, chooseEndpoint, type Balanced } from './balance.ts';
import { compileProxy } from './compile-proxy.ts';
import { decideRoute } from './route.ts';
import type { CompiledPort, CompiledRoute } from './types.ts';

const [first, second] = [testCluster('first'), testCluster('second')];

function routeWith(action: RouteAction): CompiledRoute {
  const match = { path: { type: 'PathPrefix', value: '/' }, headers: [] } as const;
  const listeners = [{ virtualHosts: [{ hostname: '*', routes: [{ match, action }] }] }];
  const proxy = compileProxy(buildPlan({ listeners, clusters: [first, second] }), testProxyId);
  const decision = decideRoute(proxy.ports.get(testPortId) as CompiledPort, testRequest());
  assert.ok(decision.type === 'route');
  return decision.route;
}

test('each backend gets its share of the requests', () => {
  const backends = [
    { weight: 3, cluster: first.id },
    { weight: 0, cluster: second.id },
    { weight: 1, invalid: 'Service default/missing does not exist' },
  ];
  const route = routeWith({ type: 'forward', backends });
  const chosen = Array.from({ length: 8 }, (_, index) => chooseBackend(route, () => index / 8));
  assert.deepEqual(
    chosen.map((backend) => backend?.cluster?.cluster.service.name ?? backend?.invalid),
    [
      ...Array.from({ length: 6 }, () => 'first'),
      ...Array.from({ length: 2 }, () => 'Service default/missing does not exist'),
    ],
  );
});

test('no weight, no backend, and a cluster that the plan lacks', () => {
  assert.equal(
    chooseBackend(routeWith({ type: 'forward', backends: [] }), () => 0),
    undefined,
  );
  const zero = routeWith({ type: 'forward', backends: [{ weight: 0, cluster: first.id }] });
  assert.equal(
    chooseBackend(zero, () => 0),
    undefined,
  );
  const lost = chooseBackend(routeWith({ type: 'forward', backends: [{ weight: 1, cluster: 'gone' }] }), () => 0);
  assert.match(lost?.invalid ?? '', /no cluster gone/);
  assert.equal(routeWith({ type: 'fail', reason: 'filter' }).failReason, 'filter');
});

interface Target extends Balanced {
  readonly name: string;
}

function target(name: string, { weight = 1, active = 0, usable = true }: Partial<Target> = {}): Target {
  return { name, weight, active, usable, credit: 0 };
}

/** Gives the numbers one after another. */
function sequence(...values: number[]): () => number {
  let next = 0;
  return () => values[next++ % values.length] as number;
}

test('round robin takes every usable endpoint in turn, by weight', () => {
  const endpoints = [target('a', { weight: 2 }), target('b', { usable: false }), target('c')];
  const names = Array.from({ length: 6 }, () => chooseEndpoint('ROUND_ROBIN', endpoints, () => 0)?.name);
  assert.deepEqual(names, ['a', 'c', 'a', 'a', 'c', 'a']);
});

test('of two drawn endpoints the one with fewer requests per weight wins', () => {
  const endpoints = [target('a', { active: 5 }), target('b', { active: 2 })];
  const choose = (...draws: number[]): string | undefined =>
    chooseEndpoint('LEAST_REQUEST', endpoints, sequence(...draws))?.name;
  assert.equal(choose(0, 0.9), 'b');
  assert.equal(choose(0.9, 0), 'b');
  assert.equal(choose(0, 0), 'a', 'both draws gave the same');
  const weighted = [target('a', { active: 5, weight: 5 }), target('b', { active: 2 })];
  assert.equal(chooseEndpoint('LEAST_REQUEST', weighted, sequence(0, 0.99))?.name, 'a');
});

test('whatever the policy and the draws, the chosen endpoint is usable and has weight, if there is one', () => {
  const endpoint = fc.record({
    weight: fc.nat(3),
    active: fc.nat(5),
    usable: fc.boolean(),
    credit: fc.integer({ min: -9, max: 9 }),
    name: fc.constant(''),
  });
  const policy = fc.constantFrom('LEAST_REQUEST' as const, 'ROUND_ROBIN' as const, 'RANDOM' as const);
  const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.array(endpoint, { maxLength: 5 }), policy, fc.array(draw, { minLength: 2 }), (all, how, draws) => {
      const chosen = chooseEndpoint(how, all, sequence(...draws));
      const candidates = all.filter(({ usable, weight }) => usable && weight > 0);
      assert.equal(chosen === undefined, candidates.length === 0);
      assert.equal(chosen === undefined || candidates.includes(chosen), true);
    }),
  );
});

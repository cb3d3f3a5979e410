import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildPlan } from '../../test/kit/plan-kit.ts';
import { applyPlanChange, planChange, sharePlan } from './change.ts';
import type { Plan } from './types.ts';

function planWith(hostnames: readonly string[], value: string): Plan {
  const routes = [{ match: { path: { type: 'PathPrefix', value } as const, headers: [] } }];
  return buildPlan({ listeners: [{ virtualHosts: hostnames.map((hostname) => ({ hostname, routes })) }] });
}

describe('a change of a plan', () => {
  const before = planWith(['a.example', 'b.example'], '/a');
  const after = planWith(['b.example', 'c.example'], '/b');

  test('applied to the one gives the other', () => {
    const change = planChange(before, after);
    assert.ok(change !== undefined);
    assert.deepEqual(applyPlanChange(before, change), after);
    const mesh = { ...before.mesh, trustDomain: 'other' };
    const meshChange = planChange(before, { ...before, mesh });
    assert.ok(meshChange !== undefined);
    assert.deepEqual(applyPlanChange(before, meshChange), { ...before, mesh });
    assert.equal(applyPlanChange(before, meshChange).routes, before.routes);
  });

  test('is undefined when nothing changed', () => {
    assert.equal(planChange(before, structuredClone(before)), undefined);
  });

  test('only what changed is new after sharing', () => {
    const copy = structuredClone(before);
    const shared = sharePlan(before, { ...copy, routes: { ...copy.routes, ...after.routes } });
    assert.deepEqual(Object.values(shared.listeners)[0], Object.values(before.listeners)[0]);
    assert.equal(Object.values(shared.listeners)[0], Object.values(before.listeners)[0]);
    const changed = Object.entries(shared.routes).filter(([id, route]) => before.routes[id] !== route);
    assert.deepEqual(changed.map(([id]) => id).sort(), Object.keys(after.routes).sort());
  });
});

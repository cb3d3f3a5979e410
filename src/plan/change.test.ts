import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildPlan } from '../../test/kit/plan-kit.ts';
import { applyPlanChange, planChange } from './change.ts';
import { listingOf } from './collection.ts';
import { diffListings, nextListing, shareListing } from './diff.ts';
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
    const routes = listingOf(before.routes);
    const copy = structuredClone(before.routes);
    const next = listingOf({ ...copy, ...after.routes });
    const shared = shareListing(routes, next);
    assert.deepEqual(shared, next);
    const kept = shared.elements.filter((route) => routes.elements.includes(route));
    assert.deepEqual(
      kept.map(({ id }) => id),
      Object.keys(before.routes).filter((id) => !Object.hasOwn(after.routes, id)),
    );
    assert.equal(shareListing(routes, listingOf(copy)), routes);
  });

  test('what is said to be different is told from what is', () => {
    const routes = listingOf(before.routes);
    const [first = '', second = ''] = routes.ids;
    const same = listingOf(structuredClone(before.routes));
    assert.equal(nextListing(routes, { set: same, removed: [...routes.ids, 'none'] }), routes);
    const added = listingOf({ ...after.routes, [second]: structuredClone(before.routes[second]) });
    const next = nextListing(routes, { set: added, removed: [first, second, 'none'] });
    const plain = { ids: [...next.ids], elements: [...next.elements] };
    assert.deepEqual(diffListings(routes, next), diffListings(routes, plain));
    assert.deepEqual(next.ids, [...new Set([second, ...Object.keys(after.routes)])].sort());
  });
});

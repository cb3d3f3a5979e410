import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayId, smallPlan } from '../../test/kit/small-plan.ts';
import { validatePlan } from '../plan/index.ts';
import { pinPorts, slicePlan } from './plan-slice.ts';

const plan = smallPlan(['a', 'b']);
const sidecarPort = 'sidecar/default/a/50051';

test('a slice holds what belongs to the proxy and nothing else', () => {
  const slice = slicePlan(plan, 'sidecar/default/a');
  assert.deepEqual(Object.keys(slice.proxies), ['sidecar/default/a']);
  assert.deepEqual(Object.keys(slice.ports), [sidecarPort]);
  assert.deepEqual(Object.keys(slice.virtualHosts), [`${sidecarPort}/all/*`]);
  assert.deepEqual(slice.certificates, {});
  assert.deepEqual(slice.peers, plan.peers);
});

test('a slice is a valid plan, and that of an only proxy is the plan', () => {
  for (const id of Object.keys(plan.proxies)) assert.deepEqual(validatePlan(slicePlan(plan, id)), []);
  const only = smallPlan([]);
  assert.deepEqual(slicePlan(only, gatewayId), { ...only, peers: {} });
});

test('pins fill in open port numbers only', () => {
  const fixed = smallPlan(['a'], { gatewayPort: 8080 });
  const pins = new Map([
    [sidecarPort, 40_000],
    [`${gatewayId}/80`, 40_001],
  ]);
  const pinned = pinPorts(fixed, pins);
  assert.equal(pinned.ports[sidecarPort]?.bind.port, 40_000);
  assert.equal(pinned.ports[`${gatewayId}/80`]?.bind.port, 8080);
  assert.equal(fixed.ports[sidecarPort]?.bind.port, 0);
});

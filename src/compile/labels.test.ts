import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commonLabels, workloadLabels } from './labels.ts';

const context = { trustDomain: 'cluster.local' };
const identity = { namespace: 'ns', serviceAccount: 'sa', workloadName: 'w', labels: {} };

test('absent labels are unknown, and the canonical name falls back to the workload', () => {
  assert.deepEqual(workloadLabels(identity, context), {
    workload: 'w',
    namespace: 'ns',
    app: 'unknown',
    version: 'unknown',
    canonicalService: 'w',
    canonicalRevision: 'latest',
    cluster: 'Kubernetes',
    principal: 'spiffe://cluster.local/ns/ns/sa/sa',
  });
});

function named(labels: Record<string, string>): readonly string[] {
  const { canonicalService, canonicalRevision } = workloadLabels({ ...identity, labels }, context);
  return [canonicalService, canonicalRevision];
}

test('canonical names in their order', () => {
  const app = { app: 'a', version: 'v1' };
  const kubernetes = { 'app.kubernetes.io/name': 'k', 'app.kubernetes.io/version': 'v2' };
  const istio = { 'service.istio.io/canonical-name': 'i', 'service.istio.io/canonical-revision': 'v3' };
  assert.deepEqual(named(app), ['a', 'v1']);
  assert.deepEqual(named({ ...app, ...kubernetes }), ['k', 'v2']);
  assert.deepEqual(named({ ...app, ...kubernetes, ...istio }), ['i', 'v3']);
});

test('of several workloads with one account only what they share is said', () => {
  const a = workloadLabels({ ...identity, labels: { app: 'a', version: 'v1' } }, context);
  const b = workloadLabels({ ...identity, workloadName: 'x', labels: { app: 'a', version: 'v2' } }, context);
  assert.deepEqual(commonLabels(a, b), {
    ...a,
    workload: 'unknown',
    version: 'unknown',
    canonicalRevision: 'latest',
  });
});

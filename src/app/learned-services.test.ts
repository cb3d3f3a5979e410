import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LearnedServices } from './learned-services.ts';

const service = 'asset.default.svc.cluster.local';
const first = { files: [], services: ['asset.v1'] };
const second = { files: [], services: ['asset.v2'] };

test('of several workloads behind one service the newest word counts, until its proxy leaves', () => {
  const learned = new LearnedServices();
  learned.set('sidecar/a', { service, source: first });
  learned.set('sidecar/b', { service, source: second });
  assert.equal(learned.get(service), second);
  learned.set('sidecar/a', { service, source: first });
  assert.equal(learned.get(service), first);
  assert.deepEqual(learned.forget('sidecar/a'), [service]);
  assert.deepEqual(learned.all(), [{ service, source: second }]);
  assert.deepEqual(learned.forget('sidecar/b'), [service]);
  assert.deepEqual([learned.all(), learned.forget('sidecar/b')], [[], []]);
});

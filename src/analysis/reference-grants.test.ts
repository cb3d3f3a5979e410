import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testOptions } from '../../test/kit/compile-kit.ts';
import { parseManifest } from '../manifest/index.ts';
import { decodeAll } from '../resource/index.ts';
import { isPermitted, type CrossReference } from './reference-grants.ts';
import { makeWorld } from './world.ts';

const reference: CrossReference = {
  from: { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'front' },
  to: { group: '', kind: 'Service', namespace: 'back', name: 'app' },
};

function permitted(grant: { namespace?: string; from?: string; to?: string }): boolean {
  const text = `
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: { name: g, namespace: ${grant.namespace ?? 'back'} }
spec:
  from: [${grant.from ?? '{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: front }'}]
  to: [${grant.to ?? '{ group: "", kind: Service, name: app }'}]
`;
  const { resources, diagnostics } = decodeAll(parseManifest(text, 'grant.yaml').documents);
  assert.deepEqual(diagnostics, []);
  return isPermitted(
    makeWorld({ resources, bindings: [], options: testOptions }, () => {}),
    reference,
  );
}

test('a grant with or without the name permits', () => {
  assert.equal(permitted({}), true);
  assert.equal(permitted({ to: '{ group: "", kind: Service }' }), true);
});

test('a grant that misses in one respect does not', () => {
  assert.equal(permitted({ namespace: 'front' }), false);
  assert.equal(permitted({ from: '{ group: example.com, kind: HTTPRoute, namespace: front }' }), false);
  assert.equal(permitted({ from: '{ group: gateway.networking.k8s.io, kind: GRPCRoute, namespace: front }' }), false);
  assert.equal(permitted({ from: '{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: other }' }), false);
  assert.equal(permitted({ to: '{ group: example.com, kind: Service, name: app }' }), false);
  assert.equal(permitted({ to: '{ group: "", kind: Secret, name: app }' }), false);
  assert.equal(permitted({ to: '{ group: "", kind: Service, name: other }' }), false);
});

test('inside one namespace nothing is needed', () => {
  const { resources } = decodeAll([]);
  const world = makeWorld({ resources, bindings: [], options: testOptions }, () => {});
  assert.equal(isPermitted(world, { ...reference, to: { ...reference.to, namespace: 'front' } }), true);
  assert.equal(isPermitted(world, reference), false);
});

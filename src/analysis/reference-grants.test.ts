import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testOptions } from '../../test/kit/compile-kit.ts';
import { parseManifest } from '../manifest/index.ts';
import { decodeAll } from '../resource/index.ts';
import { grantRemedy, isPermitted, type CrossReference } from './reference-grants.ts';
import { makeWorld, type World } from './world.ts';

const reference: CrossReference = {
  from: { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'front' },
  to: { group: '', kind: 'Service', namespace: 'back', name: 'app' },
};

interface Grant {
  readonly namespace?: string;
  readonly from?: string;
  readonly to?: string;
}

function worldWith(grant: Grant): World {
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
  return makeWorld({ resources, bindings: [], options: testOptions }, () => {});
}

function permitted(grant: Grant): boolean {
  return isPermitted(worldWith(grant), reference);
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

test('the remedy tells of a grant in which one word is wrong, and of no other', () => {
  const near = (grant: Grant): string | undefined =>
    / ReferenceGrant \S+ grant\.yaml:2 does not do it: (.*)\.$/.exec(grantRemedy(worldWith(grant), reference))?.[1];
  const from = (kind: string, namespace: string): string =>
    `{ group: gateway.networking.k8s.io, kind: ${kind}, namespace: ${namespace} }`;
  assert.equal(near({ namespace: 'front' }), 'it is in namespace "front"');
  assert.equal(near({ from: from('GRPCRoute', 'front') }), 'its from.kind is "GRPCRoute", not "HTTPRoute"');
  assert.equal(near({ from: from('HTTPRoute', 'other') }), 'its from.namespace is "other", not "front"');
  assert.equal(
    near({ from: `${from('GRPCRoute', 'other')}, ${from('HTTPRoute', 'other')}` }),
    'its from.namespace is "other", not "front"',
  );
  assert.equal(near({ to: '{ group: "", kind: Service, name: other }' }), 'its to.name is "other", not "app"');
  assert.equal(near({ to: '{ group: core, kind: Service }' }), 'its to.group is "core", not ""');
  assert.equal(near({ from: from('GRPCRoute', 'other') }), undefined);
  assert.equal(near({ namespace: 'front', to: '{ group: "", kind: Secret }' }), undefined);
});

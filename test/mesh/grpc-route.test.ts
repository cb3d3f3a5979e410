/** GRPCRoute by its fields, from manifests to what arrives at an app and what its caller sees. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startRouteMesh, type RouteMesh } from '../kit/route-mesh.ts';

const manifests = `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: methods, namespace: shop }
spec:
  parentRefs: [{ name: edge }]
  hostnames: [shop.example.com]
  rules:
    - matches:
        - { method: { service: shop.Cart, method: Add } }
        - { method: { method: Ping } }
        - { method: { type: RegularExpression, service: "shop\\\\.(A|B)", method: "Get.*" } }
        - { headers: [{ name: X-Tenant, value: two }] }
      backendRefs: [{ name: two, port: 8080 }]
    - matches: [{ method: { service: shop.Cart } }]
      backendRefs: [{ name: one, port: 8080 }]
    - matches: [{ method: { service: shop.Half } }]
      backendRefs: [{ name: one, port: 8080 }, { name: absent, port: 8080 }]
    - matches: [{ method: { service: shop.Changed } }]
      filters:
        - { type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-set, value: a }] } }
        - { type: ResponseHeaderModifier, responseHeaderModifier: { remove: [x-old] } }
        - { type: RequestMirror, requestMirror: { backendRef: { name: two, port: 8080 }, fraction: { numerator: 7, denominator: 7 } } }
      backendRefs:
        - name: one
          port: 8080
          filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { add: [{ name: x-set, value: b }] } }]
    - matches: [{ method: { service: shop.Extended } }]
      filters: [{ type: ExtensionRef, extensionRef: { group: a.b, kind: C, name: d } }]
      backendRefs: [{ name: one, port: 8080 }]
`;

describe('GRPCRoute', () => {
  let shop: RouteMesh;
  before(async () => {
    shop = await startRouteMesh(['one', 'two'], manifests);
  });
  after(() => shop.close());
  beforeEach(() => {
    shop.arrivals.length = 0;
  });

  /** The app that answers, or the status where none does. */
  async function answeredBy(path: string, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const answer = await shop.grpc(path, headers);
    return answer.headers['x-app'] ?? answer.grpcStatus;
  }

  test('matches by service, by method, by both, and by expression', async () => {
    assert.equal(await answeredBy('/shop.Cart/Add'), 'two');
    assert.equal(await answeredBy('/shop.Cart/Remove'), 'one');
    assert.equal(await answeredBy('/shop.Cart/Ping'), 'one', 'the service is asked for before the method');
    assert.equal(await answeredBy('/any.Service/Ping'), 'two');
    assert.equal(await answeredBy('/shop.A/GetAll'), 'two');
    assert.equal(await answeredBy('/shop.AB/GetAll'), 12);
    assert.equal(await answeredBy('/shop.Carts/Add'), 12);
  });

  test('a match by header alone', async () => {
    assert.equal(await answeredBy('/other.S/Call', { 'x-tenant': 'two' }), 'two');
    assert.equal(await answeredBy('/other.S/Call', { 'x-tenant': 'one' }), 12);
  });

  test('a backend that does not exist fails its share with UNAVAILABLE', async () => {
    const answers = new Set<unknown>();
    // Each call is one of two with even chances: 64 of a kind in a row do not happen.
    for (let i = 0; i < 64; i++) answers.add(await answeredBy('/shop.Half/Call'));
    assert.deepEqual(answers, new Set(['one', 14]));
  });

  test('header modifiers and a mirror', async () => {
    const answer = await shop.grpc('/shop.Changed/Call', { 'x-set': 'old' });
    assert.equal(answer.headers['x-app'], 'one');
    assert.equal(answer.headers['x-old'], undefined);
    const [served] = await shop.arrived('one', 1);
    assert.equal(served?.header('x-set'), 'a,b');
    assert.equal((await shop.arrived('two', 1))[0]?.path, '/shop.Changed/Call');
  });

  test('a filter that is not supported fails its rule closed', async () => {
    assert.equal(await answeredBy('/shop.Extended/Call'), 14);
    assert.deepEqual(shop.arrivals, []);
  });
});

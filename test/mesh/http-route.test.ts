/** HTTPRoute by its fields, from manifests to what arrives at an app and what its caller sees. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startRouteMesh, type RouteMesh } from '../kit/route-mesh.ts';

const manifests = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: filters, namespace: shop }
spec:
  parentRefs: [{ name: edge }]
  hostnames: [shop.example.com]
  rules:
    - matches: [{ path: { value: /headers.S } }]
      filters:
        - type: RequestHeaderModifier
          requestHeaderModifier:
            set: [{ name: X-Set, value: new }]
            add: [{ name: x-add, value: "2" }]
            remove: [X-Gone]
        - type: ResponseHeaderModifier
          responseHeaderModifier: { set: [{ name: x-old, value: of the route }], add: [{ name: x-new, value: a }] }
      backendRefs:
        - name: one
          port: 8080
          filters:
            - { type: RequestHeaderModifier, requestHeaderModifier: { add: [{ name: x-add, value: "3" }] } }
            - { type: ResponseHeaderModifier, responseHeaderModifier: { remove: [x-app] } }
    - matches: [{ path: { value: /host.S } }]
      filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: Host, value: inner.example.com }] } }]
      backendRefs: [{ name: one, port: 8080 }]
    - matches: [{ path: { value: /outer.S } }]
      filters:
        - type: URLRewrite
          urlRewrite: { hostname: other.example.com, path: { type: ReplacePrefixMatch, replacePrefixMatch: /inner.T } }
      backendRefs: [{ name: one, port: 8080 }]
    - matches: [{ path: { type: Exact, value: /whole.S/Call } }]
      filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /inner.T/New } } }]
      backendRefs: [{ name: one, port: 8080 }]
    - matches: [{ path: { value: /moved } }]
      filters:
        - type: RequestRedirect
          requestRedirect:
            scheme: https
            hostname: new.example.com
            statusCode: 301
            path: { type: ReplacePrefixMatch, replacePrefixMatch: /here }
        - { type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: cache-control, value: no-store }] } }
    - matches: [{ path: { value: /asked }, queryParams: [{ name: to, value: a b }] }]
      filters: [{ type: RequestRedirect, requestRedirect: { port: 8443 } }]
    - matches: [{ path: { value: /cors.S } }]
      filters:
        - type: CORS
          cors:
            allowOrigins: ["https://*.example.com"]
            allowMethods: [POST]
            allowHeaders: ["*"]
            exposeHeaders: [grpc-status, grpc-message]
            maxAge: 60
            allowCredentials: true
      backendRefs: [{ name: one, port: 8080 }]
    - matches: [{ path: { value: /mirrored.S } }]
      filters:
        - { type: RequestMirror, requestMirror: { backendRef: { name: two, port: 8080 } } }
        - { type: RequestMirror, requestMirror: { backendRef: { name: absent, port: 8080 } } }
        - { type: RequestMirror, requestMirror: { backendRef: { name: never, port: 8080 }, percent: 0 } }
      backendRefs: [{ name: one, port: 8080 }]
    - matches: [{ path: { value: /limited.S } }]
      timeouts: { request: 10s, backendRequest: 50ms }
      backendRefs: [{ name: one, port: 8080 }]
    - matches: [{ path: { value: /retried.S } }]
      retry: { codes: [503], attempts: 2, backoff: 1ms }
      backendRefs: [{ name: one, port: 8080 }]
    - matches: [{ path: { value: /extended.S } }]
      filters: [{ type: ExtensionRef, extensionRef: { group: a.b, kind: C, name: d } }]
      backendRefs: [{ name: one, port: 8080 }]
    - matches:
        - { path: { value: /matched.S }, headers: [{ name: X-Who, value: one }] }
        - { path: { value: /matched.S }, headers: [{ name: x-who, type: RegularExpression, value: "o.*" }], method: POST }
      backendRefs: [{ name: two, port: 8080 }]
    - matches: [{ path: { value: /matched.S } }]
      backendRefs: [{ name: one, port: 8080 }]
`;

describe('HTTPRoute', () => {
  let shop: RouteMesh;
  before(async () => {
    shop = await startRouteMesh(['one', 'two', 'never'], manifests);
  });
  after(() => shop.close());
  beforeEach(() => {
    shop.arrivals.length = 0;
  });

  test('header modifiers of the rule, then of the backend, on the way in and out', async () => {
    const answer = await shop.grpc('/headers.S/Call', { 'x-set': 'old', 'x-add': '1', 'x-gone': 'x' });
    const [arrival] = shop.arrivals;
    assert.equal(answer.grpcStatus, 0);
    assert.equal(arrival?.header('x-set'), 'new');
    assert.equal(arrival.header('x-add')?.replaceAll(', ', ','), '1,2,3');
    assert.equal(arrival.header('x-gone'), undefined);
    assert.equal(answer.headers['x-old'], 'of the route');
    assert.equal(answer.headers['x-new'], 'a');
    assert.equal(answer.headers['x-app'], undefined);
  });

  test('a header "Host" is the authority', async () => {
    await shop.grpc('/host.S/Call');
    assert.equal(shop.arrivals[0]?.authority, 'inner.example.com');
    assert.equal(shop.arrivals[0].header('host'), undefined);
  });

  test('URLRewrite of prefix and host', async () => {
    assert.equal((await shop.grpc('/outer.S/Call')).grpcStatus, 0);
    assert.deepEqual([shop.arrivals[0]?.path, shop.arrivals[0]?.authority], ['/inner.T/Call', 'other.example.com']);
  });

  test('URLRewrite of the whole path', async () => {
    assert.equal((await shop.grpc('/whole.S/Call')).grpcStatus, 0);
    assert.deepEqual([shop.arrivals[0]?.path, shop.arrivals[0]?.authority], ['/inner.T/New', 'shop.example.com']);
  });

  test('RequestRedirect: location, status, and headers of the rule; a gRPC call fails', async () => {
    const answer = await shop.plain({ ':path': '/moved/x?q=1' });
    assert.equal(answer.status, 301);
    assert.equal(answer.headers['location'], 'https://new.example.com/here/x?q=1');
    assert.equal(answer.headers['cache-control'], 'no-store');
    const call = await shop.grpc('/moved/Call');
    assert.deepEqual([call.status, call.grpcStatus], [200, 2]);
    assert.deepEqual(shop.arrivals, []);
  });

  test('a match by query parameter, where the gateway answers itself', async () => {
    const answer = await shop.plain({ ':path': '/asked/x?from=c&to=a%20b&to=other' });
    assert.equal(answer.headers['location'], 'http://shop.example.com:8443/asked/x?from=c&to=a%20b&to=other');
    assert.equal(answer.status, 302);
    assert.equal((await shop.plain({ ':path': '/asked/x?to=other&to=a%20b' })).headers['location'], undefined);
  });

  test('CORS: a preflight is answered, a call goes on and its answer is marked', async () => {
    const preflight = await shop.plain({
      ':method': 'OPTIONS',
      ':path': '/cors.S/Call',
      origin: 'https://app.example.com',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'x-grpc-web, x-user-agent',
    });
    assert.equal(preflight.status, 200);
    const { headers } = preflight;
    assert.equal(headers['access-control-allow-origin'], 'https://app.example.com');
    assert.equal(headers['access-control-allow-credentials'], 'true');
    assert.equal(headers['access-control-allow-methods'], 'POST');
    assert.equal(headers['access-control-allow-headers'], 'x-grpc-web, x-user-agent');
    assert.equal(headers['access-control-max-age'], '60');
    assert.deepEqual(shop.arrivals, []);
    const call = await shop.grpc('/cors.S/Call', { origin: 'https://app.example.com' });
    assert.equal(call.grpcStatus, 0);
    assert.equal(call.headers['access-control-allow-origin'], 'https://app.example.com');
    assert.equal(call.headers['access-control-expose-headers'], 'grpc-status, grpc-message');
    const stranger = await shop.grpc('/cors.S/Call', { origin: 'https://example.org' });
    assert.equal(stranger.grpcStatus, 0);
    assert.equal(stranger.headers['access-control-allow-origin'], undefined);
  });

  test('RequestMirror: a copy for each backend that exists, none for 0 percent, and the call is served', async () => {
    const answer = await shop.grpc('/mirrored.S/Call', { 'x-id': 'copied' });
    assert.equal(answer.headers['x-app'], 'one');
    const [copy] = await shop.arrived('two', 1);
    assert.equal(copy?.path, '/mirrored.S/Call');
    assert.equal(copy.header('x-id'), 'copied');
    assert.deepEqual(
      shop.arrivals.filter(({ app }) => app === 'never'),
      [],
    );
    const status = shop.mesh.result().status.find(({ kind }) => kind === 'HTTPRoute');
    assert.deepEqual(
      status?.parents?.[0]?.conditions.map(({ type, reason }) => `${type} ${reason}`),
      ['Accepted Accepted', 'ResolvedRefs BackendNotFound', 'PartiallyInvalid UnsupportedValue'],
    );
  });

  test('timeouts.backendRequest ends a call that gets no answer', async () => {
    assert.equal((await shop.grpc('/limited.S/Call', { 'x-hang': '1' })).grpcStatus, 4);
    assert.equal(shop.arrivals.length, 1);
  });

  test('retry: as many attempts more as written, for the codes that are listed', async () => {
    assert.equal((await shop.grpc('/retried.S/Call', { 'x-id': 'twice', 'x-fail': '2' })).grpcStatus, 0);
    assert.equal(shop.arrivals.length, 3);
    assert.notEqual((await shop.grpc('/retried.S/Call', { 'x-id': 'thrice', 'x-fail': '3' })).grpcStatus, 0);
    assert.equal(shop.arrivals.length, 6);
  });

  test('a filter that is not supported fails its rule closed', async () => {
    assert.equal((await shop.grpc('/extended.S/Call')).grpcStatus, 14);
    assert.deepEqual(shop.arrivals, []);
  });

  test('matches by header, exact and by expression, come before the one without', async () => {
    const askedBy = async (who: string) => (await shop.grpc('/matched.S/Call', { 'x-who': who })).headers['x-app'];
    assert.deepEqual([await askedBy('one'), await askedBy('other'), await askedBy('who')], ['two', 'two', 'one']);
  });
});

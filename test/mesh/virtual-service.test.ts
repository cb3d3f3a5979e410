/** An Istio Gateway with VirtualServices in front of workloads with mutual TLS: from manifests, with real proxies and sockets. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { HttpAnswer } from '../kit/action-gateway.ts';
import { startCompiledMesh, type CompiledMesh } from '../kit/compiled-mesh.ts';
import { startDescribingApp, type DescribingApp } from '../kit/describing-app.ts';
import { gatewayManifest, requester, workloadManifest, type Requester } from '../kit/virtual-mesh.ts';

const host = 'api.example.com';

const virtualService = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: shop }
spec: { host: web, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: api, namespace: shop }
spec:
  hosts: [${host}]
  gateways: [edge/public]
  http:
    - match: [{ uri: { prefix: /pre } }]
      route: [{ destination: { host: web, subset: v1 } }]
    - match: [{ uri: { exact: /Exact/Call }, ignoreUriCase: true }]
      route: [{ destination: { host: web, subset: v2 } }]
    - match: [{ uri: { regex: "/re/m[0-9]+" }, method: { regex: "POST|PUT" } }]
      route: [{ destination: { host: web, subset: v2 } }]
    - match: [{ headers: { x-any: {} }, withoutHeaders: { x-not: { prefix: nope } }, queryParams: { q: { exact: "1" } } }]
      directResponse: { status: 202, body: { string: conditions } }
    - match: [{ authority: { exact: ${host} }, uri: { exact: /authority/x }, scheme: { exact: http } }]
      directResponse: { status: 203 }
    - match: [{ uri: { exact: /get/only }, method: { exact: GET } }]
      directResponse: { status: 204 }
    - match: [{ uri: { prefix: /rewrite. } }]
      rewrite: { uri: /, authority: inside.example.com }
      route: [{ destination: { host: web, subset: v1 } }]
    - match: [{ uri: { prefix: /regex/ } }]
      rewrite: { uriRegexRewrite: { match: "^/regex/([a-z]+)$", rewrite: "/\\\\1/re" } }
      route: [{ destination: { host: web, subset: v1 } }]
    - match: [{ uri: { exact: /whole/x } }]
      rewrite: { uri: /other/x }
      route: [{ destination: { host: web, subset: v1 } }]
    - match: [{ uri: { prefix: /redirect/ } }]
      redirect: { prefixRewrite: /to/, authority: new.example.com, redirectCode: 308 }
    - match: [{ uri: { exact: /moved } }]
      redirect: { uri: /here, scheme: https, port: 8443 }
    - match: [{ uri: { exact: /headers/x } }]
      headers:
        request: { set: { x-route: set }, add: { x-add: route }, remove: [x-remove] }
        response: { add: { x-response: route }, remove: [x-backend-header] }
      route:
        - { destination: { host: web, subset: v1 }, headers: { request: { set: { x-backend: dst }, add: { x-add: dst } }, response: { set: { x-response-dst: dst } } } }
    - match: [{ uri: { exact: /host/x } }]
      headers: { request: { set: { Host: set.example.com } } }
      route: [{ destination: { host: web, subset: v1 } }]
    - match: [{ uri: { prefix: /slow/ } }]
      timeout: 50ms
      retries: { attempts: 0 }
      route: [{ destination: { host: web, subset: v1 } }]
    - match: [{ uri: { prefix: /retry } }]
      retries: { attempts: 2, retryOn: "503", backoff: 1ms }
      route: [{ destination: { host: web, subset: v1 } }]
    - match: [{ uri: { prefix: /once } }]
      route: [{ destination: { host: web, subset: v1 } }]
    - match: [{ uri: { exact: /abort/x } }]
      fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }
      route: [{ destination: { host: web, subset: v1 } }]
    - match: [{ uri: { exact: /abort.Grpc/Call } }]
      fault: { delay: { fixedDelay: 1ms, percentage: { value: 100 } }, abort: { grpcStatus: RESOURCE_EXHAUSTED, percentage: { value: 100 } } }
      route: [{ destination: { host: web, subset: v1 } }]
    - match: [{ uri: { exact: /percentage/x } }]
      fault: { abort: { httpStatus: 500 } }
      route: [{ destination: { host: web, subset: v1 } }]
    - match: [{ uri: { exact: /mirrored/x } }]
      mirrors: [{ destination: { host: shadow } }]
      route: [{ destination: { host: web, subset: v1 } }]
    - match: [{ uri: { exact: /cors/x } }]
      corsPolicy: { allowOrigins: [{ prefix: "https://good." }], allowMethods: [POST], allowHeaders: [x-a], maxAge: 60s }
      route: [{ destination: { host: web, subset: v1 } }]
    - match: [{ uri: { exact: /weights/x } }]
      route: [{ destination: { host: web, subset: v1 }, weight: 0 }, { destination: { host: web, subset: v2 }, weight: 7 }]
    - match: [{ uri: { exact: /undefined/x } }]
      route: [{ destination: { host: web, subset: v3 } }]
    - match: [{ uri: { exact: /nowhere/x } }]
      route: [{ destination: { host: nobody } }]
    - match: [{ uri: { prefix: /team/ } }]
      delegate: { name: team, namespace: team }
      headers: { response: { set: { x-root: "yes" } } }
    - match: [{ uri: { exact: /claims/x }, headers: { "@request.auth.claims.group": { exact: admin } } }]
      route: [{ destination: { host: web, subset: v1 } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: team, namespace: team }
spec:
  http:
    - match: [{ uri: { prefix: /team/a } }]
      route: [{ destination: { host: web.shop.svc.cluster.local, subset: v2 } }]
    - match: [{ uri: { prefix: /elsewhere/ } }]
      directResponse: { status: 599 }
---
`;

const manifests =
  gatewayManifest({
    servers: '[{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["shop/*.example.com"] }]',
  }) +
  workloadManifest({ namespace: 'shop', name: 'web-v1', app: 'web', version: 'v1' }) +
  workloadManifest({ namespace: 'shop', name: 'web-v2', app: 'web', version: 'v2' }) +
  workloadManifest({ namespace: 'shop', name: 'shadow', app: 'shadow', version: 'v1' }) +
  virtualService;

describe('a VirtualService at an Istio Gateway', () => {
  const apps = new Map<string, DescribingApp>();
  let mesh: CompiledMesh;
  let http: Requester;

  before(async () => {
    for (const name of ['web-v1', 'web-v2', 'shadow']) apps.set(name, await startDescribingApp(name));
    mesh = await startCompiledMesh({
      manifests,
      apps: Object.fromEntries([...apps].map(([name, { address }]) => [`shop/${name}`, address])),
    });
    http = requester(mesh.addressOf('gateway/istio-system/istio-ingressgateway/80'), host);
  });

  after(async () => {
    http.close();
    await mesh.close();
    for (const app of apps.values()) await app.close();
  });

  function appOf(name: string): DescribingApp {
    const found = apps.get(name);
    if (found === undefined) throw new Error(`no app ${name}`);
    return found;
  }

  const reached = ({ headers }: HttpAnswer): unknown => headers['x-app'];
  const code = ({ headers }: HttpAnswer): unknown => headers['grpc-status'];

  test('prefix is by characters, subsets choose by label', async () => {
    assert.equal(reached(await http.call('/pre/x')), 'web-v1');
    assert.equal(reached(await http.call('/prefixed/x')), 'web-v1', 'not by path elements');
    assert.equal(reached(await http.call('/eXACT/Call')), 'web-v2');
    assert.equal(reached(await http.call('/re/m12')), 'web-v2');
    assert.equal(code(await http.call('/re/x')), '12', 'the whole path must match');
  });

  test('method, headers, absent headers and query parameters', async () => {
    assert.equal((await http.get('/c/x?q=1', { 'x-any': '' })).body, 'conditions');
    assert.equal((await http.get('/c/x?q=1', { 'x-any': 'a', 'x-not': 'yes' })).status, 202);
    assert.equal(code(await http.call('/c/x?q=1', { 'x-any': 'a', 'x-not': 'nope' })), '12');
    assert.equal(code(await http.call('/c/x?q=2', { 'x-any': 'a' })), '12');
    assert.equal(code(await http.call('/c/x?q=1')), '12');
    assert.equal((await http.get('/authority/x')).status, 203);
    assert.equal((await http.get('/get/only')).status, 204);
    assert.equal(code(await http.call('/get/only')), '12');
  });

  test('hosts that no server or VirtualService has lead nowhere', async () => {
    assert.equal(code(await http.call('/pre/x', { ':authority': 'other.example.com' })), '12');
    assert.equal(
      reached(await http.call('/pre/x', { ':authority': `${host}:8080` })),
      'web-v1',
      'the port does not count',
    );
  });

  test('rewrites of a prefix, of the whole path, by expression, and of the authority', async () => {
    const prefix = await http.call('/rewrite.a/b');
    assert.deepEqual([prefix.headers['seen-path'], prefix.headers['seen-authority']], ['/a/b', 'inside.example.com']);
    assert.equal((await http.call('/regex/one')).headers['seen-path'], '/one/re');
    assert.equal((await http.call('/whole/x')).headers['seen-path'], '/other/x');
    assert.equal((await http.call('/host/x')).headers['seen-authority'], 'set.example.com');
  });

  test('redirects', async () => {
    const prefix = await http.get('/redirect/a?b=c');
    assert.deepEqual([prefix.status, prefix.headers.location], [308, 'http://new.example.com/to/a?b=c']);
    const moved = await http.get('/moved');
    assert.deepEqual([moved.status, moved.headers.location], [301, `https://${host}:8443/here`]);
  });

  test('header changes of the route, then those of the destination', async () => {
    const { headers } = await http.call('/headers/x', { 'x-remove': 'me', 'x-route': 'client' });
    assert.equal(headers['seen-x-route'], 'set');
    assert.equal(headers['seen-x-remove'], undefined);
    assert.equal(headers['seen-x-add'], 'route,dst');
    assert.equal(headers['seen-x-backend'], 'dst');
    assert.deepEqual([headers['x-response'], headers['x-response-dst']], ['route', 'dst']);
    assert.equal(headers['x-backend-header'], undefined);
  });

  test('a timeout covers the whole request', async () => {
    assert.equal(code(await http.call('/slow/hang')), '4');
  });

  test('retries by status code, as many as asked for; by default not', async () => {
    const earlier = appOf('web-v1').paths.length;
    assert.equal((await http.call('/retry/status_503')).status, 503);
    assert.equal(appOf('web-v1').paths.length - earlier, 3);
    assert.equal((await http.call('/once/status_503')).status, 503);
    assert.equal(appOf('web-v1').paths.length - earlier, 4);
  });

  test('by default UNAVAILABLE is tried twice more, unless attempts is 0', async () => {
    const earlier = appOf('web-v1').paths.length;
    assert.equal(code(await http.call('/once/grpc_14')), '14');
    assert.equal(appOf('web-v1').paths.length - earlier, 3);
    assert.equal(code(await http.call('/slow/grpc_14')), '14');
    assert.equal(appOf('web-v1').paths.length - earlier, 4);
  });

  test('faults: aborts by status and by gRPC status after a delay, and none without a percentage', async () => {
    assert.equal(code(await http.call('/abort/x')), '2');
    assert.equal(code(await http.call('/abort.Grpc/Call')), '8');
    assert.equal(reached(await http.call('/percentage/x')), 'web-v1');
  });

  test("a mirror gets a copy, and its answer is nobody's", async () => {
    assert.equal(reached(await http.call('/mirrored/x')), 'web-v1');
    await appOf('shadow').received(1);
    assert.deepEqual(appOf('shadow').paths, ['/mirrored/x']);
  });

  test('CORS: a preflight of an allowed origin is answered here, one of another is like any request', async () => {
    const preflight = (origin: string): Promise<HttpAnswer> =>
      http.get('/cors/x', { ':method': 'OPTIONS', origin, 'access-control-request-method': 'POST' });
    const good = await preflight('https://good.example.com');
    assert.deepEqual(
      [good.headers['access-control-allow-origin'], good.headers['access-control-max-age'], reached(good)],
      ['https://good.example.com', '60', undefined],
    );
    const bad = await preflight('https://bad.example.com');
    assert.equal(bad.headers['access-control-allow-origin'], undefined);
    const allowed = await http.call('/cors/x', { origin: 'https://good.example.com' });
    assert.deepEqual(
      [reached(allowed), allowed.headers['access-control-allow-origin']],
      ['web-v1', 'https://good.example.com'],
    );
  });

  test('weights are shares, and 0 gets nothing', async () => {
    for (let count = 0; count < 20; count++) assert.equal(reached(await http.call('/weights/x')), 'web-v2');
  });

  test('a subset that nobody defines and a host that does not exist fail closed; without a token no claim holds', async () => {
    for (const path of ['/undefined/x', '/nowhere/x']) assert.equal(code(await http.call(path)), '14', path);
    assert.equal(code(await http.call('/claims/x')), '12');
  });

  test('a delegate narrows its root and takes what it does not say itself', async () => {
    const answer = await http.call('/team/ab');
    assert.deepEqual([reached(answer), answer.headers['x-root']], ['web-v2', 'yes']);
    assert.equal(code(await http.call('/team/b')), '12');
    assert.equal(code(await http.call('/elsewhere/x')), '12');
  });
});

/** What HTTPRoutes and VirtualServices ask for beside routing, through real processes: what clients and applications see. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { httpClient, type HttpAnswer } from '../kit/action-gateway.ts';
import { startEchoBackend, type EchoBackend } from '../kit/proxy-backend.ts';
import { echoClient } from '../kit/proxy-client.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

function workload(name: string): string {
  return `---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { serviceAccountName: ${name}, containers: [{ name: app, ports: [{ containerPort: 50051 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: ${name} }, ports: [{ name: grpc, port: 8080, targetPort: 50051 }] }
`;
}

const manifests = `${workload('main')}${workload('copy')}---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec: { gatewayClassName: istio, listeners: [{ name: http, port: 80, protocol: HTTP }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: main, namespace: shop }
spec:
  parentRefs: [{ name: edge }]
  hostnames: [gateway-api.example]
  rules:
    - matches: [{ headers: [{ name: x-case, value: headers }] }]
      filters:
        - type: RequestHeaderModifier
          requestHeaderModifier:
            set: [{ name: X-Echo-Tier, value: gold }]
            add: [{ name: x-echo-more, value: "2" }]
            remove: [x-echo-secret]
        - type: ResponseHeaderModifier
          responseHeaderModifier: { set: [{ name: x-served-by, value: sallyport }] }
      backendRefs: [{ name: main, port: 8080 }]
    - matches: [{ headers: [{ name: x-case, value: mirror }] }]
      filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: copy, port: 8080 } } }]
      backendRefs: [{ name: main, port: 8080 }]
    - matches: [{ path: { type: PathPrefix, value: /old.Echo } }]
      filters:
        - type: URLRewrite
          urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /test.Echo } }
      backendRefs: [{ name: main, port: 8080 }]
    - matches: [{ path: { type: PathPrefix, value: /docs } }]
      filters:
        - type: RequestRedirect
          requestRedirect: { scheme: https, hostname: docs.example, statusCode: 302 }
    - filters:
        - type: CORS
          cors: { allowOrigins: ["https://app.example"], allowMethods: [POST], maxAge: 5 }
      backendRefs: [{ name: main, port: 8080 }]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: istio-edge, namespace: shop }
spec: { selector: { app: istio-edge }, servers: [{ port: { number: 81, name: http, protocol: HTTP }, hosts: ["*"] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: main, namespace: shop }
spec:
  hosts: [istio.example]
  gateways: [istio-edge]
  http:
    - match: [{ headers: { x-case: { exact: abort } } }]
      fault: { abort: { grpcStatus: RESOURCE_EXHAUSTED, percentage: { value: 100 } } }
      route: [{ destination: { host: main, port: { number: 8080 } } }]
    - match: [{ headers: { x-case: { exact: delay } } }]
      fault: { delay: { fixedDelay: 50ms, percentage: { value: 100 } } }
      route: [{ destination: { host: main, port: { number: 8080 } } }]
    - match: [{ uri: { prefix: /status } }]
      directResponse: { status: 503, body: { string: closed for today } }
    - match: [{ uri: { prefix: /old.Echo/ } }]
      rewrite: { uri: /test.Echo/, authority: main.shop }
      headers: { request: { set: { x-echo-tier: silver } } }
      route: [{ destination: { host: main, port: { number: 8080 } } }]
    - match: [{ uri: { prefix: /moved } }]
      redirect: { uri: /here, authority: other.example, redirectCode: 308 }
    - mirrors: [{ destination: { host: copy, port: { number: 8080 } }, percentage: { value: 100 } }]
      route: [{ destination: { host: main, port: { number: 8080 } } }]
`;

const directory = mkdtempSync(join(tmpdir(), 'sallyport-actions-'));
let main: EchoBackend;
let copy: EchoBackend;
let mesh: SallyportProcess;

before(async () => {
  writeFileSync(join(directory, 'mesh.yaml'), manifests);
  main = await startEchoBackend();
  copy = await startEchoBackend();
  const at = ({ address }: EchoBackend): string => `${address.host}:${address.port}`;
  mesh = new SallyportProcess([
    ...['run', '-f', directory],
    ...['--workload', `shop/main=${at(main)}`, '--workload', `shop/copy=${at(copy)}`],
  ]);
  await mesh.ready();
});

after(async () => {
  await mesh.stop();
  main.close();
  copy.close();
  rmSync(directory, { recursive: true, force: true });
});

type Headers = Readonly<Record<string, string>>;

interface Door {
  readonly http: (headers: Headers, body?: string) => Promise<HttpAnswer>;
  /** A gRPC call with an empty message, whose answer is seen header by header. */
  readonly grpc: (headers?: Headers) => Promise<HttpAnswer>;
  readonly unary: (
    metadata?: Headers,
  ) => Promise<{ readonly code: number; readonly trailers: Readonly<Record<string, unknown>> }>;
}

function door(t: TestContext, gateway: string, authority: string): Door {
  const [host = '', port = ''] = mesh.listener(gateway).split(':');
  const address = { host, port: Number(port) };
  const send = httpClient(t, address);
  const client = echoClient(address, authority);
  t.after(() => client.close());
  const http: Door['http'] = (headers, body) => send({ ':authority': authority, ...headers }, body);
  return {
    http,
    grpc: (headers = {}) =>
      http(
        {
          ':method': 'POST',
          ':path': '/test.Echo/Unary',
          'content-type': 'application/grpc',
          te: 'trailers',
          ...headers,
        },
        '\0\0\0\0\0',
      ),
    unary: async (metadata = {}) => {
      const { code, trailers } = await client.unary('hello', { metadata });
      return { code, trailers: trailers.getMap() };
    },
  };
}

/** Calls that reached an application so far. */
function calls({ calls: byMethod }: EchoBackend): number {
  return byMethod.get('Unary') ?? 0;
}

describe('an HTTPRoute', () => {
  const edge = (t: TestContext): Door => door(t, 'shop/edge', 'gateway-api.example');

  test('changes headers of requests and responses', async (t) => {
    const { trailers } = await edge(t).unary({
      'x-case': 'headers',
      'x-echo-more': '1',
      'x-echo-secret': 's',
      'x-echo-tier': 'tin',
    });
    assert.equal(trailers['x-echo-tier'], 'gold');
    assert.equal(trailers['x-echo-more'], '1, 2');
    assert.equal(trailers['x-echo-secret'], undefined);
    const { headers } = await edge(t).grpc({ 'x-case': 'headers' });
    assert.equal(headers['x-served-by'], 'sallyport');
  });

  test('copies calls to a mirror', async (t) => {
    const earlier = [calls(main), calls(copy)] as const;
    assert.equal((await edge(t).unary({ 'x-case': 'mirror' })).code, 0);
    while (calls(copy) === earlier[1]) await new Promise(setImmediate);
    assert.deepEqual([calls(main), calls(copy)], [earlier[0] + 1, earlier[1] + 1]);
    assert.equal(copy.metadata.at(-1)?.get('x-case')[0], 'mirror');
  });

  test('rewrites paths', async (t) => {
    const { trailers } = await edge(t).grpc({ ':path': '/old.Echo/Unary' });
    assert.equal(trailers['grpc-status'], '0');
  });

  test('redirects browsers and gRPC clients', async (t) => {
    const { status, headers } = await edge(t).http({ ':path': '/docs/a?b=c' });
    assert.deepEqual([status, headers['location']], [302, 'https://docs.example/docs/a?b=c']);
    assert.equal((await edge(t).grpc({ ':path': '/docs/Call' })).headers['grpc-status'], '2');
  });

  test('answers preflights', async (t) => {
    const preflight = { ':method': 'OPTIONS', ':path': '/test.Echo/Unary', 'access-control-request-method': 'POST' };
    const { status, headers } = await edge(t).http({ ...preflight, origin: 'https://app.example' });
    assert.deepEqual(
      [status, headers['access-control-allow-methods'], headers['access-control-max-age']],
      [200, 'POST', '5'],
    );
    const other = await edge(t).http({ ...preflight, origin: 'https://evil.example' });
    assert.equal(other.headers['access-control-allow-origin'], undefined);
  });
});

describe('a VirtualService', () => {
  const edge = (t: TestContext): Door => door(t, 'shop/istio-edge', 'istio.example');

  test('aborts calls', async (t) => {
    const earlier = calls(main);
    assert.equal((await edge(t).unary({ 'x-case': 'abort' })).code, 8);
    assert.equal(calls(main), earlier);
    await mesh.until(() => / 8 FI |RESOURCE_EXHAUSTED FI /.test(mesh.stdout), 'to log the fault');
  });

  test('delays calls', async (t) => {
    const startMs = performance.now();
    assert.equal((await edge(t).unary({ 'x-case': 'delay' })).code, 0);
    assert.ok(performance.now() - startMs >= 49);
    await mesh.until(() => / OK DI /.test(mesh.stdout), 'to log the delay');
  });

  test('answers by itself', async (t) => {
    const { status, body } = await edge(t).http({ ':path': '/status' });
    assert.deepEqual([status, body], [503, 'closed for today']);
  });

  test('redirects', async (t) => {
    const { status, headers } = await edge(t).http({ ':path': '/moved/x' });
    assert.deepEqual([status, headers['location']], [308, 'http://other.example/here']);
  });

  test('rewrites path and authority, and sets headers', async (t) => {
    const { trailers } = await edge(t).grpc({ ':path': '/old.Echo/Unary' });
    assert.deepEqual([trailers['grpc-status'], trailers['x-echo-tier']], ['0', 'silver']);
  });

  test('copies calls to its mirrors', async (t) => {
    const earlier = calls(copy);
    assert.equal((await edge(t).unary()).code, 0);
    while (calls(copy) === earlier) await new Promise(setImmediate);
  });
});

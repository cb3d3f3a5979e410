/** A gateway from manifests in front of apps that write down what arrives, with a client that sees every answer as it is. */
import { once } from 'node:events';
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { startCompiledMesh, type CompiledMesh } from './compiled-mesh.ts';
import { startScripted, type ScriptedBackend, type ScriptedRequest } from './proxy-scripted.ts';

/** One request as an app got it. */
export interface Arrival {
  readonly app: string;
  readonly path: string;
  readonly authority: string;
  /** Values of a repeated header joined by `,`. */
  header(name: string): string | undefined;
}

export interface RouteAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  /** `grpc-status`, wherever it stands; undefined for an answer that is not gRPC. */
  readonly grpcStatus: number | undefined;
}

export interface RouteMesh {
  readonly mesh: CompiledMesh;
  /** What the apps got since the test began, in order. */
  readonly arrivals: Arrival[];
  /** Resolves once an app has got that many requests. */
  arrived(app: string, count: number): Promise<readonly Arrival[]>;
  /** A gRPC call with one empty message. */
  grpc(path: string, headers?: Readonly<Record<string, string>>): Promise<RouteAnswer>;
  /** A request without body; GET unless told. */
  plain(headers: Readonly<Record<string, string>>): Promise<RouteAnswer>;
  close(): Promise<void>;
}

/**
 * The manifests of apps in namespace `shop`, each with a Service of its name on port 8080, behind Gateway `edge` on port 80.
 *
 * An app answers each call with `x-app: <name>` and status 0; with `x-fail: N` the first N requests of that `x-id` get HTTP 503,
 * with `x-hang` none gets an answer.
 */
export async function startRouteMesh(apps: readonly string[], manifests: string): Promise<RouteMesh> {
  const arrivals: Arrival[] = [];
  const waiting = new Set<() => void>();
  const failures = new Map<string, number>();
  const backends: ScriptedBackend[] = [];
  const addresses: Record<string, ScriptedBackend['address']> = {};
  for (const app of apps) {
    const backend = await startScripted({
      onRequest: (request) => {
        // A sidecar asks its app once what it serves.
        if (request.path.startsWith('/grpc.reflection.')) return;
        arrivals.push(arrival(app, request));
        for (const check of waiting) check();
      },
      onEnd: (request) => answer(app, request, failures),
    });
    backends.push(backend);
    addresses[`shop/${app}`] = backend.address;
  }
  const mesh = await startCompiledMesh({
    manifests: `${gateway}${apps.map(workload).join('')}${manifests}`,
    apps: addresses,
  });
  const { host, port } = mesh.addressOf('gateway/shop/edge/80');
  const session = connect(`http://${host}:${port}`);
  return {
    mesh,
    arrivals,
    arrived: (app, count) => {
      const { promise, resolve } = Promise.withResolvers<readonly Arrival[]>();
      const check = (): void => {
        const found = arrivals.filter((one) => one.app === app);
        if (found.length < count) return;
        waiting.delete(check);
        resolve(found);
      };
      waiting.add(check);
      check();
      return promise;
    },
    grpc: (path, headers = {}) =>
      exchange(session, { ':method': 'POST', ':path': path, ...grpcHeaders, ...headers }, Buffer.alloc(5)),
    plain: (headers) => exchange(session, { ':method': 'GET', ...headers }),
    close: async () => {
      session.destroy();
      await mesh.close();
      await Promise.all(backends.map((backend) => backend.close()));
    },
  };
}

const gateway = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec:
  gatewayClassName: istio
  listeners: [{ name: http, port: 80, protocol: HTTP }]
---
`;

function workload(name: string): string {
  return `apiVersion: apps/v1
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
---
`;
}

const grpcHeaders = { 'content-type': 'application/grpc', te: 'trailers' };

function arrival(app: string, request: ScriptedRequest): Arrival {
  return {
    app,
    path: request.path,
    authority: request.header(':authority') ?? '',
    header: (name) => {
      const values = request.headers(name);
      return values.length === 0 ? undefined : values.join(',');
    },
  };
}

function answer(app: string, request: ScriptedRequest, failures: Map<string, number>): void {
  if (request.header('x-hang') !== undefined) return;
  const id = request.header('x-id') ?? '';
  const failed = failures.get(id) ?? 0;
  if (failed < Number(request.header('x-fail') ?? 0)) {
    failures.set(id, failed + 1);
    request.send([[':status', '503']], true);
    return;
  }
  request.send(
    [
      [':status', '200'],
      ['content-type', 'application/grpc'],
      ['x-app', app],
      ['x-old', 'of the app'],
    ],
    false,
  );
  request.message(0);
  request.send([['grpc-status', '0']], true);
}

async function exchange(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
  body?: Buffer,
): Promise<RouteAnswer> {
  const stream = session.request({ ':authority': 'shop.example.com', ...headers }, { endStream: body === undefined });
  let received: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on('response', (fields) => (received = fields));
  stream.on('trailers', (fields) => (trailers = fields));
  stream.on('error', () => undefined);
  stream.resume();
  if (body !== undefined) stream.end(body);
  await once(stream, 'close');
  const grpcStatus = received['grpc-status'] ?? trailers['grpc-status'];
  return {
    status: Number(received[':status'] ?? 0),
    headers: received,
    trailers,
    grpcStatus: grpcStatus === undefined ? undefined : Number(grpcStatus),
  };
}

/** Manifests and a client for tests of Istio's Gateway and VirtualService. */
import {
  connect,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';
import type { Address } from '../../src/proxy/index.ts';
import type { HttpAnswer } from './action-gateway.ts';

/** The classic ingress gateway with one Gateway `edge/public`, and STRICT mutual TLS in the mesh. */
export function gatewayManifest({ servers }: { readonly servers: string }): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: istio-ingressgateway, namespace: istio-system }
spec:
  selector: { matchLabels: { istio: ingressgateway } }
  template:
    metadata: { labels: { istio: ingressgateway } }
    spec: { serviceAccountName: ingress, containers: [{ name: istio-proxy, image: auto }] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: public, namespace: edge }
spec:
  selector: { istio: ingressgateway }
  servers: ${servers}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
---
`;
}

export interface WorkloadNames {
  readonly namespace: string;
  readonly name: string;
  /** Also the name of its Service, which several versions share. */
  readonly app: string;
  readonly version: string;
}

export function workloadManifest({ namespace, name, app, version }: WorkloadNames): string {
  const service = `apiVersion: v1
kind: Service
metadata: { name: ${app}, namespace: ${namespace} }
spec: { selector: { app: ${app} }, ports: [{ name: grpc, port: 8080, targetPort: 50051 }] }
---
`;
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  selector: { matchLabels: { app: ${app}, version: ${version} } }
  template:
    metadata: { labels: { app: ${app}, version: ${version} } }
    spec: { serviceAccountName: ${app}, containers: [{ name: app, ports: [{ containerPort: 50051 }] }] }
---
${version === 'v1' ? service : ''}`;
}

export interface Requester {
  /** Sends one request on a connection shared by all; `GET` unless told. Without an answer the status is 0. */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer>;
  /** A gRPC request without a message; `grpc-status` of the answer, be it in headers or trailers, is among its headers. */
  call(path: string, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer>;
  close(): void;
}

/** Requests in plaintext, or over TLS when options for it are given. */
export function requester(address: Address, authority: string, tls?: SecureClientSessionOptions): Requester {
  const scheme = tls === undefined ? 'http' : 'https';
  let session: ClientHttp2Session | undefined;
  const get: Requester['get'] = async (path, headers = {}) => {
    session ??= open(`${scheme}://${address.host}:${address.port}`, tls);
    const stream = session.request(
      { ':method': 'GET', ':path': path, ':scheme': scheme, ':authority': authority, ...headers },
      { endStream: true },
    );
    let received: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    let body = '';
    stream.on('response', (fields) => (received = fields));
    stream.on('trailers', (fields) => (trailers = fields));
    stream.on('data', (chunk) => (body += String(chunk)));
    stream.on('error', () => undefined);
    await new Promise<void>((resolve) => stream.once('close', () => resolve()));
    return { status: Number(received[':status'] ?? 0), headers: { ...trailers, ...received }, trailers, body };
  };
  return {
    get,
    call: (path, headers) =>
      get(path, { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers', ...headers }),
    close: () => session?.destroy(),
  };
}

/** A connection whose failure shows in its requests. */
function open(url: string, tls: SecureClientSessionOptions | undefined): ClientHttp2Session {
  const session = connect(url, tls);
  session.on('error', () => undefined);
  return session;
}

/** TCPRoute, TLSRoute, ListenerSet and client certificates, from manifests to bytes. */
import assert from 'node:assert/strict';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { connect as connectTls, type ConnectionOptions, type TlsOptions, type TLSSocket } from 'node:tls';
import { stringify } from 'yaml';
import { makeListenerCertificate } from '../../src/identity/index.ts';
import { echo, readAll, startByteServer, type ByteServer } from '../kit/byte-server.ts';
import { issueSvid, makeCa, type TestSvid } from '../kit/cert-kit.ts';
import { startCompiledMesh, type CompiledMesh, type CompiledMeshSpec } from '../kit/compiled-mesh.ts';
import { startEchoBackend, type EchoBackend } from '../kit/proxy-backend.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function meshOf(spec: CompiledMeshSpec): Promise<CompiledMesh> {
  const mesh = await startCompiledMesh(spec);
  cleanups.push(() => mesh.close());
  return mesh;
}

async function byteServer(serve: (socket: Socket) => void, tls?: TlsOptions): Promise<ByteServer> {
  const server = await startByteServer(serve, tls);
  cleanups.push(() => server.close());
  return server;
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

async function certificate(host: string): Promise<Pair> {
  const made = await makeListenerCertificate([host], { nowMs: Date.now() });
  assert.ok(made.listener !== undefined);
  return { cert: made.listener.certificatePem, key: made.listener.keyPem.reveal() };
}

function secret(name: string, { cert, key }: Pair): object {
  const metadata = { name, namespace: 'default' };
  const stringData = { 'tls.crt': cert, 'tls.key': key };
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'kubernetes.io/tls', stringData };
}

/** A workload with a Service of its name. */
function workload(
  name: string,
  port: { readonly name: string; readonly number: number; readonly proxy?: false },
): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: ${name} }, ports: [{ name: ${port.name}, port: ${port.number} }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} }, annotations: { sidecar.istio.io/inject: "${port.proxy ?? true}" } }
    spec: { serviceAccountName: ${name}, containers: [{ name: c, ports: [{ containerPort: ${port.number} }] }] }
`;
}

const strict = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
`;

function gateway(listeners: readonly object[], more: object = {}): string {
  return stringify({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'edge' },
    spec: { gatewayClassName: 'istio', listeners, ...more },
  });
}

const join = (...documents: readonly (string | object)[]): string =>
  documents.map((one) => (typeof one === 'string' ? one : stringify(one))).join('\n---\n');

async function say(socket: Socket, text: string): Promise<string> {
  socket.on('error', () => undefined);
  cleanups.push(() => socket.destroy());
  socket.end(text);
  return (await readAll(socket).catch(() => Buffer.from('closed'))).toString();
}

const tcpListener = { name: 'tcp', port: 5432, protocol: 'TCP' };
const tcpPort = 'gateway/default/edge/5432';

function tcpRoute(backendRefs: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: { name: db }
spec: { parentRefs: [{ name: edge }], rules: [{ backendRefs: [${backendRefs}] }] }
`;
}

describe('a TCPRoute', () => {
  test('leads through the sidecar of a STRICT workload, by the identity of the gateway', async () => {
    const app = await byteServer(echo);
    const parts = [gateway([tcpListener]), workload('db', { name: 'tcp', number: 5432 }), strict];
    const route = tcpRoute('{ name: db, port: 5432 }');
    const mesh = await meshOf({ manifests: join(...parts, route), apps: { 'default/db': app.address } });
    const dial = (): Socket => connect({ ...mesh.addressOf(tcpPort), allowHalfOpen: true });
    assert.equal(await say(dial(), 'select 1'), 'select 1');
    const sidecar = mesh.proxy('sidecar/default/db');
    await sidecar.logged(() => sidecar.accessLines.length > 0);
    assert.match(
      sidecar.accessLines[0] ?? '',
      /"TCP" .*source="spiffe:\/\/cluster.local\/ns\/default\/sa\/edge-istio"/,
    );

    const policy = (principal: string): string => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: db }
spec:
  selector: { matchLabels: { app: db } }
  rules: [{ from: [{ source: { principals: [${principal}] } }], to: [{ operation: { ports: ["5432"] } }] }]
`;
    await mesh.change(join(...parts, route, policy('cluster.local/ns/default/sa/edge-istio')));
    assert.equal(await say(dial(), 'select 2'), 'select 2');
    await mesh.change(join(...parts, route, policy('cluster.local/ns/default/sa/other')));
    assert.notEqual(await say(dial(), 'select 3'), 'select 3');
  });

  test('gives each backend its share, none to weight 0, and closes the share of a backend that is not there', async () => {
    const [one, two] = [
      await byteServer((socket) => socket.end('one')),
      await byteServer((socket) => socket.end('two')),
    ];
    const parts = [
      gateway([tcpListener]),
      workload('one', { name: 'tcp', number: 5432, proxy: false }),
      workload('two', { name: 'tcp', number: 5432 }),
    ];
    const apps = { 'default/one': one.address, 'default/two': two.address };
    const both = tcpRoute('{ name: one, port: 5432, weight: 0 }, { name: two, port: 5432 }');
    const mesh = await meshOf({ manifests: join(...parts, both), apps });
    const answers = async (): Promise<ReadonlySet<string>> => {
      const seen = new Set<string>();
      const dial = (): Socket => connect({ ...mesh.addressOf(tcpPort), allowHalfOpen: true });
      for (let i = 0; i < 40; i++) seen.add((await say(dial(), '')) || 'closed');
      return seen;
    };
    assert.deepEqual(await answers(), new Set(['two']));
    await mesh.change(join(...parts, tcpRoute('{ name: one, port: 5432 }, { name: two, port: 5432 }')));
    assert.deepEqual([...(await answers())].sort(), ['one', 'two']);
    await mesh.change(join(...parts, tcpRoute('{ name: absent, port: 1 }, { name: two, port: 5432 }')));
    assert.deepEqual([...(await answers())].sort(), ['closed', 'two']);
  });
});

test('a DestinationRule has connections encrypted for a backend that ends TLS itself', async () => {
  const own = await certificate('db.example.com');
  const backend = await byteServer(echo, own);
  const rule = (host: string): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: db }
spec:
  host: db
  trafficPolicy: { tls: { mode: SIMPLE, sni: ${host}, subjectAltNames: [${host}], credentialName: db-ca } }
`;
  const authority = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'db-ca', namespace: 'default' },
    stringData: { 'ca.crt': own.cert },
  };
  const parts = [
    gateway([tcpListener]),
    workload('db', { name: 'tcp', number: 5432, proxy: false }),
    tcpRoute('{ name: db, port: 5432 }'),
    authority,
  ];
  const apps = { 'default/db': backend.address };
  const mesh = await meshOf({ manifests: join(...parts, rule('db.example.com')), apps });
  const dial = (): Socket => connect({ ...mesh.addressOf(tcpPort), allowHalfOpen: true });
  assert.equal(await say(dial(), 'secret'), 'secret');
  await mesh.change(join(...parts, rule('other.example.com')));
  assert.notEqual(await say(dial(), 'secret'), 'secret');
});

test('a Gateway presents its own certificate to backends with a BackendTLSPolicy', async () => {
  const own = await certificate('db.example.com');
  const [ca, otherCa] = [makeCa(), makeCa()];
  const asked = { ...own, ca: ca.pem, requestCert: true, rejectUnauthorized: true };
  const backend = await byteServer((socket) => {
    socket.end((socket as TLSSocket).getPeerCertificate().subject.CN as string);
  }, asked);
  const pairOf = ({ chainPem, keyPem }: TestSvid): Pair => ({ cert: chainPem, key: keyPem });
  const listeners = [tcpListener];
  const manifests = (client: string): string =>
    join(
      gateway(listeners, client === '' ? {} : { tls: { backend: { clientCertificateRef: { name: client } } } }),
      workload('db', { name: 'tcp', number: 5432, proxy: false }),
      tcpRoute('{ name: db, port: 5432 }'),
      secret('known', pairOf(issueSvid(ca, { commonName: 'edge' }))),
      secret('unknown', pairOf(issueSvid(otherCa, { commonName: 'edge' }))),
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'db-ca' }, data: { 'ca.crt': own.cert } },
      `
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: { name: db }
spec:
  targetRefs: [{ group: "", kind: Service, name: db }]
  validation: { hostname: db.example.com, caCertificateRefs: [{ group: "", kind: ConfigMap, name: db-ca }] }
`,
    );
  const mesh = await meshOf({ manifests: manifests('known'), apps: { 'default/db': backend.address } });
  const dial = (): Socket => connect({ ...mesh.addressOf(tcpPort), allowHalfOpen: true });
  assert.equal(await say(dial(), ''), 'edge');
  for (const client of ['unknown', 'absent', '']) {
    await mesh.change(manifests(client));
    assert.notEqual(await say(dial(), ''), 'edge', client);
  }
});

test('TLSRoutes pass TLS through or relay what is inside, on one port', async () => {
  const own = await certificate('own.example.com');
  const ended = await certificate('ended.example.com');
  const passed = await byteServer((socket) => socket.end('from the backend itself'), own);
  const inside = await byteServer(echo);
  const tlsRoute = (name: string, backend: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: TLSRoute
metadata: { name: ${name} }
spec:
  parentRefs: [{ name: edge, sectionName: ${name} }]
  hostnames: [${name}.example.com]
  rules: [{ backendRefs: [{ name: ${backend}, port: 443 }] }]
`;
  const mesh = await meshOf({
    manifests: join(
      gateway([
        { name: 'own', port: 443, protocol: 'TLS', hostname: 'own.example.com', tls: { mode: 'Passthrough' } },
        {
          name: 'ended',
          port: 443,
          protocol: 'TLS',
          hostname: '*.example.com',
          tls: { mode: 'Terminate', certificateRefs: [{ name: 'ended' }] },
        },
      ]),
      tlsRoute('own', 'passed'),
      tlsRoute('ended', 'inside'),
      workload('passed', { name: 'tls', number: 443 }),
      workload('inside', { name: 'tcp', number: 443 }),
      strict,
      secret('ended', ended),
    ),
    apps: { 'default/passed': passed.address, 'default/inside': inside.address },
  });
  const ask = async (servername: string): Promise<string> => {
    const options: ConnectionOptions = { servername, rejectUnauthorized: false };
    const socket = connectTls({ ...mesh.addressOf('gateway/default/edge/443'), ...options });
    let seen = 'nobody';
    socket.once('secureConnect', () => (seen = socket.getPeerCertificate().subjectaltname ?? ''));
    const answer = await say(socket, 'hello');
    return `${seen}: ${answer}`;
  };
  assert.equal(await ask('own.example.com'), 'DNS:own.example.com: from the backend itself');
  assert.equal(await ask('ended.example.com'), 'DNS:ended.example.com: hello');
  assert.match(await ask('other.example.com'), /^(DNS:ended.example.com|nobody): (closed)?$/);
});

const grpcRoute = (parentRef: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: echo }
spec: { parentRefs: [${parentRef}], rules: [{ backendRefs: [{ name: echo, port: 50051 }] }] }
`;

async function echoBackend(): Promise<EchoBackend> {
  const backend = await startEchoBackend();
  cleanups.push(() => backend.close());
  return backend;
}

/** The gRPC status of a call, or undefined when the connection was refused. */
async function call(url: string, authority: string, client?: TestSvid): Promise<string | undefined> {
  const session: ClientHttp2Session = connectHttp2(url, {
    servername: authority,
    rejectUnauthorized: false,
    ...(client === undefined ? {} : { cert: client.chainPem, key: client.keyPem }),
  });
  cleanups.push(() => session.destroy());
  session.on('error', () => undefined);
  const accepted = await new Promise<boolean>((resolve) => {
    session.once('remoteSettings', () => resolve(true));
    session.once('close', () => resolve(false));
  });
  if (!accepted) return undefined;
  const request = session.request({
    ':method': 'POST',
    ':path': '/test.Echo/Unary',
    ':authority': authority,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  request.end(Buffer.alloc(5));
  request.resume();
  return new Promise((resolve) => {
    request.once('response', (head) => {
      if (head['grpc-status'] !== undefined) resolve(String(head['grpc-status']));
    });
    request.once('trailers', (trailers) => resolve(String(trailers['grpc-status'])));
    request.once('close', () => resolve(undefined));
  });
}

test('client certificates of a Gateway are asked for by port, and told to the workload', async () => {
  const backend = await echoBackend();
  const [ca, otherCa] = [makeCa(), makeCa()];
  const https = (port: number): object => ({
    name: `https-${port}`,
    port,
    protocol: 'HTTPS',
    tls: { certificateRefs: [{ name: 'server' }] },
  });
  const configMap = (name: string, pem: string): object => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: { 'ca.crt': pem },
  });
  const validation = (name: string): object => ({
    validation: { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name }] },
  });
  const mesh = await meshOf({
    manifests: join(
      gateway([https(443), https(8443), https(9443)], {
        tls: {
          frontend: {
            default: validation('ca'),
            perPort: [
              { port: 8443, tls: validation('other') },
              { port: 9443, tls: {} },
            ],
          },
        },
      }),
      grpcRoute('{ name: edge }'),
      workload('echo', { name: 'grpc', number: 50_051 }),
      strict,
      secret('server', await certificate('api.example.com')),
      configMap('ca', ca.pem),
      configMap('other', otherCa.pem),
    ),
    apps: { 'default/echo': backend.address },
  });
  const [one, other] = [issueSvid(ca, { commonName: 'one' }), issueSvid(otherCa, { commonName: 'other' })];
  const rows = [
    [443, one, '0'],
    [443, other, undefined],
    [443, undefined, undefined],
    [8443, other, '0'],
    [8443, one, undefined],
    [9443, undefined, '0'],
  ] as const;
  for (const [port, client, wanted] of rows) {
    const { host, port: bound } = mesh.addressOf(`gateway/default/edge/${port}`);
    assert.equal(await call(`https://${host}:${bound}`, 'api.example.com', client), wanted, `port ${port}`);
  }
  const told = backend.metadata.map((metadata) => String(metadata.get('x-forwarded-client-cert')[0] ?? ''));
  const byGateway = 'By=spiffe://cluster.local/ns/default/sa/echo;Hash=';
  assert.match(told[0] ?? '', /^Hash=[0-9a-f]{64};Cert="[^"]+";Subject="CN=one",By=/);
  assert.ok(told[0]?.includes(byGateway));
  assert.match(told[1] ?? '', /;Subject="CN=other",By=/);
  assert.ok(told[2]?.startsWith(byGateway));
});

test('a ListenerSet adds listeners to a Gateway that lets it in, and loses them when it does not', async () => {
  const backend = await echoBackend();
  const parts = (from: string): string =>
    join(
      gateway([{ name: 'http', port: 80, protocol: 'HTTP' }], { allowedListeners: { namespaces: { from } } }),
      `
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: { name: more }
spec:
  parentRef: { name: edge }
  listeners: [{ name: http, port: 8080, protocol: HTTP, hostname: team.example.com }]
`,
      grpcRoute('{ kind: ListenerSet, name: more }'),
      workload('echo', { name: 'grpc', number: 50_051 }),
    );
  const mesh = await meshOf({ manifests: parts('Same'), apps: { 'default/echo': backend.address } });
  const urlOf = (port: number): string => {
    const { host, port: bound } = mesh.addressOf(`gateway/default/edge/${port}`);
    return `http://${host}:${bound}`;
  };
  assert.equal(await call(urlOf(8080), 'team.example.com'), '0');
  assert.equal(await call(urlOf(8080), 'other.example.com'), '12');
  assert.equal(await call(urlOf(80), 'team.example.com'), '12');
  await mesh.change(parts('None'));
  assert.deepEqual(
    Object.keys(mesh.result().plan.ports).filter((id) => id.startsWith('gateway/')),
    ['gateway/default/edge/80'],
  );
});

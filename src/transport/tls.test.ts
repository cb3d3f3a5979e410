import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { connect as connectTls, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls';
import { build } from '../../test/kit/frame-peer.ts';
import { anyCertificate, call, callClient, echoServer, testMesh, type Call } from '../../test/kit/frame-echo.ts';
import {
  connect,
  createAnonymousTlsIdentity,
  listen,
  TimerWheel,
  type ConnectFailure,
  type Http2Transport,
  type Listener,
  type ListenSecurity,
  type RefusedConnection,
  type SocketFacts,
  type TlsClientContext,
  type TlsServerContext,
} from './index.ts';

const wheel = new TimerWheel();
const closers: (() => void)[] = [];
after(() => {
  for (const close of closers) close();
  wheel.close();
});

const mesh = testMesh();
const gateway = mesh.identity('spiffe://cluster.local/ns/gateway/sa/ingress');
const workload = mesh.identity('spiffe://cluster.local/ns/default/sa/asset');
const edge = mesh.identity('spiffe://cluster.local/ns/gateway/sa/edge', 'TLSv1.2');

function nothing(): void {}

interface Server {
  readonly listener: Listener;
  readonly facts: SocketFacts[];
  /** Resolves with the next refusal. */
  refusal(): Promise<RefusedConnection>;
}

async function serve(security: ListenSecurity, handshakeTimeoutMs = 5000): Promise<Server> {
  const facts: SocketFacts[] = [];
  const refusals: RefusedConnection[] = [];
  let wake: () => void = nothing;
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    security,
    handshakeTimeoutMs,
    onConnection: (socket, known) => {
      facts.push(known);
      const transport = echoServer(socket, known, { wheel });
      closers.push(() => transport.destroy());
    },
    onRefused: (refused) => {
      refusals.push(refused);
      wake();
    },
  });
  closers.push(() => void listener.close());
  return {
    listener,
    facts,
    async refusal() {
      while (refusals.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return refusals.shift() as RefusedConnection;
    },
  };
}

function meshServer(overrides: Partial<TlsServerContext> = {}): TlsServerContext {
  return { selectIdentity: () => workload.identity, verifyPeer: anyCertificate, ...overrides };
}

function open(port: number, tls?: TlsClientContext): Promise<Http2Transport<Call> | ConnectFailure> {
  return new Promise((resolve) => {
    connect({
      host: '127.0.0.1',
      port,
      ...(tls === undefined ? {} : { tls }),
      onConnected: (socket, facts) => {
        const transport = callClient(socket, facts, { wheel });
        closers.push(() => transport.destroy());
        resolve(transport);
      },
      onFailed: resolve,
    });
  });
}

async function opened(port: number, tls?: TlsClientContext): Promise<Http2Transport<Call>> {
  const result = await open(port, tls);
  assert.ok('connection' in result, 'cause' in result ? `${result.cause} ${result.detail}` : '');
  return result;
}

const asGateway: TlsClientContext = { sni: '', identity: gateway.identity, verifyPeer: anyCertificate };

/** A foreign TLS client; resolves when its socket is gone. */
async function foreign(port: number, options: ConnectionOptions): Promise<string> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  const errors: string[] = [];
  socket.on('error', (error) => errors.push(error.message));
  socket.resume();
  // Not `once`, which rejects on 'error'.
  await new Promise<void>((resolve) => void socket.on('close', () => resolve()));
  return errors.join();
}

for (const mode of ['tls', 'sniff'] as const) {
  test(`mutual TLS, ${mode}: both sides see the other's chain and judge it`, async () => {
    const security = { mode, tls: meshServer(), acceptPlaintext: () => false } as ListenSecurity;
    const { listener, facts } = await serve(security);
    const client = await opened(listener.address.port, asGateway);
    const result = await call(client, Buffer.from('through TLS'));
    assert.equal(Buffer.concat(result.body).toString(), 'through TLS');
    assert.deepEqual([client.facts.principal, client.facts.alpn], ['chain of 1', 'h2']);
    assert.ok(client.facts.peerCertificate[0]?.equals(workload.svid.der));
    assert.ok(facts[0]?.peerCertificate[0]?.equals(gateway.svid.der));
    assert.deepEqual([facts[0]?.isTls, facts[0]?.principal, facts[0]?.sni], [true, 'chain of 1', '']);
  });
}

test('a body of megabytes through TLS', async () => {
  const { listener } = await serve({ mode: 'tls', tls: meshServer() });
  const client = await opened(listener.address.port, asGateway);
  for (let i = 0; i < 5; i++) {
    const body = Buffer.alloc(60_000, i);
    assert.ok(Buffer.concat((await call(client, body)).body).equals(body));
  }
});

test('a client without a certificate is refused before any HTTP/2 byte', async () => {
  const server = await serve({ mode: 'tls', tls: meshServer() });
  const anonymous: TlsClientContext = { ...asGateway, identity: createAnonymousTlsIdentity('TLSv1.3') };
  const client = await open(server.listener.address.port, anonymous);
  const { cause, detail } = await server.refusal();
  assert.deepEqual([cause, detail, server.facts.length], ['peer-refused', 'no certificate', 0]);
  if ('connection' in client) client.destroy();
});

test('a server that the client does not accept is told nothing', async () => {
  const server = await serve({ mode: 'tls', tls: meshServer() });
  const picky: TlsClientContext = { ...asGateway, verifyPeer: () => ({ error: 'not the service account I wanted' }) };
  const failure = await open(server.listener.address.port, picky);
  assert.deepEqual(failure, { cause: 'peer-refused', detail: 'not the service account I wanted' });
});

function verifyPeer(): never {
  throw new Error('bad DER');
}

test('a verifier that throws refuses, on either side', async () => {
  const broken = await serve({ mode: 'tls', tls: meshServer({ verifyPeer }) });
  const client = await open(broken.listener.address.port, asGateway);
  const { cause, detail } = await broken.refusal();
  assert.deepEqual([cause, detail], ['peer-refused', 'verification failed: bad DER']);
  if ('connection' in client) client.destroy();
  const sound = await serve({ mode: 'tls', tls: meshServer() });
  const failure = await open(sound.listener.address.port, { ...asGateway, verifyPeer });
  assert.deepEqual(failure, { cause: 'peer-refused', detail: 'verification failed: bad DER' });
});

test('the mesh speaks TLS 1.3 only, an edge listener 1.2 too', async () => {
  const strict = await serve({ mode: 'tls', tls: meshServer() });
  const errors = await foreign(strict.listener.address.port, { maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] });
  assert.match(errors, /protocol version/);
  assert.equal((await strict.refusal()).cause, 'handshake-failed');
  const edgeServer = await serve({ mode: 'tls', tls: { selectIdentity: () => edge.identity, verifyPeer: undefined } });
  const session = http2.connect(`https://127.0.0.1:${edgeServer.listener.address.port}`, {
    rejectUnauthorized: false,
    maxVersion: 'TLSv1.2',
  });
  closers.push(() => session.destroy());
  const stream = session.request({ ':path': '/x' });
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  assert.equal(headers[':status'], 200);
  assert.deepEqual([edgeServer.facts[0]?.principal, edgeServer.facts[0]?.peerCertificate.length], ['', 0]);
});

test('without ALPN h2 there is no connection', async () => {
  const server = await serve({ mode: 'tls', tls: { selectIdentity: () => workload.identity, verifyPeer: undefined } });
  const { port } = server.listener.address;
  await foreign(port, {});
  assert.equal((await server.refusal()).cause, 'no-alpn');
  assert.match(await foreign(port, { ALPNProtocols: ['http/1.1'] }), /no application protocol/);
  assert.equal((await server.refusal()).cause, 'handshake-failed');
});

test('the server name chooses the certificate, in lower case; unknown ones and throwing choosers are refused', async () => {
  const asked: string[] = [];
  const selectIdentity = (sni: string): SecureContext | undefined => {
    asked.push(sni);
    if (sni === 'broken.example') throw new Error('broken chooser');
    return sni === 'api.example' ? workload.identity : undefined;
  };
  const server = await serve({ mode: 'tls', tls: { selectIdentity, verifyPeer: undefined } });
  const { port } = server.listener.address;
  const client = await opened(port, { ...asGateway, sni: 'API.Example' });
  assert.equal((await call(client, Buffer.from('x'))).status, '200');
  assert.equal(server.facts[0]?.sni, 'api.example');
  for (const sni of ['other.example', 'broken.example', '']) {
    const failure = await open(port, { ...asGateway, sni });
    assert.equal('cause' in failure && failure.cause, 'handshake-failed', sni);
    const refused = await server.refusal();
    assert.deepEqual([refused.cause, refused.facts.sni], ['no-identity', sni]);
  }
  assert.ok(asked.includes('api.example') && !asked.includes('API.Example'));
});

test('no session is ever resumed', async () => {
  const server = await serve({ mode: 'tls', tls: meshServer() });
  const options = {
    host: '127.0.0.1',
    port: server.listener.address.port,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    key: gateway.svid.keyPem,
    cert: gateway.svid.chainPem,
  };
  const sessions: Buffer[] = [];
  const first: TLSSocket = connectTls(options);
  closers.push(() => first.destroy());
  first.on('session', (session: Buffer) => sessions.push(session));
  first.write(Buffer.concat([build.preface, build.settings(), build.ping()]));
  await once(first, 'data');
  const session = sessions[0] ?? first.getSession();
  const second = connectTls({ ...options, ...(session === undefined ? {} : { session }) });
  closers.push(() => second.destroy());
  await once(second, 'secureConnect');
  assert.equal(second.isSessionReused(), false);
});

test('sniffing: plaintext is accepted or refused as the callback says, and who knocked is reported', async () => {
  for (const accept of [true, false]) {
    const server = await serve({ mode: 'sniff', tls: meshServer(), acceptPlaintext: () => accept });
    const { port } = server.listener.address;
    const client = await opened(port);
    if (accept) {
      assert.equal((await call(client, Buffer.from('plain'))).status, '200');
      assert.equal(server.facts[0]?.isTls, false);
    } else {
      const { cause, facts } = await server.refusal();
      assert.deepEqual([cause, facts.remoteAddress], ['plaintext-refused', '127.0.0.1']);
      assert.ok(facts.remotePort > 0);
      assert.equal(server.facts.length, 0);
    }
  }
});

test('setSecurity binds the connections after it', async () => {
  const server = await serve({ mode: 'sniff', tls: meshServer(), acceptPlaintext: () => true });
  const { port } = server.listener.address;
  const before = await opened(port);
  await call(before, Buffer.from('x'));
  server.listener.setSecurity({ mode: 'tls', tls: meshServer() });
  await opened(port);
  assert.equal((await server.refusal()).cause, 'handshake-failed');
  assert.equal((await call(before, Buffer.from('still here'))).status, '200');
});

const slow: readonly (readonly [string, 'tls' | 'sniff', Uint8Array, RefusedConnection['cause']])[] = [
  ['nothing, where TLS is expected', 'tls', Buffer.alloc(0), 'handshake-timeout'],
  ['half a ClientHello', 'sniff', Buffer.from([0x16, 0x03, 0x01]), 'handshake-timeout'],
  ['nothing at all', 'sniff', Buffer.alloc(0), 'first-byte-timeout'],
];

for (const [name, mode, bytes, cause] of slow) {
  test(`a handshake that does not end is cut: ${name}`, async () => {
    const server = await serve({ mode, tls: meshServer(), acceptPlaintext: () => true }, 50);
    const socket = connectTcp(server.listener.address.port, '127.0.0.1');
    socket.write(bytes);
    socket.resume();
    socket.on('error', () => {});
    assert.equal((await server.refusal()).cause, cause);
    if (!socket.destroyed) await once(socket, 'close');
  });
}

test('garbage after the TLS byte, and a peer that leaves in the handshake, cost nothing', async () => {
  const server = await serve({ mode: 'sniff', tls: meshServer(), acceptPlaintext: () => false });
  const { port } = server.listener.address;
  const garbage: Socket = connectTcp(port, '127.0.0.1');
  garbage.on('error', () => {});
  garbage.write(Buffer.alloc(200, 0x16));
  assert.equal((await server.refusal()).cause, 'handshake-failed');
  const leaver: Socket = connectTcp(port, '127.0.0.1');
  leaver.end(Buffer.from([0x16, 0x03]));
  assert.equal((await server.refusal()).cause, 'handshake-failed');
  const client = await opened(port, asGateway);
  assert.equal((await call(client, Buffer.from('x'))).status, '200');
});

test('close cuts handshakes under way and keeps connections', async () => {
  const server = await serve({ mode: 'tls', tls: meshServer() });
  const { port } = server.listener.address;
  const client = await opened(port, asGateway);
  await call(client, Buffer.from('x'));
  const half = connectTcp(port, '127.0.0.1');
  half.on('error', () => {});
  await once(half, 'connect');
  while (server.listener.connectionCount < 2) await new Promise<void>((resolve) => setImmediate(resolve));
  await server.listener.close();
  assert.equal((await server.refusal()).cause, 'handshake-failed');
  assert.equal((await call(client, Buffer.from('still here'))).status, '200');
});

test('an attempt that takes too long, and one that is cancelled', async () => {
  const server = await serve({ mode: 'tls', tls: meshServer() });
  const silent = await serve({ mode: 'sniff', tls: meshServer(), acceptPlaintext: () => true });
  const failure = await new Promise<ConnectFailure>((resolve) => {
    connect({
      host: '127.0.0.1',
      port: silent.listener.address.port,
      tls: { ...asGateway, verifyPeer: () => assert.fail('not reached') },
      connectTimeoutMs: 1,
      onConnected: () => assert.fail('connected'),
      onFailed: resolve,
    });
  });
  assert.equal(failure.cause, 'connect-timeout');
  connect({
    host: '127.0.0.1',
    port: server.listener.address.port,
    tls: asGateway,
    onConnected: () => assert.fail('connected'),
    onFailed: () => assert.fail('failed'),
  }).cancel();
});

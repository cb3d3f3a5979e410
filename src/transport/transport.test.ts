import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { build, cutFrames } from '../../test/kit/frame-peer.ts';
import {
  call,
  callClient,
  echoServer,
  newCall,
  requestFields,
  type Call,
  type EndOptions,
} from '../../test/kit/frame-echo.ts';
import { connect, listen, TimerWheel, type CloseReason, type Http2Transport, type Listener } from './index.ts';

const wheel = new TimerWheel();
const closers: (() => void)[] = [];
after(() => {
  for (const close of closers) close();
  wheel.close();
});

interface Server {
  readonly listener: Listener;
  readonly port: number;
  readonly accepted: Http2Transport<Call>[];
  /** Why the first connection ended. */
  readonly closed: Promise<CloseReason>;
}

async function plainServer(options: Partial<EndOptions> = {}): Promise<Server> {
  const accepted: Http2Transport<Call>[] = [];
  const closed = Promise.withResolvers<CloseReason>();
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    security: { mode: 'plaintext' },
    onConnection: (socket, facts) => {
      accepted.push(echoServer(socket, facts, { wheel, onClose: closed.resolve, ...options }));
    },
    onRefused: (refused) => assert.fail(refused.cause),
  });
  closers.push(() => {
    void listener.close();
    for (const transport of accepted) transport.destroy();
  });
  return { listener, port: listener.address.port, accepted, closed: closed.promise };
}

function plainClient(port: number, options: Partial<EndOptions> = {}): Promise<Http2Transport<Call>> {
  return new Promise((resolve, reject) => {
    connect({
      host: '127.0.0.1',
      port,
      onConnected: (socket, facts) => {
        const transport = callClient(socket, facts, { wheel, ...options });
        closers.push(() => transport.destroy());
        resolve(transport);
      },
      onFailed: ({ cause, detail }) => reject(new Error(`${cause} ${detail}`)),
    });
  });
}

/** A raw peer that said hello; `seen` collects what it reads. */
async function rawPeer(port: number, hello: Uint8Array = Buffer.concat([build.preface, build.settings()])) {
  const socket = connectTcp(port, '127.0.0.1');
  closers.push(() => socket.destroy());
  const seen: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => seen.push(chunk));
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(hello);
  return { socket, seen, types: () => cutFrames(Buffer.concat(seen)).map(({ type }) => type) };
}

test('calls over one connection, one after the other and at once', async () => {
  const { port, accepted } = await plainServer();
  const client = await plainClient(port);
  const first = await call(client, Buffer.from('hello'));
  assert.deepEqual([first.status, Buffer.concat(first.body).toString(), first.grpcStatus], ['200', 'hello', '0']);
  const many = await Promise.all(Array.from({ length: 100 }, (_, i) => call(client, Buffer.from(`call ${i}`))));
  assert.deepEqual(
    many.map(({ body }) => Buffer.concat(body).toString()),
    many.map((_, i) => `call ${i}`),
  );
  assert.equal(accepted.length, 1);
  assert.equal(client.facts.remotePort, port);
  assert.equal(client.facts.isTls, false);
});

test('a body larger than every window and buffer arrives whole', async () => {
  const { port } = await plainServer();
  const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => i % 251));
  const result = Promise.withResolvers<Call>();
  let sent = 0;
  const client: Http2Transport<Call> = await plainClient(port, {
    handler: { onWindow: () => pump() },
    onWritable: () => pump(),
  });
  const stream = client.connection.openStream(newCall(result.resolve));
  assert.ok(stream);
  client.connection.sendHeaders(stream, requestFields, requestFields.length, false);
  const pump = (): void => {
    while (sent < body.length && !client.writeBlocked) {
      const taken = client.connection.sendData(stream, body, sent, body.length, true);
      if (taken === 0) return;
      sent += taken;
    }
  };
  pump();
  const { body: echoed } = await result.promise;
  assert.ok(Buffer.concat(echoed).equals(body));
});

test('a peer that reads nothing blocks its own output only, within bounds', async () => {
  const { port, accepted, closed } = await plainServer({
    transportLimits: { highWaterBytes: 64 * 1024 },
    limits: { connectionWindowBytes: 2 ** 26, streamWindowBytes: 2 ** 26 },
  });
  const huge = Buffer.concat([build.settings([[4, 2 ** 30]]), build.windowUpdate(0, 2 ** 30)]);
  const { socket } = await rawPeer(port, Buffer.concat([build.preface, huge]));
  socket.pause();
  socket.write(
    Buffer.concat([
      build.settingsAck,
      build.headers(1, [
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', '/a'],
        [':authority', 'b'],
      ]),
    ]),
  );
  const part = build.data(1, Buffer.alloc(16_384));
  for (let i = 0; i < 1200; i++) socket.write(part);
  const other = await plainClient(port);
  assert.equal((await call(other, Buffer.from('alive'))).status, '200');
  await new Promise<void>((resolve) => {
    const look = (): void => void (accepted[0]?.writeBlocked === true ? resolve() : setImmediate(look));
    look();
  });
  const waiting = accepted[0]?.connection.output.byteLength ?? 0;
  assert.ok(waiting >= 64 * 1024 && waiting < 1024 * 1024, `${waiting}`);
  socket.resume();
  await new Promise<void>((resolve) => {
    const look = (): void => void (accepted[0]?.writeBlocked === false ? resolve() : setImmediate(look));
    look();
  });
  socket.destroy();
  assert.ok(['peer-closed', 'socket-error'].includes((await closed).cause));
});

test('node:http2 as the client', async () => {
  const { port } = await plainServer();
  const session = http2.connect(`http://127.0.0.1:${port}`);
  closers.push(() => session.destroy());
  for (const size of [0, 5, 300_000]) {
    const stream = session.request({ ':method': 'POST', ':path': '/x' });
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    const trailers = once(stream, 'trailers');
    stream.end(Buffer.alloc(size, 7));
    const [fields] = (await trailers) as [Record<string, string>];
    assert.equal(fields['grpc-status'], '0');
    assert.ok(Buffer.concat(chunks).equals(Buffer.alloc(size, 7)));
  }
  await new Promise<void>((resolve, reject) => {
    session.ping((error) => (error === null ? resolve() : reject(error)));
  });
});

test('node:http2 as the server', async () => {
  const server = http2.createServer();
  server.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    stream.respond({ ':status': 200, 'x-path': headers[':path'] ?? '' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.pipe(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  const client = await plainClient((server.address() as AddressInfo).port);
  for (let i = 0; i < 20; i++) {
    const result = await call(client, Buffer.alloc(1000 * i, i));
    assert.deepEqual([result.status, result.grpcStatus], ['200', '0']);
    assert.ok(Buffer.concat(result.body).equals(Buffer.alloc(1000 * i, i)));
  }
});

test('drain: two GOAWAYs, calls under way finish, then the connection closes', async () => {
  const { port, accepted, closed } = await plainServer();
  const clientClosed = Promise.withResolvers<CloseReason>();
  const goaways: number[] = [];
  const client = await plainClient(port, {
    onClose: clientClosed.resolve,
    handler: { onGoaway: (lastId) => goaways.push(lastId) },
  });
  await call(client, Buffer.from('first'));
  const stream = client.connection.openStream(newCall());
  assert.ok(stream);
  client.connection.sendHeaders(stream, requestFields, requestFields.length, false);
  const headersBack = Promise.withResolvers<void>();
  const under = accepted[0];
  assert.ok(under);
  const look = (): void => void (under.connection.activeStreams === 1 ? headersBack.resolve() : setImmediate(look));
  look();
  await headersBack.promise;
  under.drain();
  await new Promise<void>((resolve) => {
    const wait = (): void => void (goaways.length === 2 ? resolve() : setImmediate(wait));
    wait();
  });
  assert.deepEqual(goaways, [2 ** 31 - 1, 3]);
  client.connection.sendData(stream, Buffer.from('late'), 0, 4, true);
  assert.equal((await closed).cause, 'drained');
  assert.equal((await clientClosed.promise).cause, 'drained');
  assert.equal(Buffer.concat(stream.user?.body ?? []).toString(), 'late');
});

test('close says GOAWAY and reports live streams first', async () => {
  const { port, closed } = await plainServer();
  const events: string[] = [];
  const client = await plainClient(port, {
    onClose: ({ cause }) => events.push(cause),
    handler: { onReset: (stream, _code, byPeer) => events.push(`reset ${stream.id} ${byPeer}`) },
  });
  const pending = call(client, Buffer.from('x'));
  client.close();
  client.close();
  await pending;
  assert.deepEqual(events, ['reset 1 true', 'closed']);
  assert.ok(client.isClosing);
  assert.equal((await closed).cause, 'drained');
});

test('an HTTP/1.1 request ends the connection with GOAWAY', async () => {
  const { port, closed } = await plainServer();
  const { socket, types } = await rawPeer(port, Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
  await once(socket, 'end');
  assert.deepEqual(types(), [4, 8, 7]);
  assert.deepEqual(await closed, { cause: 'protocol-error', error: 'not an HTTP/2 client preface' });
});

interface ManualTime {
  readonly wheel: TimerWheel;
  pass(ms: number): void;
}

function manualTime(): ManualTime {
  let nowMs = 0;
  const manual = new TimerWheel({ monotonicMs: () => nowMs, manual: true });
  return {
    wheel: manual,
    pass(ms) {
      for (const end = nowMs + ms; nowMs < end;) {
        nowMs += 1000;
        manual.advance();
      }
    },
  };
}

const slowPeers: readonly (readonly [string, Uint8Array, CloseReason['cause'], number])[] = [
  ['silence', Buffer.alloc(0), 'headers-timeout', 15_000],
  ['half a preface', build.preface.subarray(0, 10), 'headers-timeout', 15_000],
  [
    'half a frame',
    Buffer.concat([build.preface, build.settings(), build.ping().subarray(0, 12)]),
    'headers-timeout',
    20_000,
  ],
  [
    'an open header block',
    Buffer.concat([build.preface, build.settings(), build.headers(1, [], 0)]),
    'headers-timeout',
    20_000,
  ],
  ['no streams', Buffer.concat([build.preface, build.settings()]), 'idle-timeout', 310_000],
];

for (const [name, bytes, cause, withinMs] of slowPeers) {
  test(`a peer that sends ${name} is closed: ${cause}`, async () => {
    const time = manualTime();
    const { port, accepted, closed } = await plainServer({ wheel: time.wheel });
    const { socket } = await rawPeer(port, bytes);
    await new Promise<void>((resolve) => {
      const look = (): void => void (isTaken(accepted[0], bytes) ? resolve() : setImmediate(look));
      look();
    });
    time.pass(4000);
    assert.equal(accepted[0]?.isClosing, false);
    time.pass(withinMs);
    assert.equal((await closed).cause, cause);
    socket.destroy();
  });
}

function isTaken(transport: Http2Transport<Call> | undefined, bytes: Uint8Array): boolean {
  if (transport === undefined) return false;
  const { connection } = transport;
  const frames = bytes.length <= build.preface.length ? 0 : cutFramesStarted(bytes);
  return connection.framesReceived === frames;
}

function cutFramesStarted(bytes: Uint8Array): number {
  return bytes.length > build.preface.length + 9 ? 2 : 1;
}

test('short calls keep a connection from being idle, though none lives when it is looked at', async () => {
  const time = manualTime();
  const { port, accepted } = await plainServer({ wheel: time.wheel });
  const client = await plainClient(port);
  for (let i = 0; i < 10; i++) {
    await call(client, Buffer.from('x'));
    time.pass(200_000);
    assert.equal(accepted[0]?.isClosing, false, `after ${i + 1} calls`);
  }
});

test('writeStallTimeoutMs: a peer that takes nothing from the socket for too long is cut', async () => {
  const time = manualTime();
  const { port, accepted, closed } = await plainServer({ wheel: time.wheel });
  const { socket } = await rawPeer(port);
  socket.pause();
  await new Promise<void>((resolve) => {
    const look = (): void => void (accepted[0]?.connection.settingsReceived === true ? resolve() : setImmediate(look));
    look();
  });
  const transport = accepted[0];
  assert.ok(transport);
  // PINGs of our own, until the kernel's buffers are full and a write stays under way.
  for (let quiet = 0; quiet < 3;) {
    for (let i = 0; i < 900; i++) transport.connection.ping();
    const before = transport.connection.output.byteLength;
    await new Promise<void>((resolve) => setImmediate(resolve));
    quiet = transport.connection.output.byteLength >= before ? quiet + 1 : 0;
  }
  time.pass(200_000);
  assert.equal(transport.isClosing, false);
  time.pass(200_000);
  assert.equal((await closed).cause, 'write-stall');
});

test('connect reports a refused port', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  await assert.rejects(plainClient(port), /connect-failed .*ECONNREFUSED/);
});

test('MAX_CONNECTIONS: a connection over the cap is refused and reported', async () => {
  const refused = Promise.withResolvers<string>();
  const sockets: Socket[] = [];
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    security: { mode: 'plaintext' },
    maxConnections: 1,
    onConnection: (socket) => void sockets.push(socket),
    onRefused: ({ cause, detail }) => refused.resolve(`${cause}: ${detail}`),
  });
  closers.push(() => void listener.close());
  const first = connectTcp(listener.address.port, '127.0.0.1');
  await once(first, 'connect');
  const second = connectTcp(listener.address.port, '127.0.0.1');
  second.on('error', () => {});
  assert.equal(await refused.promise, 'connection-cap: 1 connections');
  assert.equal(listener.connectionCount, 1);
  first.destroy();
  second.destroy();
  for (const socket of sockets) socket.destroy();
});

/** The transport's times and bounds on a clock that tests move: at the limit, and one before. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { callClient, echoServer, newCall, requestFields, type Call } from '../../test/kit/frame-echo.ts';
import { build, END_HEADERS, END_STREAM, frame } from '../../test/kit/frame-peer.ts';
import { defaultLimits } from '../http2/index.ts';
import {
  connect as connectTransport,
  defaultTransportLimits,
  listen,
  TimerWheel,
  type Http2Transport,
} from './index.ts';
import {
  BYTES_PER_LOOK,
  FRAMES_PER_LOOK,
  KNOWN_AFTER_BYTES,
  KNOWN_AFTER_CALLS,
  READ_BYTES_PER_TURN,
  RESUMED_MS_PER_TURN,
  SLICE_MS,
  STRANGER_BYTES_AT_ONCE,
  STRANGER_SLICE_MS,
} from './transport-limits.ts';
import { resumeNextTurn } from './turn.ts';

const tickMs = 10;
const request = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/a'],
  [':authority', 'a'],
] as const;
const lingerMs = defaultTransportLimits.lingerTimeoutMs;
const pingMs = defaultTransportLimits.drainPingTimeoutMs;
const quietMs = defaultTransportLimits.drainQuietMs;

interface Place {
  readonly peer: Socket;
  readonly transport: Http2Transport<Call>;
  /** Moves the clock and fires what is due. */
  readonly pass: (ms: number) => void;
  /** From now on the clock moves by so much each time it is looked at. */
  readonly passOnLook: (ms: number) => void;
  /** The server's. */
  readonly socket: Socket;
}

/** A server transport whose peer has said hello, on a clock that stands still. */
async function place(t: TestContext): Promise<Place> {
  let nowMs = 1_000_000;
  let perLookMs = 0;
  const wheel = new TimerWheel({ monotonicMs: () => (nowMs += perLookMs), tickMs, manual: true });
  const accepted = Promise.withResolvers<Http2Transport<Call>>();
  const sockets: Socket[] = [];
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    security: { mode: 'plaintext' },
    onConnection: (socket, facts) => {
      sockets.push(socket);
      accepted.resolve(echoServer(socket, facts, { wheel }));
    },
    onRefused: (refused) => assert.fail(refused.cause),
  });
  t.after(() => listener.close());
  const peer = connect({ ...listener.address, allowHalfOpen: true });
  peer.on('error', () => undefined).resume();
  t.after(() => peer.destroy());
  peer.write(Buffer.concat([build.preface, build.settings()]));
  const transport = await accepted.promise;
  t.after(() => transport.destroy());
  while (!transport.connection.settingsReceived) await new Promise(setImmediate);
  return {
    peer,
    transport,
    socket: sockets[0] as Socket,
    passOnLook: (ms) => (perLookMs = ms),
    pass: (ms) => {
      for (let passed = 0; passed < ms; passed += tickMs) {
        nowMs += Math.min(tickMs, ms - passed);
        wheel.advance();
      }
    },
  };
}

test('lingerTimeoutMs: a peer that does not close after our last word is cut then, and not before', async (t) => {
  const { peer, transport, pass } = await place(t);
  transport.close();
  await once(peer, 'end');
  pass(lingerMs - tickMs);
  // What the peer says now is still taken, where a socket that is gone would answer with a reset.
  for (let i = 0; i < 20; i++) {
    peer.write('x');
    await new Promise(setImmediate);
  }
  assert.equal(peer.destroyed, false);
  pass(tickMs);
  while (!peer.destroyed) {
    peer.write('x');
    await new Promise(setImmediate);
  }
});

test('drainPingTimeoutMs: a peer that does not answer the PING gets the second GOAWAY then, and not before', async (t) => {
  const { transport, pass } = await place(t);
  const { connection } = transport;
  pass(quietMs);
  transport.drain();
  assert.equal(connection.acceptUpTo, Infinity);
  pass(pingMs - tickMs);
  assert.equal(connection.acceptUpTo, Infinity);
  pass(tickMs);
  assert.equal(connection.acceptUpTo, 0);
});

test('drainQuietMs: a connection that something came on is told then, and not before', async (t) => {
  const { transport, pass } = await place(t);
  pass(tickMs);
  transport.drain();
  pass(quietMs - 2 * tickMs);
  assert.equal(transport.connection.drainBegun, false);
  // A second word changes nothing.
  transport.drain();
  pass(tickMs);
  assert.equal(transport.connection.drainBegun, true);
});

test('drainQuietMs: on a connection that was quiet for so long a drain begins at once', async (t) => {
  const { transport, pass } = await place(t);
  pass(quietMs);
  transport.drain();
  assert.equal(transport.connection.drainBegun, true);
});

test('drainQuietMs: the next call is taken, and told during it', async (t) => {
  const { peer, transport } = await place(t);
  transport.drain();
  peer.write(build.headers(1, request));
  while (transport.connection.activeStreams === 0) await new Promise(setImmediate);
  assert.equal(transport.connection.drainBegun, true);
  peer.write(Buffer.concat([build.data(1, '', END_STREAM), build.ping('drain\0\0\0', 1)]));
  while (!transport.isClosing) await new Promise(setImmediate);
  assert.deepEqual([transport.connection.isDrained, transport.connection.acceptUpTo], [true, 1]);
});

test('drainQuietMs: a connection that ends meanwhile is cut like any other', async (t) => {
  const { transport, socket, pass } = await place(t);
  transport.drain();
  transport.close();
  pass(lingerMs - tickMs);
  assert.equal(socket.destroyed, false);
  pass(tickMs);
  assert.equal(socket.destroyed, true);
});

test('highWaterBytes: blocked from the limit on, not one byte below', async (t) => {
  const { transport } = await place(t);
  const { output } = transport.connection;
  const frameBytes = 9;
  const payloadBytes = 8;
  while (output.byteLength + frameBytes + payloadBytes < defaultTransportLimits.highWaterBytes) {
    transport.connection.ping();
    assert.equal(transport.writeBlocked, false);
  }
  transport.connection.ping();
  assert.equal(transport.writeBlocked, true);
});

const ignored = frame(0x99, 0, 0, Buffer.alloc(0));

interface SliceOptions {
  readonly frames: number;
  readonly lookMs: number;
  readonly drawn?: number;
  /** Calls that ended before. */
  readonly completed?: number;
  /** Of each frame. */
  readonly frameBytes?: number;
}

/** How many frames each turn of one chunk of `frames` handled, on a clock that moves by `lookMs` when it is looked at. */
async function slices(
  t: TestContext,
  { frames, lookMs, drawn = 0, completed = KNOWN_AFTER_CALLS, frameBytes = ignored.length }: SliceOptions,
): Promise<number[]> {
  const { transport, socket, passOnLook } = await place(t);
  const { connection } = transport;
  connection.score.charge(drawn);
  connection.completedStreams = completed;
  const begun = connection.framesReceived;
  passOnLook(lookMs);
  const one = frame(0x99, 0, 0, Buffer.alloc(frameBytes - ignored.length));
  socket.emit('data', Buffer.concat(Array.from({ length: frames }, () => one)));
  const counts = [connection.framesReceived - begun];
  while (connection.framesReceived - begun < frames) {
    const before = connection.framesReceived;
    await new Promise(setImmediate);
    counts.push(connection.framesReceived - before);
  }
  return counts.filter((count) => count > 0);
}

test('FRAMES_PER_LOOK: so many frames are handled without a look at the clock, the next one after it', async (t) => {
  assert.deepEqual(await slices(t, { frames: FRAMES_PER_LOOK, lookMs: SLICE_MS }), [FRAMES_PER_LOOK]);
  assert.deepEqual(await slices(t, { frames: FRAMES_PER_LOOK + 1, lookMs: SLICE_MS }), [FRAMES_PER_LOOK, 1]);
});

test('SLICE_MS: who took less goes on, who took as long waits for the others', async (t) => {
  const frames = FRAMES_PER_LOOK + 1;
  assert.deepEqual(await slices(t, { frames, lookMs: SLICE_MS / 2 }), [frames]);
  assert.deepEqual(await slices(t, { frames, lookMs: SLICE_MS }), [FRAMES_PER_LOOK, 1]);
});

test('BYTES_PER_LOOK: the clock is looked at after so many bytes too, once a frame is whole', async (t) => {
  const frameBytes = BYTES_PER_LOOK / 2;
  assert.deepEqual(await slices(t, { frames: 3, lookMs: SLICE_MS, frameBytes }), [2, 1]);
  assert.deepEqual(await slices(t, { frames: 3, lookMs: SLICE_MS, frameBytes: frameBytes - 1 }), [3]);
});

test('STRANGER_SLICE_MS and KNOWN_AFTER_CALLS: who is not known yet gives way sooner', async (t) => {
  const frames = FRAMES_PER_LOOK + 1;
  const lookMs = STRANGER_SLICE_MS;
  assert.deepEqual(await slices(t, { frames, lookMs }), [frames]);
  assert.deepEqual(await slices(t, { frames, lookMs, completed: KNOWN_AFTER_CALLS - 1 }), [FRAMES_PER_LOOK, 1]);
  assert.deepEqual(await slices(t, { frames, lookMs: lookMs / 2, completed: 0 }), [frames]);
});

test('STRANGER_BYTES_AT_ONCE: more than so many bytes of who is not known wait for the end of the turn', async (t) => {
  const handledAtOnce = async (bytes: number, prepare: (place: Place) => void = () => undefined): Promise<boolean> => {
    const one = await place(t);
    prepare(one);
    const begun = one.transport.connection.framesReceived;
    one.socket.emit('data', frame(0x99, 0, 0, Buffer.alloc(bytes - ignored.length)));
    const isAtOnce = one.transport.connection.framesReceived > begun;
    while (one.transport.connection.framesReceived === begun) await new Promise(setImmediate);
    return isAtOnce;
  };
  assert.equal(await handledAtOnce(STRANGER_BYTES_AT_ONCE), true);
  assert.equal(await handledAtOnce(STRANGER_BYTES_AT_ONCE + 1), false);
  const known = ({ transport }: Place): void => void (transport.connection.completedStreams = KNOWN_AFTER_CALLS);
  assert.equal(await handledAtOnce(STRANGER_BYTES_AT_ONCE + 1, known), true);
  const suspect = (one: Place): void => {
    known(one);
    one.transport.connection.score.charge(0.5 * defaultLimits.abuseBudget);
  };
  assert.equal(await handledAtOnce(STRANGER_BYTES_AT_ONCE + 1, suspect), false);
});

test('KNOWN_AFTER_BYTES: who brought so many bytes is known without a call that ended', async (t) => {
  const { transport, socket } = await place(t);
  const { connection } = transport;
  const handshakeBytes = build.preface.length + build.settings().length;
  const chunk = Buffer.concat(Array.from({ length: 4 }, () => frame(0x99, 0, 0, Buffer.alloc(16_375))));
  connection.score.tick(0);
  for (let left = KNOWN_AFTER_BYTES - handshakeBytes - chunk.length; left > 0; left -= chunk.length) {
    const { framesReceived } = connection;
    socket.emit('data', chunk.subarray(0, Math.min(left, chunk.length)));
    assert.equal(connection.framesReceived, framesReceived);
    while (socket.isPaused()) await new Promise(setImmediate);
    // Frames of unknown types cost something, which is not what this is about.
    connection.score.charge(-defaultLimits.abuseBudget);
  }
  const { framesReceived } = connection;
  socket.emit('data', chunk);
  assert.ok(connection.framesReceived > framesReceived);
});

test('who has drawn half of the abuse budget handles few frames a turn, and all in the end', async (t) => {
  const frames = 2 * FRAMES_PER_LOOK + 1;
  const drawn = 0.5 * defaultLimits.abuseBudget;
  assert.deepEqual(await slices(t, { frames, lookMs: 0, drawn }), [FRAMES_PER_LOOK, FRAMES_PER_LOOK, 1]);
  assert.deepEqual(await slices(t, { frames, lookMs: 0 }), [frames]);
});

test('READ_BYTES_PER_TURN: the socket rests for a turn after so many bytes, not after one less', async (t) => {
  const rests = async (bytes: number): Promise<boolean> => {
    const { socket, transport } = await place(t);
    transport.connection.completedStreams = KNOWN_AFTER_CALLS;
    // What the peer said first came in the turn before.
    await new Promise(setImmediate);
    const long = frame(0x99, 0, 0, Buffer.alloc(16_000));
    socket.emit('data', Buffer.concat(Array.from({ length: 5 }, () => long)).subarray(0, bytes));
    const isPaused = socket.isPaused();
    while (socket.isPaused()) await new Promise(setImmediate);
    return isPaused;
  };
  assert.equal(await rests(READ_BYTES_PER_TURN - 1), false);
  assert.equal(await rests(READ_BYTES_PER_TURN), true);
});

test('RESUMED_MS_PER_TURN: connections go on while there is time, the next one in the next turn', async (t) => {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  const resumed: number[] = [];
  const pause = (count: number, eachMs: number): void => {
    for (let i = 0; i < count; i++) resumeNextTurn({ resume: () => (resumed.push(i), (nowMs += eachMs)) });
  };
  pause(3, RESUMED_MS_PER_TURN / 4);
  await new Promise(setImmediate);
  assert.deepEqual(resumed.splice(0), [0, 1, 2]);
  pause(3, RESUMED_MS_PER_TURN / 2);
  await new Promise(setImmediate);
  assert.deepEqual(resumed, [0, 1]);
  await new Promise(setImmediate);
  assert.deepEqual(resumed.splice(0), [0, 1, 2]);
});

test('RESUMED_MS_PER_TURN: who pauses again waits for the next turn', async () => {
  const resumed: string[] = [];
  const again = { resume: () => (resumed.push('again'), resumed.length < 3 && resumeNextTurn(again)) };
  resumeNextTurn(again);
  await new Promise(setImmediate);
  assert.deepEqual(resumed, ['again']);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.deepEqual(resumed, ['again', 'again', 'again']);
});

test('SLICE_MS: what a server said and nobody had a turn for yet counts when the server is gone', async (t) => {
  let nowMs = 0;
  let perLookMs = 0;
  const wheel = new TimerWheel({ monotonicMs: () => (nowMs += perLookMs), tickMs, manual: true });
  const server = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const made = Promise.withResolvers<{ socket: Socket; transport: Http2Transport<Call> }>();
  connectTransport({
    host: '127.0.0.1',
    port,
    onConnected: (socket, facts) => made.resolve({ socket, transport: callClient(socket, facts, { wheel }) }),
    onFailed: ({ detail }) => made.reject(new Error(detail)),
  });
  const { socket, transport } = await made.promise;
  t.after(() => transport.destroy());
  const ended: Call[] = [];
  const stream = transport.connection.openStream(newCall((call) => ended.push(call)));
  assert.ok(stream);
  transport.connection.sendHeaders(stream, requestFields, requestFields.length, true);
  const answer = [build.settings(), build.headers(1, [[':status', '200']])];
  for (let i = 0; i < FRAMES_PER_LOOK; i++) answer.push(build.data(1, 'x'));
  perLookMs = SLICE_MS;
  socket.emit('data', Buffer.concat([...answer, build.headers(1, [['grpc-status', '0']], END_HEADERS | END_STREAM)]));
  assert.equal(ended.length, 0);
  socket.emit('end');
  assert.deepEqual(
    ended.map(({ grpcStatus, body }) => [grpcStatus, body.length]),
    [['0', FRAMES_PER_LOOK]],
  );
});

test('destroyed by what a server said, a connection handles nothing of the rest, and nothing twice', async (t) => {
  const wheel = new TimerWheel({ monotonicMs: () => 0, tickMs, manual: true });
  const server = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  let pieces = 0;
  const made = Promise.withResolvers<{ socket: Socket; transport: Http2Transport<Call> }>();
  connectTransport({
    host: '127.0.0.1',
    port,
    onConnected: (socket, facts) => {
      const onData = (): void => {
        pieces += 1;
        transport.destroy();
      };
      const transport = callClient(socket, facts, { wheel, handler: { onData } });
      made.resolve({ socket, transport });
    },
    onFailed: ({ detail }) => made.reject(new Error(detail)),
  });
  const { socket, transport } = await made.promise;
  t.after(() => transport.destroy());
  const stream = transport.connection.openStream(newCall());
  assert.ok(stream);
  transport.connection.sendHeaders(stream, requestFields, requestFields.length, true);
  socket.emit('data', Buffer.concat([build.settings(), build.headers(1, [[':status', '200']])]));
  // More than a stranger may bring at once, so that it waits for the end of the turn.
  socket.emit(
    'data',
    Buffer.concat(Array.from({ length: 2 }, () => build.data(1, Buffer.alloc(STRANGER_BYTES_AT_ONCE)))),
  );
  assert.equal(pieces, 0);
  await new Promise(setImmediate);
  assert.equal(pieces, 1);
});

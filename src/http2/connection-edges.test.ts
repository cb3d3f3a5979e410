/** The corners of a connection: its first bytes, its last ones, what its owner may ask for when, and every error in its words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  block,
  build,
  cutFrames,
  END_HEADERS,
  END_STREAM,
  frame,
  harness,
  request,
  response,
  timesUntilClosed,
  type Harness,
  type HarnessOptions,
} from '../../test/kit/frame-peer.ts';
import { ErrorCode, internField, transientField, type Http2Stream } from './index.ts';
import { AbuseCost, MAX_QUEUED_CONTROL_FRAMES } from './limits.ts';

const full = END_HEADERS | END_STREAM;
const ok = [internField(':status', '200')];
const post = [internField(':method', 'POST')];

function opened(server: Harness, id: number, flags = END_HEADERS): Http2Stream<string> {
  server.send(build.headers(id, request, flags));
  return server.streams.get(id) ?? assert.fail('no stream');
}

function sent(client: Harness, endStream = false): Http2Stream<string> {
  const stream = client.connection.openStream('one') ?? assert.fail('no stream');
  client.connection.sendHeaders(stream, post, 1, endStream);
  client.transcript();
  return stream;
}

function firstBytes(options: HarnessOptions): Buffer {
  return Buffer.concat(harness({ ...options, raw: true }).connection.output.take());
}

test('the first bytes of either role: SETTINGS as limits say, and the window beyond the protocol’s', () => {
  assert.deepEqual(
    firstBytes({ role: 'server' }),
    Buffer.concat([
      build.settings([
        [3, 100],
        [4, 65_536],
        [6, 16_384],
      ]),
      build.windowUpdate(0, 1_048_576 - 65_535),
    ]),
  );
  const limits = { streamWindowBytes: 2 ** 24 + 1, maxHeaderListBytes: 99, headerTableBytes: 70_000 };
  assert.deepEqual(
    firstBytes({ role: 'client', limits: { ...limits, connectionWindowBytes: 65_535 } }),
    Buffer.concat([
      build.preface,
      build.settings([
        [2, 0],
        [4, 2 ** 24 + 1],
        [6, 99],
        [1, 70_000],
      ]),
    ]),
  );
  assert.deepEqual(
    firstBytes({ role: 'server', limits: { connectionWindowBytes: 65_536 } }).subarray(-13),
    build.windowUpdate(0, 1),
  );
});

const failures: readonly (readonly [string, (peer: Harness) => readonly Uint8Array[]])[] = [
  [
    'PROTOCOL_ERROR: header block interrupted, or CONTINUATION without one',
    () => [build.continuation(1, block(request))],
  ],
  [
    'PROTOCOL_ERROR: header block interrupted, or CONTINUATION without one',
    () => [build.headers(1, request, 0), build.continuation(3, Buffer.alloc(0))],
  ],
  [
    'PROTOCOL_ERROR: header block interrupted, or CONTINUATION without one',
    () => [build.headers(1, request, 0), frame(200, 0, 1)],
  ],
  ['PROTOCOL_ERROR: message frame on stream 0', () => [build.data(0, 'x')]],
  ['PROTOCOL_ERROR: message frame on stream 0', () => [build.headers(0, request)]],
  ['PROTOCOL_ERROR: PRIORITY on stream 0', () => [build.priority(0, 1)]],
  ['PROTOCOL_ERROR: RST_STREAM on stream 0', () => [build.reset(0, 8)]],
  ['FRAME_SIZE_ERROR: RST_STREAM of wrong length', () => [build.headers(1, request), frame(3, 0, 1, Buffer.alloc(5))]],
  ['PROTOCOL_ERROR: RST_STREAM on an idle stream', () => [build.reset(1, 8)]],
  ['PROTOCOL_ERROR: SETTINGS on a stream', () => [frame(4, 0, 1)]],
  ['FRAME_SIZE_ERROR: SETTINGS of odd length', () => [frame(4, 0, 0, Buffer.alloc(7))]],
  ['FRAME_SIZE_ERROR: SETTINGS acknowledgement with a payload', () => [frame(4, 1, 0, Buffer.alloc(6))]],
  ['PROTOCOL_ERROR: bad SETTINGS_ENABLE_PUSH', () => [build.settings([[2, 2]])]],
  ['FLOW_CONTROL_ERROR: bad SETTINGS_INITIAL_WINDOW_SIZE', () => [build.settings([[4, 2 ** 31]])]],
  ['PROTOCOL_ERROR: bad SETTINGS_MAX_FRAME_SIZE', () => [build.settings([[5, 16_383]])]],
  ['PROTOCOL_ERROR: PUSH_PROMISE without permission', () => [frame(5, 4, 1, Buffer.alloc(4))]],
  ['PROTOCOL_ERROR: PING on a stream', () => [frame(6, 0, 1, Buffer.alloc(8))]],
  ['FRAME_SIZE_ERROR: PING of wrong length', () => [frame(6, 0, 0, Buffer.alloc(7))]],
  ['PROTOCOL_ERROR: GOAWAY on a stream', () => [frame(7, 0, 1, Buffer.alloc(8))]],
  ['FRAME_SIZE_ERROR: GOAWAY too short', () => [frame(7, 0, 0, Buffer.alloc(7))]],
  ['FRAME_SIZE_ERROR: WINDOW_UPDATE of wrong length', () => [frame(8, 0, 0, Buffer.alloc(5))]],
  ['PROTOCOL_ERROR: WINDOW_UPDATE of 0', () => [build.windowUpdate(0, 0)]],
  ['PROTOCOL_ERROR: WINDOW_UPDATE on an idle stream', () => [build.windowUpdate(1, 1)]],
  ['FLOW_CONTROL_ERROR: connection window above 2^31-1', () => [build.windowUpdate(0, 2 ** 31 - 1)]],
  ['PROTOCOL_ERROR: PRIORITY depends on itself', () => [build.priority(1, 1)]],
  ['FRAME_SIZE_ERROR: PRIORITY of wrong length', () => [frame(2, 0, 1, Buffer.alloc(6))]],
  ['PROTOCOL_ERROR: DATA on an idle stream', () => [build.data(1, 'x')]],
  ['PROTOCOL_ERROR: DATA on an idle stream', () => [build.headers(3, request), build.data(1, 'x')]],
  ['PROTOCOL_ERROR: HEADERS on a stream that cannot be opened', () => [build.headers(2, request)]],
  ['PROTOCOL_ERROR: stream ids must increase', () => [build.headers(3, request), build.headers(1, request)]],
  ['FRAME_SIZE_ERROR: padded HEADERS without a pad length', () => [frame(1, 0xc, 1)]],
  ['FRAME_SIZE_ERROR: HEADERS too short', () => [frame(1, 0x24, 1, Buffer.alloc(4))]],
  ['PROTOCOL_ERROR: padding longer than its HEADERS frame', () => [frame(1, 0xc, 1, Buffer.of(1))]],
  ['FRAME_SIZE_ERROR: padded DATA without a pad length', () => [build.headers(1, request), frame(0, 8, 1)]],
  ['STREAM_CLOSED: DATA on a stream that ended', (server) => [answered(server), build.data(1, 'x')]],
  ['STREAM_CLOSED: HEADERS on a stream that ended', (server) => [answered(server), build.headers(1, request)]],
  ['ENHANCE_YOUR_CALM: too many settings', () => [build.settings(Array.from({ length: 33 }, () => [9, 0] as const))]],
];

/** Ends stream 1 on both sides. */
function answered(server: Harness): Uint8Array {
  server.connection.sendHeaders(opened(server, 1, full), ok, 1, true);
  return Buffer.alloc(0);
}

for (const [index, [words, frames]] of failures.entries()) {
  test(`connection error ${index}: ${words}`, () => {
    const server = harness({ role: 'server' });
    server.send(...frames(server));
    const failed = server.calls().filter((call) => call.startsWith('failed'));
    assert.deepEqual(failed, [`failed ${words}`]);
    assert.equal(server.connection.errorMessage, words.replace(/^\w+: /, ''));
    assert.equal(server.connection.isClosed, true);
  });
}

test('what fails before SETTINGS says so', () => {
  for (const [bytes, words] of [
    [build.ping(), 'the first frame must be SETTINGS'],
    [build.settingsAck, 'the first frame must be SETTINGS, not its acknowledgement'],
  ] as const) {
    const server = harness({ role: 'server', raw: true });
    server.send(build.preface, bytes);
    assert.deepEqual(server.calls(), [`failed PROTOCOL_ERROR: ${words}`]);
  }
});

test('a client knows whose ids are idle: its own that it did not use, and all of the server’s', () => {
  for (const [id, fails] of [
    [1, false],
    [2, true],
    [3, true],
    [4, true],
    // Far above what was used, where what is remembered of stream 1 would stand.
    [1025, true],
  ] as const) {
    const client = harness({ role: 'client' });
    const stream = sent(client);
    client.connection.resetStream(stream, ErrorCode.CANCEL);
    client.send(build.windowUpdate(id, 1));
    assert.equal(client.connection.isClosed, fails, `${id}`);
    const other = harness({ role: 'client' });
    sent(other);
    other.send(build.headers(id, response));
    const words = 'failed PROTOCOL_ERROR: HEADERS on a stream that cannot be opened';
    assert.equal(other.calls().includes(words), fails, `${id}`);
  }
});

test('while a connection ends nothing more is written, whatever its owner asks for', () => {
  const all: Http2Stream<string>[] = [];
  const server: Harness = harness({
    role: 'server',
    limits: { connectionWindowBytes: 131_072 },
    handler: {
      onData: () => {},
      onReset: () => {
        const { connection } = server;
        for (const stream of all) {
          connection.sendHeaders(stream, ok, 1, true);
          connection.sendData(stream, Buffer.from('x'), 0, 1, true);
          connection.creditReceived(stream, 32_768);
          connection.resetStream(stream, ErrorCode.CANCEL);
        }
        connection.ping();
        connection.goaway(ErrorCode.NO_ERROR);
        connection.beginDrain();
        connection.finishDrain();
        connection.socketClosed();
        server.log.push('reset');
      },
    },
  });
  all.push(opened(server, 1), opened(server, 3), opened(server, 5));
  for (const id of [1, 1, 3, 3]) server.send(build.data(id, Buffer.alloc(16_384)));
  server.calls();
  assert.deepEqual(server.send(build.ping('too long!')), ['GOAWAY 5 FRAME_SIZE_ERROR']);
  assert.deepEqual(server.calls(), [
    ...['reset', 'closed 1', 'reset', 'closed 3', 'reset', 'closed 5'],
    'failed FRAME_SIZE_ERROR: PING of wrong length',
  ]);
  assert.deepEqual(server.transcript(), []);
});

test('what its owner asks of a stream that it ended does nothing', () => {
  const server = harness({ role: 'server' });
  const stream = opened(server, 1);
  server.connection.sendHeaders(stream, ok, 1, true);
  server.transcript();
  server.connection.sendHeaders(stream, ok, 1, true);
  assert.equal(server.connection.sendData(stream, Buffer.from('abc'), 1, 3, true), 2);
  assert.deepEqual(server.transcript(), []);
  assert.equal(stream.isClosed, false);
});

test('who may open streams when: clients that are neither draining nor closed, as many as the peer takes', () => {
  assert.equal(harness({ role: 'server' }).connection.openStream('one'), undefined);
  const peer = harness({ role: 'client' });
  peer.send(build.settings([[3, 2]]));
  assert.equal(peer.connection.peerMaxConcurrentStreams, 2);
  assert.ok(peer.connection.openStream('one') && peer.connection.openStream('two'));
  assert.equal(peer.connection.openStream('three'), undefined);
  assert.equal(peer.connection.activeStreams, 2);
  const ends: readonly ((peer: Harness) => unknown)[] = [
    ({ connection }) => connection.beginDrain(),
    ({ connection }) => connection.goaway(ErrorCode.NO_ERROR),
    ({ connection }) => connection.socketClosed(),
    (one) => one.send(build.goaway(0, 0)),
  ];
  for (const end of ends) {
    const client = harness({ role: 'client' });
    assert.equal(client.connection.canOpenStream, true);
    end(client);
    assert.equal(client.connection.openStream('one'), undefined);
  }
});

test('a connection is drained when its end is final and nothing lives; a server’s is final with the second GOAWAY', () => {
  for (const role of ['server', 'client'] as const) assert.equal(harness({ role }).connection.isDrained, false);
  const server = harness({ role: 'server' });
  server.connection.finishDrain();
  assert.deepEqual(server.transcript(), []);
  server.connection.beginDrain();
  assert.deepEqual([server.connection.isDraining, server.connection.isDrained], [true, false]);
  server.connection.finishDrain();
  assert.equal(server.connection.isDrained, true);
  const client = harness({ role: 'client' });
  client.connection.beginDrain();
  client.connection.finishDrain();
  assert.deepEqual([client.transcript(), client.connection.isDrained], [[], true]);
  const left = harness({ role: 'client' });
  const stream = sent(left);
  left.send(build.goaway(1, 0));
  assert.deepEqual([left.connection.isDraining, left.connection.isDrained], [true, false]);
  left.connection.resetStream(stream, ErrorCode.CANCEL);
  assert.equal(left.connection.isDrained, true);
});

test('goaway: streams above the last id that it named are refused, and the lowest one holds', () => {
  const server = harness({ role: 'server' });
  opened(server, 1);
  server.connection.goaway(ErrorCode.NO_ERROR, { lastStreamId: 5 });
  assert.deepEqual(server.transcript(), ['GOAWAY 5 NO_ERROR']);
  assert.deepEqual(server.send(build.headers(3, request)), []);
  server.connection.goaway(ErrorCode.NO_ERROR);
  server.connection.goaway(ErrorCode.NO_ERROR, { lastStreamId: 9 });
  assert.deepEqual(server.transcript(), ['GOAWAY 3 NO_ERROR', 'GOAWAY 9 NO_ERROR']);
  assert.deepEqual(server.send(build.headers(5, request)), ['RST_STREAM 5 REFUSED_STREAM']);
});

test('a PING of ours, and what makes the peer’s next one free: messages either way', () => {
  const pinged = harness({ role: 'server' });
  pinged.connection.ping();
  assert.deepEqual(pinged.transcript(), ['PING "sallypng"']);
  const free: readonly ((server: Harness, stream: Http2Stream<string>) => unknown)[] = [
    ({ connection }, stream) => connection.sendData(stream, Buffer.from('x'), 0, 1, false),
    ({ connection }, stream) => connection.sendHeaders(stream, [internField(':status', '103')], 1, false),
    (server) => server.send(build.data(1, 'more than five')),
    (server) => server.send(build.headers(3, request, full), build.reset(3, 8)),
  ];
  for (const [index, message] of free.entries()) {
    const server = harness({ role: 'server', limits: { abuseBudget: 1 } });
    const stream = opened(server, 1);
    server.send(build.ping());
    message(server, stream);
    server.send(build.ping());
    assert.equal(server.connection.isClosed, false, `${index}`);
    server.send(build.ping());
    assert.equal(server.connection.isClosed, true, `${index}`);
  }
});

test('one error is reported once, also when a limit is exceeded by the same frame', () => {
  const server = harness({ role: 'server', limits: { abuseBudget: 1 } });
  assert.deepEqual(server.send(build.settings([[2, 2]])), ['GOAWAY 0 PROTOCOL_ERROR']);
  assert.deepEqual(server.calls(), ['failed PROTOCOL_ERROR: bad SETTINGS_ENABLE_PUSH']);
});

test('what may still come for streams that we reset is bounded by what all streams may have', () => {
  const limits = { streamWindowBytes: 1_000, maxConcurrentStreams: 2, abuseBudget: 0 };
  const server = harness({ role: 'server', limits });
  for (let id = 1; id < 11; id += 2) server.connection.resetStream(opened(server, id), ErrorCode.CANCEL);
  const late = build.data(9, Buffer.alloc(1_000));
  server.send(late, late);
  assert.equal(server.connection.isClosed, false);
  server.send(build.data(9, 'x'));
  assert.equal(server.connection.isClosed, true);
  const few = harness({ role: 'server', limits });
  few.connection.resetStream(opened(few, 1), ErrorCode.CANCEL);
  // A short frame counts as much as the shortest message.
  for (let i = 0; i < 200; i++) few.send(build.data(1, 'x'));
  assert.equal(few.connection.isClosed, false);
  few.send(build.data(1, 'x'));
  assert.equal(few.connection.isClosed, true);
});

test('requests that wait for the socket are not answers that nobody reads', () => {
  const client = harness({ role: 'client' });
  client.send(build.settings());
  for (let i = 0; i <= MAX_QUEUED_CONTROL_FRAMES; i++) {
    const stream = client.connection.openStream(`${i}`) ?? assert.fail('no stream');
    client.connection.sendHeaders(stream, post, 1, true);
  }
  client.connection.receive(build.data(1, '', END_STREAM), 0);
  assert.equal(client.connection.isClosed, false);
});

test('the window of a stream that was opened before SETTINGS is that of its headers', () => {
  const client = harness({ role: 'client', limits: { streamWindowBytes: 10 }, handler: { onData: () => {} } });
  const stream = client.connection.openStream('one') ?? assert.fail('no stream');
  client.send(build.settings([[4, 7]]));
  client.connection.sendHeaders(stream, post, 1, false);
  assert.equal(stream.sendWindow, 7);
  assert.equal(client.connection.sendData(stream, Buffer.alloc(9), 0, 9, false), 7);
  client.transcript();
  client.send(build.headers(1, response), build.data(1, 'ten bytes.'));
  assert.deepEqual(client.send(build.data(1, 'x')), ['RST_STREAM 1 FLOW_CONTROL_ERROR']);
  const early = harness({
    role: 'client',
    raw: true,
    limits: { streamWindowBytes: 10 },
    handler: { onData: () => {} },
  });
  const before = early.connection.openStream('one') ?? assert.fail('no stream');
  for (const bytes of [build.settings(), build.settingsAck]) early.connection.receive(bytes, 0);
  early.connection.sendHeaders(before, post, 1, false);
  early.connection.output.take();
  early.send(build.headers(1, response), build.data(1, 'ten bytes.'));
  assert.deepEqual(early.send(build.data(1, 'x')), ['RST_STREAM 1 FLOW_CONTROL_ERROR']);
});

test('a stream of ours explains WINDOW_UPDATEs as well', () => {
  const client = harness({ role: 'client' });
  for (let i = 0; i < 16; i++) client.send(build.windowUpdate(0, 1));
  sent(client);
  for (let i = 0; i < 4; i++) client.send(build.windowUpdate(0, 1));
  timesUntilClosed(client, AbuseCost.needlessWindowUpdate, () => build.windowUpdate(0, 1));
});

test('bytes without a time neither refill the budget nor stop the clock', () => {
  const server = harness({ role: 'server', limits: { abuseBudget: 10, abuseRefillPerSecond: 5 } });
  const stray = (times: number, nowMs?: number): void => {
    for (let i = 0; i < times; i++) server.connection.receive(build.settingsAck, nowMs);
  };
  stray(10, 1_000);
  stray(0, undefined);
  server.connection.receive(frame(8, 0, 0, Buffer.of(0, 0, 0, 1)));
  stray(5, 2_000);
  assert.equal(server.connection.isClosed, false);
  stray(1, 2_000);
  assert.equal(server.connection.isClosed, true);
});

test('what has begun and waits for its rest is told, and each frame that begins is counted', () => {
  const server = harness({ role: 'server' });
  const before = server.connection.framesReceived;
  const bytes = build.headers(1, request, 0);
  server.send(bytes.subarray(0, 4));
  assert.deepEqual([server.connection.isMidMessage, server.connection.framesReceived], [true, before]);
  server.send(bytes.subarray(4));
  assert.deepEqual([server.connection.isMidMessage, server.connection.framesReceived], [true, before + 1]);
  server.send(build.continuation(1, Buffer.alloc(0)));
  assert.deepEqual([server.connection.isMidMessage, server.connection.framesReceived], [false, before + 2]);
});

test('the owner’s records of live streams, of those that have one', () => {
  const client = harness({ role: 'client' });
  const [one, two] = [sent(client), sent(client)];
  two.user = undefined;
  const users: string[] = [];
  client.connection.forEachUser((user) => users.push(user));
  assert.deepEqual(users, ['one']);
  client.connection.resetStream(one, ErrorCode.CANCEL);
  client.connection.forEachUser((user) => users.push(user));
  assert.deepEqual(users, ['one']);
});

test('DATA is cut at the peer’s frame size and not before', () => {
  const server = harness({ role: 'server' });
  const stream = opened(server, 1);
  const body = Buffer.alloc(16_385);
  server.connection.sendData(stream, body, 0, 16_384, false);
  server.connection.sendData(stream, body, 0, 16_385, true);
  const frames = cutFrames(Buffer.concat(server.connection.output.take()));
  assert.deepEqual(
    frames.map(({ flags, payload }) => [flags, payload.length]),
    [
      [0, 16_384],
      [0, 16_384],
      [END_STREAM, 1],
    ],
  );
});

test('floods end in words too; live streams are told that it was us', () => {
  const rows: readonly (readonly [words: string, flood: (server: Harness, i: number) => Uint8Array])[] = [
    ['too many suspicious frames', () => build.settingsAck],
    ['answers are not read', (_, i) => Buffer.concat([build.data(1, 'message'), build.ping(`${i}`.padStart(8))])],
    [
      'answers are not read',
      (server, i) => {
        server.connection.receive(build.headers(3 + 2 * i, request, full), 0);
        const stream = server.streams.get(3 + 2 * i) ?? assert.fail('no stream');
        server.connection.sendHeaders(stream, [...ok, transientField('x-long', 'v'.repeat(16_000))], 2, true);
        return Buffer.alloc(0);
      },
    ],
  ];
  for (const [words, flood] of rows) {
    const server = harness({ role: 'server' });
    opened(server, 1);
    assert.equal(server.connection.errorMessage, '');
    const answers = server.connection.output;
    for (let i = 0; i < 2_000 && !server.connection.isClosed; i++)
      server.connection.receive(Buffer.from(flood(server, i)), 0);
    assert.ok(answers.byteLength > 0);
    const calls = server.calls();
    assert.ok(calls.includes(`failed ENHANCE_YOUR_CALM: ${words}`), words);
    assert.ok(calls.includes('reset 1 ENHANCE_YOUR_CALM by us'), words);
  }
});

test('GOAWAYs without a reason have none, and the answer to a drain’s PING is not a stray one', () => {
  const server = harness({ role: 'server', limits: { abuseBudget: 0 } });
  server.connection.goaway(ErrorCode.NO_ERROR, { lastStreamId: 2 ** 31 - 1 });
  const draining = harness({ role: 'server', limits: { abuseBudget: 0 } });
  draining.connection.beginDrain();
  draining.connection.receive(build.ping('drain\0\0\0', 1), 0);
  assert.equal(draining.connection.isClosed, false);
  for (const { connection } of [server, draining]) {
    const goaways = cutFrames(Buffer.concat(connection.output.take())).filter(({ type }) => type === 7);
    assert.ok(goaways.length > 0 && goaways.every(({ payload }) => payload.length === 8));
  }
  draining.connection.receive(build.ping('drain\0\0\0', 1), 0);
  assert.equal(draining.connection.isClosed, true);
});

test('a chunk may be taken in parts of some frames each; what is left of it after an error is nothing', () => {
  const server = harness({ role: 'server' });
  const ping = build.ping('pingpong');
  const chunk = Buffer.concat([ping, ping, ping, ping.subarray(0, 5)]);
  const at: number[] = [];
  for (let from = 0; from < chunk.length; at.push(from)) from = server.connection.receivePart(chunk, from, 2);
  assert.deepEqual(at, [2 * ping.length, chunk.length]);
  assert.equal(server.transcript().length, 3);
  server.connection.socketClosed();
  assert.equal(server.connection.receivePart(chunk, 3, 1), chunk.length);
});

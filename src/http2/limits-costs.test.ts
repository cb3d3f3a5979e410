/** What each suspicious event costs, and the bounds beside it: at the limit, and one past it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  build,
  END_HEADERS,
  END_STREAM,
  harness,
  request,
  timesUntilClosed,
  type Harness,
  type HarnessOptions,
} from '../../test/kit/frame-peer.ts';
import { ErrorCode, internField } from './index.ts';
import {
  ABUSE_BUDGET,
  AbuseCost,
  INITIAL_WINDOW_UPDATE_ALLOWANCE,
  MAX_QUEUED_ANSWER_BYTES,
  SLIVER_BYTES,
  WINDOW_UPDATES_PER_DATA_FRAME,
  WINDOW_UPDATES_PER_KIB,
  WINDOW_UPDATES_PER_STREAM,
} from './limits.ts';

const full = END_HEADERS | END_STREAM;
const server = (limits: HarnessOptions['limits'] = {}): Harness => harness({ role: 'server', limits });
const idOf = (index: number): number => 1 + 2 * index;

/** The live stream of a request without an end. */
function opened(peer: Harness, id: number) {
  peer.send(build.headers(id, request));
  return peer.streams.get(id) ?? assert.fail('no stream');
}

test('clientReset: of a request that has no whole answer; of one that has, nothing', () => {
  timesUntilClosed(server(), AbuseCost.clientReset, (i) =>
    Buffer.concat([build.headers(idOf(i), request, full), build.reset(idOf(i), ErrorCode.CANCEL)]),
  );
  const peer = server();
  for (let i = 0; i < 2 * ABUSE_BUDGET; i++) {
    const stream = opened(peer, idOf(i));
    peer.connection.sendHeaders(stream, [internField(':status', '200')], 1, true);
    peer.send(build.reset(idOf(i), ErrorCode.NO_ERROR));
  }
  assert.ok(!peer.connection.isClosed);
});

test('ownReset', () => {
  timesUntilClosed(server(), AbuseCost.ownReset, (i) =>
    Buffer.concat([build.headers(idOf(i), request), build.windowUpdate(idOf(i), 0)]),
  );
});

test('refusedStream and refusedUnawareStream: after the client acknowledged our SETTINGS, and before', () => {
  const limits = { maxConcurrentStreams: 1 };
  const open = (i: number): Uint8Array => build.headers(idOf(i + 1), request);
  const aware = server(limits);
  opened(aware, 1);
  timesUntilClosed(aware, AbuseCost.refusedStream, open);
  const unaware = harness({ role: 'server', limits, raw: true });
  unaware.send(build.preface, build.settings(), build.headers(1, request));
  timesUntilClosed(unaware, AbuseCost.refusedUnawareStream, open);
});

test('refusedUnawareStream: also for streams above the last one that our GOAWAY names', () => {
  const leaving = server();
  leaving.connection.goaway(ErrorCode.NO_ERROR);
  timesUntilClosed(leaving, AbuseCost.refusedUnawareStream, (i) => build.headers(idOf(i), request, full));
});

test('oversizedList: for each whole time that the list exceeds the limit, beside the stream that is reset', () => {
  const maxHeaderListBytes = 1_000;
  const used = request.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
  const list = (bytes: number, id: number): Uint8Array =>
    build.headers(id, [...request, ['x', 'y'.repeat(bytes - used - 33)]], full);
  for (const [bytes, times] of [
    [2 * maxHeaderListBytes - 1, 1],
    [2 * maxHeaderListBytes, 2],
  ] as const)
    timesUntilClosed(server({ maxHeaderListBytes }), AbuseCost.ownReset + times * AbuseCost.oversizedList, (i) =>
      list(bytes, idOf(i)),
    );
});

test('lateFrame: RST_STREAM for a stream that is gone, and WINDOW_UPDATE that nothing explains', () => {
  for (const [late, explained] of [
    [build.reset(1, ErrorCode.CANCEL), 0],
    [build.windowUpdate(1, 1), INITIAL_WINDOW_UPDATE_ALLOWANCE + WINDOW_UPDATES_PER_STREAM],
  ] as const) {
    const peer = server();
    peer.connection.sendHeaders(opened(peer, 1), [internField(':status', '200')], 1, true);
    peer.send(build.data(1, '', END_STREAM));
    assert.equal(peer.connection.activeStreams, 0);
    for (let i = 0; i < explained; i++) peer.send(late);
    timesUntilClosed(peer, AbuseCost.lateFrame, () => late);
  }
});

test('frameAfterReset: what the window of the stream that we reset let out is free, the next frame is not', () => {
  const streamWindowBytes = 65_536;
  const frameBytes = 16_384;
  const peer = server({ streamWindowBytes });
  peer.connection.resetStream(opened(peer, 1), ErrorCode.CANCEL);
  const late = build.data(1, Buffer.alloc(frameBytes));
  for (let sent = 0; sent < streamWindowBytes; sent += frameBytes) peer.send(late);
  timesUntilClosed(peer, AbuseCost.frameAfterReset, () => late);
});

test('sliver and SLIVER_BYTES: DATA that the window cut to fewer bytes than a frame has before it', () => {
  for (const [bytes, isCharged] of [
    [SLIVER_BYTES - 1, true],
    [SLIVER_BYTES, false],
  ] as const) {
    const peer = server();
    peer.send(build.settings([[4, 0]]));
    const stream = opened(peer, 1);
    const body = Buffer.alloc(100);
    const times = ABUSE_BUDGET / AbuseCost.sliver;
    // SETTINGS were charged too.
    const before = AbuseCost.settings / AbuseCost.sliver;
    const round = (): void => {
      peer.send(build.windowUpdate(1, bytes));
      assert.equal(peer.connection.sendData(stream, body, 0, body.length, false), bytes);
    };
    for (let i = 0; i < times - before; i++) round();
    peer.send(build.windowUpdate(1, bytes));
    assert.ok(!peer.connection.isClosed, `${bytes} bytes`);
    for (let i = 0; i < 2; i++) peer.connection.sendData(stream, body, 0, body.length, false);
    peer.send(build.windowUpdate(1, bytes));
    assert.equal(peer.connection.isClosed, isCharged, `${bytes} bytes`);
  }
});

test('WINDOW_UPDATES_PER_DATA_FRAME', () => {
  const peer = server();
  const stream = opened(peer, 1);
  const frames = 5;
  for (let i = 0; i < frames; i++) peer.connection.sendData(stream, Buffer.alloc(10), 0, 10, false);
  const explained = WINDOW_UPDATES_PER_STREAM + frames * WINDOW_UPDATES_PER_DATA_FRAME;
  for (let i = 0; i < INITIAL_WINDOW_UPDATE_ALLOWANCE + explained; i++) peer.send(build.windowUpdate(0, 1));
  timesUntilClosed(peer, AbuseCost.needlessWindowUpdate, () => build.windowUpdate(0, 1));
});

test('WINDOW_UPDATES_PER_KIB', () => {
  const peer = server();
  const stream = opened(peer, 1);
  for (const bytes of [1_023, 1_024, 5_000]) peer.connection.sendData(stream, Buffer.alloc(bytes), 0, bytes, false);
  const explained = WINDOW_UPDATES_PER_STREAM + 3 * WINDOW_UPDATES_PER_DATA_FRAME + 5 * WINDOW_UPDATES_PER_KIB;
  for (let i = 0; i < INITIAL_WINDOW_UPDATE_ALLOWANCE + explained; i++) peer.send(build.windowUpdate(0, 1));
  timesUntilClosed(peer, AbuseCost.needlessWindowUpdate, () => build.windowUpdate(0, 1));
});

test('a client that gives credit for each 1,448 bytes it reads, also after the end of a response, costs nothing', () => {
  const peer = server();
  const segment = 1_448;
  const body = Buffer.alloc(65_535 - (65_535 % segment));
  for (let id = 1; id < 2_000; id += 2) {
    const stream = opened(peer, id);
    peer.send(build.data(id, '', END_STREAM));
    peer.connection.sendHeaders(stream, [internField(':status', '200')], 1, false);
    assert.equal(peer.connection.sendData(stream, body, 0, body.length, true), body.length);
    peer.transcript();
    for (let read = 0; read < body.length; read += segment) {
      peer.send(build.windowUpdate(0, segment), build.windowUpdate(id, segment));
    }
  }
  assert.ok(!peer.connection.isClosed);
});

test('MAX_QUEUED_ANSWER_BYTES', () => {
  const peer = server();
  const { connection } = peer;
  const { output } = connection;
  const fill = (bytes: number): void => output.commit(output.reserve(bytes) + bytes);
  while (output.byteLength < MAX_QUEUED_ANSWER_BYTES)
    fill(Math.min(32_768, MAX_QUEUED_ANSWER_BYTES - output.byteLength));
  // A frame that is answered with nothing.
  connection.receive(Buffer.from(build.windowUpdate(0, 1)), 0);
  assert.ok(!connection.isClosed);
  fill(1);
  connection.receive(Buffer.from(build.windowUpdate(0, 1)), 0);
  assert.ok(connection.isClosed);
  assert.ok(peer.calls().includes('limit queued-answer-bytes'));
});

/** What arrives, at the borders of what is allowed: the last value that passes and the first that does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  block,
  build,
  END_HEADERS,
  END_STREAM,
  frame,
  harness,
  request,
  response,
  timesUntilClosed,
  type Harness,
} from '../../test/kit/frame-peer.ts';
import { ErrorCode, internField } from './index.ts';
import { AbuseCost, MAX_TINY_FRAMES_PER_STREAM } from './limits.ts';

const full = END_HEADERS | END_STREAM;
const PRIORITY_FLAG = 0x20;
const PADDED_FLAG = 0x8;
const largestWindow = 2 ** 31 - 1;
const server = (): Harness => harness({ role: 'server' });

function client(method = 'POST', endStream = false) {
  const peer = harness({ role: 'client' });
  const stream = peer.connection.openStream('one') ?? assert.fail('no stream');
  peer.connection.sendHeaders(stream, [internField(':method', method)], 1, endStream);
  peer.transcript();
  return { peer, stream };
}

function opened(peer: Harness, id = 1) {
  peer.send(build.headers(id, request));
  peer.calls();
  return peer.streams.get(id) ?? assert.fail('no stream');
}

/** Why the connection failed; undefined when it did not. */
function failureOf(peer: Harness, ...frames: readonly Uint8Array[]): string | undefined {
  peer.send(...frames);
  return peer.calls().find((call) => call.startsWith('failed '));
}

test('settings: the smallest and largest values pass, those beside them do not', () => {
  const rows = [
    ['server', 2, 0, undefined],
    ['server', 2, 1, undefined],
    ['server', 2, 2, 'PROTOCOL_ERROR: bad SETTINGS_ENABLE_PUSH'],
    ['client', 2, 0, undefined],
    ['client', 2, 1, 'PROTOCOL_ERROR: bad SETTINGS_ENABLE_PUSH'],
    ['server', 4, largestWindow, undefined],
    ['server', 4, largestWindow + 1, 'FLOW_CONTROL_ERROR: bad SETTINGS_INITIAL_WINDOW_SIZE'],
    ['server', 5, 16_383, 'PROTOCOL_ERROR: bad SETTINGS_MAX_FRAME_SIZE'],
    ['server', 5, 16_384, undefined],
    ['server', 5, 2 ** 24 - 1, undefined],
    ['server', 5, 2 ** 24, 'PROTOCOL_ERROR: bad SETTINGS_MAX_FRAME_SIZE'],
  ] as const;
  for (const [role, id, value, expected] of rows) {
    const failure = failureOf(harness({ role }), build.settings([[id, value]]));
    assert.equal(failure, expected === undefined ? undefined : `failed ${expected}`, `${role} ${id} ${value}`);
  }
});

test('a send window may be 2^31 - 1 and no larger, by WINDOW_UPDATE and by SETTINGS', () => {
  const rest = largestWindow - 65_535;
  const stream = server();
  opened(stream);
  assert.deepEqual(stream.send(build.windowUpdate(1, rest)), []);
  assert.deepEqual(stream.send(build.windowUpdate(1, 1)), ['RST_STREAM 1 FLOW_CONTROL_ERROR']);
  const connection = server();
  assert.equal(failureOf(connection, build.windowUpdate(0, rest)), undefined);
  assert.match(failureOf(connection, build.windowUpdate(0, 1)) ?? '', /FLOW_CONTROL_ERROR: connection window above/);
  const settings = server();
  opened(settings);
  settings.send(build.windowUpdate(1, rest - 1));
  assert.equal(failureOf(settings, build.settings([[4, 65_536]])), undefined);
  assert.match(failureOf(settings, build.settings([[4, 65_537]])) ?? '', /^failed FLOW_CONTROL_ERROR/);
});

/** A stream that had more to send than its window let out. */
function waiting(peer: Harness, windowBytes: number) {
  peer.send(build.settings([[4, windowBytes]]));
  const stream = opened(peer);
  const body = Buffer.alloc(100_000);
  assert.equal(peer.connection.sendData(stream, body, 0, body.length, false), windowBytes);
  peer.calls();
  return stream;
}

const windows = (peer: Harness): string[] => peer.calls().filter((call) => call.startsWith('window'));

test('who waits for a window hears of it once, when there is some', () => {
  const peer = server();
  const stream = waiting(peer, 100);
  peer.send(build.windowUpdate(1, 10));
  assert.deepEqual(windows(peer), ['window 1']);
  peer.send(build.windowUpdate(1, 10));
  assert.deepEqual(windows(peer), [], 'it does not wait now');
  peer.connection.sendData(stream, Buffer.alloc(30), 0, 30, false);
  // Smaller: the window goes below zero; larger again: nothing but zero; then one byte.
  for (const [size, expected] of [
    [50, []],
    [100, []],
    [101, ['window 1']],
    [102, []],
  ] as const) {
    peer.send(build.settings([[4, size]]));
    assert.deepEqual(windows(peer), expected, `${size}`);
  }
});

test('who waits for the connection’s window hears of it once, when there is some', () => {
  const peer = server();
  peer.send(build.settings([[4, 200_000]]));
  const stream = opened(peer);
  peer.send(build.windowUpdate(0, 10));
  assert.deepEqual(windows(peer), [], 'nobody waits');
  const body = Buffer.alloc(100_000);
  assert.equal(peer.connection.sendData(stream, body, 0, body.length, false), 65_545);
  peer.send(build.windowUpdate(0, 5));
  assert.deepEqual(windows(peer), ['window connection']);
  peer.send(build.windowUpdate(0, 5));
  assert.deepEqual(windows(peer), []);
});

test('streams opened before our SETTINGS were acknowledged have our window from then on', () => {
  const peer = harness({
    role: 'server',
    raw: true,
    limits: { streamWindowBytes: 70_000 },
    handler: { onData: () => {} },
  });
  peer.send(build.preface, build.settings(), build.headers(1, request), build.settingsAck);
  const part = Buffer.alloc(10_000);
  for (let sent = 0; sent < 70_000; sent += part.length) assert.deepEqual(peer.send(build.data(1, part)), []);
  assert.deepEqual(peer.send(build.data(1, 'x')), ['RST_STREAM 1 FLOW_CONTROL_ERROR']);
});

test('a server’s resets cost it nothing, and one it refused with is told apart from one after its head', () => {
  const many = harness({ role: 'client' });
  for (let i = 0; i < 2_000; i++) {
    const stream = many.connection.openStream('one') ?? assert.fail('no stream');
    many.connection.sendHeaders(stream, [internField(':method', 'POST')], 1, false);
    many.send(build.reset(stream.id, ErrorCode.CANCEL));
  }
  assert.ok(!many.connection.isClosed);
  const refused = client().peer;
  refused.send(build.reset(1, ErrorCode.REFUSED_STREAM));
  assert.deepEqual(refused.calls(), ['refused 1', 'closed 1']);
  const late = client().peer;
  late.send(build.headers(1, response), build.reset(1, ErrorCode.REFUSED_STREAM));
  assert.deepEqual(late.calls().slice(1), ['reset 1 REFUSED_STREAM by peer', 'closed 1']);
  const other = client().peer;
  other.send(build.reset(1, ErrorCode.CANCEL));
  assert.deepEqual(other.calls(), ['reset 1 CANCEL by peer', 'closed 1']);
});

test('frames for streams that never were end the connection, for jumped-over ids too; for ended ones they do not', () => {
  const late: readonly ((id: number) => Uint8Array)[] = [
    (id) => build.windowUpdate(id, 1),
    (id) => build.reset(id, ErrorCode.CANCEL),
    (id) => build.priority(id, id),
  ];
  for (const make of late) {
    for (const [id, fails] of [
      [1, true],
      [3, false],
      [5, true],
    ] as const) {
      const peer = server();
      const stream = opened(peer, 3);
      peer.connection.sendHeaders(stream, [internField(':status', '200')], 1, true);
      peer.send(build.data(3, '', END_STREAM));
      peer.calls();
      assert.equal(failureOf(peer, make(id)) !== undefined, fails, `${make(id)[3]} on ${id}`);
    }
  }
});

test('a PRIORITY of the wrong length, or on itself, resets a live stream', () => {
  for (const bad of [frame(2, 0, 1, Buffer.alloc(4)), build.priority(1, 1)]) {
    const peer = server();
    opened(peer);
    const code = bad.length === 13 ? 'FRAME_SIZE_ERROR' : 'PROTOCOL_ERROR';
    assert.deepEqual(peer.send(bad), [`RST_STREAM 1 ${code}`]);
    assert.deepEqual(peer.calls(), [`reset 1 ${code} by us`, 'closed 1']);
  }
});

test('one acknowledgement for each PING of ours is expected; the next one is stray', () => {
  const peer = server();
  peer.connection.ping();
  peer.connection.ping();
  const [first] = peer.transcript();
  const payload = JSON.parse((first ?? '').slice('PING '.length)) as string;
  for (let i = 0; i < 2; i++) peer.send(build.ping(payload, 1));
  timesUntilClosed(peer, AbuseCost.strayAcknowledgement, () => build.ping(payload, 1));
});

test('content-length is the sum of DATA, whatever it is cut into', () => {
  const head = (length: number): Uint8Array => build.headers(1, [...request, ['content-length', `${length}`]]);
  const rows: readonly (readonly [readonly Uint8Array[], boolean])[] = [
    [[head(4), build.data(1, 'ab'), build.data(1, 'cd', END_STREAM)], true],
    [[head(4), build.data(1, 'abcd'), build.data(1, '', END_STREAM)], true],
    [[head(4), build.data(1, 'abc', END_STREAM)], false],
    [[head(4), build.data(1, 'abc'), build.data(1, '', END_STREAM)], false],
    [[head(4), build.data(1, 'abcde')], false],
    [[head(4), build.data(1, 'abcd'), build.data(1, 'e')], false],
    [[build.headers(1, [...request, ['content-length', '0']], full)], true],
    [[build.headers(1, [...request, ['content-length', '1']], full)], false],
  ];
  for (const [frames, isGood] of rows) {
    const answers = server()
      .send(...frames)
      .filter((line) => line.startsWith('RST_STREAM'));
    assert.deepEqual(answers, isGood ? [] : ['RST_STREAM 1 PROTOCOL_ERROR']);
  }
});

test('each whole frame forgives one tiny one', () => {
  const windowsLimits = { streamWindowBytes: 2 ** 20, connectionWindowBytes: 2 ** 20 };
  const peer = harness({ role: 'server', limits: { ...windowsLimits, tinyDataCost: 0 } });
  opened(peer);
  const tiny = build.data(1, 'x');
  for (let i = 0; i < MAX_TINY_FRAMES_PER_STREAM; i++) peer.send(tiny);
  peer.send(build.data(1, 'whole'));
  assert.deepEqual(peer.send(tiny), []);
  assert.deepEqual(peer.send(tiny), ['RST_STREAM 1 ENHANCE_YOUR_CALM']);
  const calm = harness({ role: 'server', limits: { ...windowsLimits, tinyDataCost: 0 } });
  opened(calm);
  // Nothing is saved up by whole frames.
  for (let i = 0; i < 100; i++) calm.send(build.data(1, 'whole'));
  for (let i = 0; i < MAX_TINY_FRAMES_PER_STREAM; i++) assert.deepEqual(calm.send(tiny), []);
  assert.deepEqual(calm.send(tiny), ['RST_STREAM 1 ENHANCE_YOUR_CALM']);
});

test('HEADERS that are too short for what their flags say', () => {
  const padded = frame(1, END_HEADERS | PADDED_FLAG, 1);
  assert.match(failureOf(server(), padded) ?? '', /FRAME_SIZE_ERROR: padded HEADERS without a pad length/);
  const weight = Buffer.of(0, 0, 0, 0, 15);
  const short = frame(1, END_HEADERS | PRIORITY_FLAG, 1, weight.subarray(0, 4));
  assert.match(failureOf(server(), short) ?? '', /FRAME_SIZE_ERROR: HEADERS too short/);
  const exact = server();
  exact.send(frame(1, PRIORITY_FLAG, 1, weight), build.continuation(1, block(request)));
  assert.deepEqual([exact.connection.isClosed, exact.connection.activeStreams], [false, 1]);
  const tooPadded = frame(1, END_HEADERS | PADDED_FLAG, 1, Buffer.of(2, 0));
  assert.match(failureOf(server(), tooPadded) ?? '', /PROTOCOL_ERROR: padding longer than its HEADERS frame/);
});

test('trailers that depend on themselves reset the stream; good ones complete it', () => {
  const self = Buffer.concat([Buffer.of(0, 0, 0, 1, 15), block([['x', 'y']])]);
  const bad = server();
  opened(bad);
  assert.deepEqual(bad.send(frame(1, full | PRIORITY_FLAG, 1, self)), ['RST_STREAM 1 PROTOCOL_ERROR']);
  const good = server();
  good.connection.sendHeaders(opened(good), [internField(':status', '200')], 1, true);
  good.send(build.headers(1, [['x', 'y']], full));
  assert.deepEqual(good.calls(), ['trailers 1 x=y', 'closed 1']);
  assert.equal(good.connection.activeStreams, 0);
});

test('a head above the limits is answered in the words of its client', () => {
  const many = Array.from({ length: 101 }, (_, i): [string, string] => [`x-${i}`, 'v']);
  const answerTo = (...fields: readonly [string, string][]): string =>
    server().send(build.headers(1, [...request, ...fields, ...many], full))[0] ?? '';
  assert.equal(answerTo(), 'HEADERS 1 :status=431 END_STREAM');
  assert.equal(answerTo(['content-type', 'text/plain']), 'HEADERS 1 :status=431 END_STREAM');
  assert.match(answerTo(['content-type', 'application/grpc+proto']), /:status=200 .*grpc-status=8 .*END_STREAM/);
});

test('the response to HEAD has a length and no content; to POST it must have both', () => {
  const head = build.headers(1, [...response, ['content-length', '5']], full);
  assert.deepEqual(client('HEAD', true).peer.send(head), []);
  assert.deepEqual(client('POST', true).peer.send(head), ['RST_STREAM 1 PROTOCOL_ERROR']);
  assert.deepEqual(client('HEADS', true).peer.send(head), ['RST_STREAM 1 PROTOCOL_ERROR']);
});

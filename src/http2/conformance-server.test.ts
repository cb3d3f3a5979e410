/**
 * The cases of h2spec (RFC 7540/7541) that a server must pass, as bytes in and bytes out; ids are h2spec's.
 *
 * Stricter than h2spec, which also accepts a closed connection: the very frame is expected.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  block,
  build,
  END_HEADERS,
  END_STREAM,
  frame,
  harness,
  PADDED,
  PRIORITY,
  request,
  type Harness,
} from '../../test/kit/frame-peer.ts';
import { naiveHuffmanEncode, naiveInteger, naiveLiteral, naiveString } from '../../test/kit/naive-hpack.ts';
import { ErrorCode, internField } from './index.ts';

interface Case {
  readonly id: string;
  readonly frames: readonly Uint8Array[];
  /** Lines that the answer must be, exactly. */
  readonly answer: readonly string[];
  /** Calls that the handler must hear, in order; other calls are not looked at. */
  readonly calls?: readonly string[];
}

const full = END_HEADERS | END_STREAM;
const path = '/asset.AssetService/GetAsset';
const requestText = `:method=POST :scheme=http :path=${path} :authority=api.example.com`;
const open = build.headers(1, request);
const ended = build.headers(1, request, full);
const goaway = (lastId: number, code: string): string => `GOAWAY ${lastId} ${code}`;
const large = Buffer.alloc(16_385);
const firstHalf = block(request).subarray(0, 20);
const rest = block(request).subarray(20);
const dependent = Buffer.concat([Buffer.of(0x80, 0, 0, 0, 255), block(request)]);
const withField = (...extra: (readonly [string, string])[]): Buffer => build.headers(1, [...request, ...extra], full);
const without = (name: string): Buffer =>
  build.headers(
    1,
    request.filter(([key]) => key !== name),
    full,
  );
const replaced = (name: string, value: string): Buffer =>
  build.headers(
    1,
    request.map(([key, old]) => [key, key === name ? value : old] as const),
    full,
  );
const hpack = (...bytes: Uint8Array[]): Buffer => build.headerBlock(1, Buffer.concat([block(request), ...bytes]), full);
const accepted = (
  id: string,
  frames: readonly Uint8Array[],
  calls: readonly string[],
  answer: string[] = [],
): Case => ({
  id,
  frames,
  answer,
  calls,
});
const malformed = (id: string, headers: Buffer): Case => ({
  id,
  frames: [headers],
  answer: ['RST_STREAM 1 PROTOCOL_ERROR'],
});
const fails = (id: string, frames: readonly Uint8Array[], lastId: number, code: string): Case => ({
  id,
  frames,
  answer: [goaway(lastId, code)],
});
const withExtra = [`headers 1 ${requestText} x-test=value end`];
const extra = (id: string, ...bytes: Uint8Array[]): Case => accepted(id, [hpack(...bytes)], withExtra);

const cases: readonly Case[] = [
  accepted('generic/2/1', [build.priority(1, 0), ended], [`headers 1 ${requestText} end`]),
  accepted('generic/2/2', [ended, build.windowUpdate(1, 100)], []),
  accepted('generic/2/3', [ended, build.priority(1, 0)], []),
  accepted('generic/2/4', [ended, build.reset(1, 8)], ['reset 1 CANCEL by peer', 'closed 1']),
  accepted('generic/2/5', [ended, build.reset(1, 8), build.priority(1, 0)], []),
  accepted('generic/3.1/1', [open, build.data(1, 'test', END_STREAM)], ['data 1 4 end']),
  accepted(
    'generic/3.1/2',
    [open, build.data(1, 'test-1'), build.data(1, 'test-2', END_STREAM)],
    ['data 1 6', 'data 1 6 end'],
  ),
  accepted('generic/3.1/3', [open, build.paddedData(1, 'test', 10, END_STREAM)], ['data 1 4 end']),
  accepted('generic/3.2/1', [ended], [`headers 1 ${requestText} end`]),
  accepted(
    'generic/3.2/2',
    [build.headerBlock(1, Buffer.concat([Buffer.of(4), block(request), Buffer.alloc(4)]), full | PADDED)],
    [`headers 1 ${requestText} end`],
  ),
  accepted(
    'generic/3.2/3',
    [build.headerBlock(1, Buffer.concat([Buffer.of(0, 0, 0, 0, 255), block(request)]), full | PRIORITY)],
    [`headers 1 ${requestText} end`],
  ),
  accepted('generic/3.3/1', [build.priority(1, 0, 0), ended], [`headers 1 ${requestText} end`]),
  accepted('generic/3.3/2', [build.priority(1, 0, 255), ended], [`headers 1 ${requestText} end`]),
  accepted('generic/3.3/3', [build.priority(1, 3), ended], [`headers 1 ${requestText} end`]),
  accepted('generic/3.3/4', [build.priority(1, 0x8000_0003), ended], [`headers 1 ${requestText} end`]),
  accepted('generic/3.3/5', [build.priority(3, 0), ended], [`headers 1 ${requestText} end`]),
  accepted('generic/3.4/1', [open, build.reset(1, 8)], ['reset 1 CANCEL by peer', 'closed 1']),
  accepted('generic/3.5/1', [build.settings([[3, 100]])], ['settings'], ['SETTINGS ACK']),
  accepted('generic/3.7/1', [build.ping('h2spec\0\0')], ['ping'], ['PING ACK "h2spec\\u0000\\u0000"']),
  accepted('generic/3.8/1', [build.goaway(0, 0)], ['goaway 0 NO_ERROR ']),
  accepted('generic/3.9/1', [build.windowUpdate(0, 1)], []),
  accepted('generic/3.9/2', [open, build.windowUpdate(1, 1)], []),
  accepted(
    'generic/3.10/1',
    [build.headerBlock(1, firstHalf, END_STREAM), build.continuation(1, rest)],
    [`headers 1 ${requestText} end`],
  ),
  accepted(
    'generic/3.10/2',
    [
      build.headerBlock(1, firstHalf, END_STREAM),
      build.continuation(1, rest.subarray(0, 5), 0),
      build.continuation(1, rest.subarray(5)),
    ],
    [`headers 1 ${requestText} end`],
  ),
  extra('generic/5/1', naiveLiteral('x-test', 'value', 0x40)),
  accepted(
    'generic/5/2',
    [hpack(Buffer.of(0x40 | 58), naiveString('agent'))],
    [`headers 1 ${requestText} user-agent=agent end`],
  ),
  accepted(
    'generic/5/3',
    [hpack(Buffer.of(0x40 | 58), naiveString('agent', true))],
    [`headers 1 ${requestText} user-agent=agent end`],
  ),
  extra('generic/5/4', naiveLiteral('x-test', 'value', 0x40)),
  extra('generic/5/5', naiveLiteral('x-test', 'value', 0x40, true)),
  accepted(
    'generic/5/6',
    [hpack(naiveInteger(58, 4, 0x00), naiveString('agent'))],
    [`headers 1 ${requestText} user-agent=agent end`],
  ),
  accepted(
    'generic/5/7',
    [hpack(naiveInteger(58, 4, 0x00), naiveString('agent', true))],
    [`headers 1 ${requestText} user-agent=agent end`],
  ),
  extra('generic/5/8', naiveLiteral('x-test', 'value', 0x00)),
  extra('generic/5/9', naiveLiteral('x-test', 'value', 0x00, true)),
  accepted(
    'generic/5/10',
    [hpack(naiveInteger(58, 4, 0x10), naiveString('agent'))],
    [`headers 1 ${requestText} user-agent=agent end`],
  ),
  accepted(
    'generic/5/11',
    [hpack(naiveInteger(58, 4, 0x10), naiveString('agent', true))],
    [`headers 1 ${requestText} user-agent=agent end`],
  ),
  extra('generic/5/12', naiveLiteral('x-test', 'value', 0x10)),
  extra('generic/5/13', naiveLiteral('x-test', 'value', 0x10, true)),
  accepted(
    'generic/5/14',
    [build.headerBlock(1, Buffer.concat([Buffer.of(0x20), block(request)]), full)],
    [`headers 1 ${requestText} end`],
  ),
  accepted(
    'generic/5/15',
    [build.headerBlock(1, Buffer.concat([Buffer.of(0x20), naiveInteger(4096, 5, 0x20), block(request)]), full)],
    [`headers 1 ${requestText} end`],
  ),
  accepted('http2/4.1/1', [frame(0x16, 0, 0, Buffer.alloc(8)), build.ping()], ['ping'], ['PING ACK "pingpong"']),
  accepted('http2/4.1/2', [build.ping('pingpong', 0xf0 & ~1)], ['ping'], ['PING ACK "pingpong"']),
  accepted('http2/4.1/3', [frame(6, 0, 0x8000_0000, Buffer.from('pingpong'))], ['ping'], ['PING ACK "pingpong"']),
  accepted('http2/4.2/1', [open, build.data(1, large.subarray(1), END_STREAM)], ['data 1 16384 end']),
  fails('http2/4.2/2', [open, build.data(1, large, END_STREAM)], 1, 'FRAME_SIZE_ERROR'),
  fails('http2/4.2/3', [build.headerBlock(1, large, full)], 0, 'FRAME_SIZE_ERROR'),
  fails(
    'http2/4.3/1',
    [build.headerBlock(1, naiveString('bad').subarray(0, 2).fill(0x40), full)],
    0,
    'COMPRESSION_ERROR',
  ),
  fails('http2/4.3/2', [build.headers(1, request, END_STREAM), build.priority(1, 0)], 0, 'PROTOCOL_ERROR'),
  fails('http2/4.3/3', [build.headers(1, request, END_STREAM), build.headers(3, request)], 0, 'PROTOCOL_ERROR'),
  fails('http2/5.1/1', [build.data(1, 'test', END_STREAM)], 0, 'PROTOCOL_ERROR'),
  fails('http2/5.1/2', [build.reset(1, 8)], 0, 'PROTOCOL_ERROR'),
  fails('http2/5.1/3', [build.windowUpdate(1, 100)], 0, 'PROTOCOL_ERROR'),
  fails('http2/5.1/4', [build.continuation(1, block(request))], 0, 'PROTOCOL_ERROR'),
  { id: 'http2/5.1/5', frames: [ended, build.data(1, 'test', END_STREAM)], answer: ['RST_STREAM 1 STREAM_CLOSED'] },
  { id: 'http2/5.1/6', frames: [ended, ended], answer: ['RST_STREAM 1 STREAM_CLOSED'] },
  fails('http2/5.1/7', [ended, build.continuation(1, block(request))], 1, 'PROTOCOL_ERROR'),
  { id: 'http2/5.1/8', frames: [open, build.reset(1, 8), build.data(1, 'x')], answer: ['RST_STREAM 1 STREAM_CLOSED'] },
  { id: 'http2/5.1/9', frames: [open, build.reset(1, 8), ended], answer: ['RST_STREAM 1 STREAM_CLOSED'] },
  fails('http2/5.1/10', [open, build.reset(1, 8), build.continuation(1, block(request))], 1, 'PROTOCOL_ERROR'),
  fails('http2/5.1.1/1', [build.headers(2, request, full)], 0, 'PROTOCOL_ERROR'),
  fails('http2/5.1.1/2', [build.headers(5, request, full), build.headers(3, request, full)], 5, 'PROTOCOL_ERROR'),
  {
    id: 'http2/5.3.1/1',
    frames: [build.headerBlock(1, Buffer.concat([Buffer.of(0, 0, 0, 1, 255), block(request)]), full | PRIORITY)],
    answer: ['RST_STREAM 1 PROTOCOL_ERROR'],
  },
  { id: 'http2/5.3.1/2', frames: [open, build.priority(1, 1)], answer: ['RST_STREAM 1 PROTOCOL_ERROR'] },
  fails('http2/5.4.1/1 and /2', [frame(6, 0, 0, Buffer.alloc(6))], 0, 'FRAME_SIZE_ERROR'),
  accepted('http2/5.5/1', [frame(0xff, 0, 7, Buffer.alloc(8)), build.ping()], ['ping'], ['PING ACK "pingpong"']),
  fails(
    'http2/5.5/2',
    [build.headers(1, request, END_STREAM), frame(0xff, 0, 0, Buffer.alloc(8))],
    0,
    'PROTOCOL_ERROR',
  ),
  fails('http2/6.1/1', [frame(0, 0, 0, Buffer.from('test'))], 0, 'PROTOCOL_ERROR'),
  { id: 'http2/6.1/2', frames: [ended, build.data(1, 'test')], answer: ['RST_STREAM 1 STREAM_CLOSED'] },
  fails('http2/6.1/3', [open, frame(0, full | PADDED, 1, Buffer.from([6, 1, 2, 3, 4, 5]))], 1, 'PROTOCOL_ERROR'),
  fails('http2/6.2/1', [build.headers(1, request, 0), build.priority(1, 0)], 0, 'PROTOCOL_ERROR'),
  fails('http2/6.2/2', [build.headers(1, request, 0), build.headers(3, request)], 0, 'PROTOCOL_ERROR'),
  fails('http2/6.2/3', [build.headers(0, request)], 0, 'PROTOCOL_ERROR'),
  fails('http2/6.2/4', [build.headerBlock(1, Buffer.from([200, 0x82]), full | PADDED)], 0, 'PROTOCOL_ERROR'),
  fails('http2/6.3/1', [build.priority(0, 1)], 0, 'PROTOCOL_ERROR'),
  { id: 'http2/6.3/2', frames: [open, frame(2, 0, 1, Buffer.alloc(4))], answer: ['RST_STREAM 1 FRAME_SIZE_ERROR'] },
  fails('http2/6.4/1', [build.reset(0, 8)], 0, 'PROTOCOL_ERROR'),
  fails('http2/6.4/2', [build.reset(1, 8)], 0, 'PROTOCOL_ERROR'),
  fails('http2/6.4/3', [open, frame(3, 0, 1, Buffer.alloc(3))], 1, 'FRAME_SIZE_ERROR'),
  fails('http2/6.5/1', [frame(4, 1, 0, Buffer.alloc(1))], 0, 'FRAME_SIZE_ERROR'),
  fails('http2/6.5/2', [frame(4, 0, 1, Buffer.alloc(6))], 0, 'PROTOCOL_ERROR'),
  fails('http2/6.5/3', [frame(4, 0, 0, Buffer.alloc(3))], 0, 'FRAME_SIZE_ERROR'),
  fails('http2/6.5.2/1', [build.settings([[2, 2]])], 0, 'PROTOCOL_ERROR'),
  fails('http2/6.5.2/2', [build.settings([[4, 2 ** 31]])], 0, 'FLOW_CONTROL_ERROR'),
  fails('http2/6.5.2/3', [build.settings([[5, 16_383]])], 0, 'PROTOCOL_ERROR'),
  fails('http2/6.5.2/4', [build.settings([[5, 2 ** 24]])], 0, 'PROTOCOL_ERROR'),
  accepted(
    'http2/6.5.2/5',
    [build.settings([[0xff, 1]]), build.ping()],
    ['ping'],
    ['SETTINGS ACK', 'PING ACK "pingpong"'],
  ),
  accepted('http2/6.5.3/2', [build.settings()], ['settings'], ['SETTINGS ACK']),
  accepted('http2/6.7/1', [build.ping('h2spec12')], ['ping'], ['PING ACK "h2spec12"']),
  accepted(
    'http2/6.7/2',
    [build.ping('invalid1', 1), build.ping('h2spec12')],
    ['ping ack', 'ping'],
    ['PING ACK "h2spec12"'],
  ),
  fails('http2/6.7/3', [frame(6, 0, 1, Buffer.alloc(8))], 0, 'PROTOCOL_ERROR'),
  fails('http2/6.7/4', [frame(6, 0, 0, Buffer.alloc(6))], 0, 'FRAME_SIZE_ERROR'),
  fails('http2/6.8/1', [frame(7, 0, 1, Buffer.alloc(8))], 0, 'PROTOCOL_ERROR'),
  fails('http2/6.9/1', [build.windowUpdate(0, 0)], 0, 'PROTOCOL_ERROR'),
  { id: 'http2/6.9/2', frames: [open, build.windowUpdate(1, 0)], answer: ['RST_STREAM 1 PROTOCOL_ERROR'] },
  fails('http2/6.9/3', [frame(8, 0, 0, Buffer.alloc(3))], 0, 'FRAME_SIZE_ERROR'),
  fails(
    'http2/6.9.1/2',
    [build.windowUpdate(0, 2 ** 31 - 1), build.windowUpdate(0, 2 ** 31 - 1)],
    0,
    'FLOW_CONTROL_ERROR',
  ),
  {
    id: 'http2/6.9.1/3',
    frames: [open, build.windowUpdate(1, 2 ** 31 - 1)],
    answer: ['RST_STREAM 1 FLOW_CONTROL_ERROR'],
  },
  fails('http2/6.9.2/3', [build.settings([[4, 2 ** 31]])], 0, 'FLOW_CONTROL_ERROR'),
  accepted(
    'http2/6.10/1',
    [
      build.headerBlock(1, firstHalf, END_STREAM),
      build.continuation(1, rest.subarray(0, 3), 0),
      build.continuation(1, rest.subarray(3)),
    ],
    [`headers 1 ${requestText} end`],
  ),
  fails(
    'http2/6.10/2',
    [build.headerBlock(1, firstHalf, 0), build.continuation(1, rest, 0), build.data(1, 'x')],
    0,
    'PROTOCOL_ERROR',
  ),
  fails('http2/6.10/3', [build.headerBlock(1, firstHalf, 0), build.continuation(0, rest)], 0, 'PROTOCOL_ERROR'),
  fails('http2/6.10/4', [open, build.continuation(1, rest)], 1, 'PROTOCOL_ERROR'),
  fails(
    'http2/6.10/5',
    [build.headerBlock(1, firstHalf, 0), build.continuation(1, rest), build.continuation(1, rest)],
    1,
    'PROTOCOL_ERROR',
  ),
  fails('http2/6.10/6', [open, build.data(1, 'test'), build.continuation(1, rest)], 1, 'PROTOCOL_ERROR'),
  accepted('http2/7/1', [build.goaway(0, 0xff), build.ping()], ['goaway 0 255 ', 'ping'], ['PING ACK "pingpong"']),
  accepted('http2/7/2', [open, build.reset(1, 0xff)], ['reset 1 255 by peer', 'closed 1']),
  {
    id: 'http2/8.1/1',
    frames: [open, build.headers(1, [['x-trailer', 'a']])],
    answer: ['RST_STREAM 1 PROTOCOL_ERROR'],
    calls: ['reset 1 PROTOCOL_ERROR by us', 'closed 1'],
  },
  malformed('http2/8.1.2/1', withField(['X-TEST', 'ok'])),
  malformed('http2/8.1.2.1/1', withField([':test', 'ok'])),
  malformed('http2/8.1.2.1/2', withField([':status', '200'])),
  {
    id: 'http2/8.1.2.1/3',
    frames: [open, build.headers(1, [[':method', 'POST']], full)],
    answer: ['RST_STREAM 1 PROTOCOL_ERROR'],
  },
  malformed('http2/8.1.2.1/4', build.headers(1, [['x-test', 'ok'], ...request], full)),
  malformed('http2/8.1.2.2/1', withField(['connection', 'keep-alive'])),
  malformed('http2/8.1.2.2/2', withField(['te', 'trailers, deflate'])),
  malformed('http2/8.1.2.3/1', replaced(':path', '')),
  malformed('http2/8.1.2.3/2', without(':method')),
  malformed('http2/8.1.2.3/3', without(':scheme')),
  malformed('http2/8.1.2.3/4', without(':path')),
  malformed('http2/8.1.2.3/5', build.headers(1, [[':method', 'POST'], ...request], full)),
  malformed('http2/8.1.2.3/6', build.headers(1, [[':scheme', 'http'], ...request], full)),
  malformed('http2/8.1.2.3/7', build.headers(1, [[':path', '/'], ...request], full)),
  {
    id: 'http2/8.1.2.6/1',
    frames: [build.headers(1, [...request, ['content-length', '1']]), build.data(1, 'test', END_STREAM)],
    answer: ['RST_STREAM 1 PROTOCOL_ERROR'],
  },
  {
    id: 'http2/8.1.2.6/2',
    frames: [
      build.headers(1, [...request, ['content-length', '1']]),
      build.data(1, 'test'),
      build.data(1, 'test', END_STREAM),
    ],
    answer: ['RST_STREAM 1 PROTOCOL_ERROR'],
  },
  fails(
    'http2/8.2/1',
    [open, frame(5, END_HEADERS, 1, Buffer.concat([Buffer.of(0, 0, 0, 2), block(request)]))],
    1,
    'PROTOCOL_ERROR',
  ),
  fails('hpack/2.3.3/1', [hpack(Buffer.of(0xff, 0x00))], 0, 'COMPRESSION_ERROR'),
  fails('hpack/2.3.3/2', [hpack(Buffer.of(0x7f, 0x00), naiveString('empty'))], 0, 'COMPRESSION_ERROR'),
  fails('hpack/4.2/1', [hpack(Buffer.of(0x21))], 0, 'COMPRESSION_ERROR'),
  fails('hpack/5.2/1', [hpack(Buffer.of(0x00, 0x01, 0x61), Buffer.of(0x82, 0x1f, 0xff))], 0, 'COMPRESSION_ERROR'),
  fails('hpack/5.2/2', [hpack(Buffer.of(0x00, 0x01, 0x61), Buffer.of(0x81, 0x18))], 0, 'COMPRESSION_ERROR'),
  fails(
    'hpack/5.2/3',
    [hpack(Buffer.of(0x00, 0x01, 0x61), Buffer.of(0x84, 0xff, 0xff, 0xff, 0xff))],
    0,
    'COMPRESSION_ERROR',
  ),
  fails('hpack/6.1/1', [hpack(Buffer.of(0x80))], 0, 'COMPRESSION_ERROR'),
  fails(
    'hpack/6.3/1',
    [build.headerBlock(1, Buffer.concat([naiveInteger(4097, 5, 0x20), block(request)]), full)],
    0,
    'COMPRESSION_ERROR',
  ),
];

function includesInOrder(calls: readonly string[], expected: readonly string[]): boolean {
  let from = 0;
  for (const call of expected) {
    const at = calls.indexOf(call, from);
    if (at < 0) return false;
    from = at + 1;
  }
  return true;
}

function expectCase(server: Harness, { id, frames, answer, calls }: Case): void {
  const answers = server.send(...frames);
  assert.deepEqual(answers, answer, id);
  const heard = server.calls();
  assert.ok(includesInOrder(heard, calls ?? []), `${id}: ${heard.join(' | ')}`);
  const isGoaway = answer.some((line) => line.startsWith('GOAWAY'));
  assert.equal(server.connection.isClosed, isGoaway, id);
}

for (const row of cases) {
  test(`h2spec ${row.id}`, () => {
    expectCase(harness({ role: 'server' }), row);
  });
  test(`h2spec ${row.id}, byte by byte`, () => {
    const bytes = Array.from(Buffer.concat(row.frames), (byte) => Uint8Array.of(byte));
    const server = harness({ role: 'server' });
    const answers = server.send(...bytes);
    assert.deepEqual(answers, row.answer);
  });
}

test('h2spec http2/3.5: the server speaks first, and an invalid preface ends the connection', () => {
  const server = harness({ role: 'server', raw: true });
  assert.deepEqual(server.transcript(), ['SETTINGS', 'WINDOW_UPDATE 0 983041']);
  assert.deepEqual(server.send(Buffer.from('INVALID CONNECTION PREFACE\r\n\r\n')), ['GOAWAY 0 PROTOCOL_ERROR']);
  assert.deepEqual(server.send(build.settings()), []);
});

test('the first frame after the preface must be SETTINGS', () => {
  const server = harness({ role: 'server', raw: true });
  server.transcript();
  assert.deepEqual(server.send(build.preface, build.ping()), ['GOAWAY 0 PROTOCOL_ERROR']);
});

test('h2spec http2/5.1/11 to 13: frames after both sides ended', () => {
  for (const [late, code] of [
    [build.data(1, 'test'), 'STREAM_CLOSED'],
    [ended, 'STREAM_CLOSED'],
    [build.continuation(1, rest), 'PROTOCOL_ERROR'],
  ] as const) {
    const server = harness({ role: 'server' });
    server.send(ended);
    const stream = server.streams.get(1);
    assert.ok(stream);
    server.connection.sendHeaders(stream, [internField(':status', '200')], 1, true);
    assert.deepEqual(server.transcript(), ['HEADERS 1 :status=200 END_STREAM']);
    assert.deepEqual(server.send(late), [goaway(1, code)]);
  }
});

test('h2spec http2/5.1.2/1: a stream beyond the limit is refused', () => {
  const server = harness({ role: 'server', limits: { maxConcurrentStreams: 2 } });
  const answers = server.send(build.headers(1, request), build.headers(3, request), build.headers(5, request));
  assert.deepEqual(answers, ['RST_STREAM 5 REFUSED_STREAM']);
  assert.deepEqual(server.send(build.reset(1, ErrorCode.CANCEL), build.headers(7, request)), []);
  assert.equal(server.connection.activeStreams, 2);
});

test('h2spec http2/6.9.1/1, 6.9.2 and 6.5.3/1: windows bound what is sent, also changed and negative ones', () => {
  const server = harness({ role: 'server' });
  server.send(
    build.settings([
      [4, 100],
      [4, 1],
    ]),
    open,
  );
  const stream = server.streams.get(1);
  assert.ok(stream);
  const body = Buffer.from('abcdef');
  assert.equal(server.connection.sendData(stream, body, 0, 6, true), 1);
  assert.deepEqual(server.transcript(), ['DATA 1 "a"']);
  server.calls();
  server.send(build.settings([[4, 0]]), build.windowUpdate(1, 1));
  assert.equal(stream.sendWindow, 0);
  assert.deepEqual(server.calls(), ['settings']);
  assert.equal(server.connection.sendData(stream, body, 1, 6, true), 0);
  server.send(build.windowUpdate(1, 3));
  assert.deepEqual(server.calls(), ['window 1']);
  assert.equal(server.connection.sendData(stream, body, 1, 6, true), 3);
  assert.deepEqual(server.transcript(), ['DATA 1 "bcd"']);
  server.send(build.settings([[4, 10]]));
  assert.equal(server.connection.sendData(stream, body, 4, 6, true), 2);
  assert.deepEqual(server.transcript(), ['DATA 1 "ef" END_STREAM']);
});

const by = (method: string, id: number, flags: number): Buffer =>
  build.headers(
    id,
    request.map(([name, value]) => [name, name === ':method' ? method : value]),
    flags,
  );
const answered = (id: number): string[] => [`HEADERS ${id} :status=200`, `HEADERS ${id} grpc-status=0 END_STREAM`];

test('h2spec generic/1/1 and generic/4: the preface is taken; GET, HEAD, POST and POST with trailers are answered', () => {
  const end = [internField('grpc-status', '0')];
  const server = harness({
    role: 'server',
    handler: {
      onHeaders: (stream, _fields, _count, endStream) => {
        server.connection.sendHeaders(stream, [internField(':status', '200')], 1, false);
        if (endStream) server.connection.sendHeaders(stream, end, 1, true);
      },
      onTrailers: (stream) => server.connection.sendHeaders(stream, end, 1, true),
      onData: (stream, _chunk, _start, _end, endStream) => {
        if (endStream) server.connection.sendHeaders(stream, end, 1, true);
      },
    },
  });
  assert.deepEqual(server.send(by('GET', 1, full)), answered(1));
  assert.deepEqual(server.send(by('HEAD', 3, full)), answered(3));
  assert.deepEqual(server.send(by('POST', 5, END_HEADERS), build.data(5, 'test', END_STREAM)), answered(5));
  const trailers = build.headers(7, [['x-test', 'ok']], full);
  assert.deepEqual(server.send(by('POST', 7, END_HEADERS), build.data(7, 'test'), trailers), answered(7));
});

test('dependent HEADERS with the exclusive bit are accepted', () => {
  const server = harness({ role: 'server' });
  assert.deepEqual(server.send(build.headerBlock(1, dependent, full | PRIORITY)), []);
  assert.deepEqual(server.calls(), [`headers 1 ${requestText} end`]);
});

test('a Huffman-coded value may not end in the middle of a code', () => {
  const cut = naiveHuffmanEncode('~~').subarray(0, 1);
  const server = harness({ role: 'server' });
  const bad = hpack(Buffer.of(0x00, 0x01, 0x61, 0x81), cut, Buffer.of(0x82));
  assert.equal(server.send(bad).length, 1);
});

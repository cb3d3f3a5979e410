/** The cases that h2specd asks of a client, as bytes in and bytes out; ids are h2spec's. */
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
  response,
  type Harness,
} from '../../test/kit/frame-peer.ts';
import { ErrorCode, internField, type Field, type Http2Stream } from './index.ts';

const requestFields: readonly Field[] = [
  internField(':method', 'POST'),
  internField(':scheme', 'http'),
  internField(':path', '/a.B/C'),
  internField(':authority', 'backend'),
];
const full = END_HEADERS | END_STREAM;
const large = Buffer.alloc(16_385);

/** A client with stream 1 open, request sent, response not begun. */
function client(endStream = true): { peer: Harness; stream: Http2Stream<string> } {
  const peer = harness({ role: 'client' });
  const stream = peer.connection.openStream('one');
  assert.ok(stream);
  peer.connection.sendHeaders(stream, requestFields, requestFields.length, endStream);
  peer.transcript();
  return { peer, stream };
}

interface Case {
  readonly id: string;
  readonly frames: readonly Uint8Array[];
  readonly answer: readonly string[];
  readonly calls?: readonly string[];
}

const headers = build.headers(1, response);
const fails = (id: string, frames: readonly Uint8Array[], code: string): Case => ({
  id,
  frames,
  answer: [`GOAWAY 0 ${code}`],
});
const resets = (id: string, frames: readonly Uint8Array[], code: string): Case => ({
  id,
  frames,
  answer: [`RST_STREAM 1 ${code}`],
});
const pong = ['PING ACK "pingpong"'];

const cases: readonly Case[] = [
  { id: '1/1', frames: [build.settings()], answer: ['SETTINGS ACK'] },
  { id: '4.1/1', frames: [frame(0xff, 0, 0, Buffer.alloc(8)), build.ping()], answer: pong },
  { id: '4.1/2', frames: [build.ping('pingpong', 0xfe)], answer: pong },
  { id: '4.1/3', frames: [frame(6, 0, 0x8000_0000, Buffer.from('pingpong'))], answer: pong },
  {
    id: '4.2/1',
    frames: [headers, build.data(1, large.subarray(1), END_STREAM)],
    answer: [],
    calls: ['headers 1 :status=200', 'data 1 16384 end', 'closed 1'],
  },
  fails('4.2/2', [headers, build.data(1, large, END_STREAM)], 'FRAME_SIZE_ERROR'),
  fails('4.2/3', [build.headerBlock(1, large)], 'FRAME_SIZE_ERROR'),
  fails('4.3/1', [build.headerBlock(1, Buffer.of(0x40))], 'COMPRESSION_ERROR'),
  fails('5.1/1', [build.data(3, 'test')], 'PROTOCOL_ERROR'),
  fails('5.1/2', [build.reset(3, 8)], 'PROTOCOL_ERROR'),
  fails('5.1/3', [build.windowUpdate(3, 100)], 'PROTOCOL_ERROR'),
  fails('5.1/4', [build.continuation(3, block(response))], 'PROTOCOL_ERROR'),
  resets('5.1/5', [headers, build.reset(1, 8), build.data(1, 'x')], 'STREAM_CLOSED'),
  resets('5.1/6', [headers, build.reset(1, 8), headers], 'STREAM_CLOSED'),
  fails('5.1/7', [headers, build.reset(1, 8), build.continuation(1, block(response))], 'PROTOCOL_ERROR'),
  fails('5.1/8', [build.headers(1, response, full), build.data(1, 'x')], 'STREAM_CLOSED'),
  fails('5.1/9', [build.headers(1, response, full), headers], 'STREAM_CLOSED'),
  fails('5.1/10', [build.headers(1, response, full), build.continuation(1, block(response))], 'PROTOCOL_ERROR'),
  fails('5.1.1/1', [build.headers(101, response)], 'PROTOCOL_ERROR'),
  fails('5.1.1/1, even', [build.headers(2, response)], 'PROTOCOL_ERROR'),
  fails('5.4.1/1 and /2', [frame(6, 0, 0, Buffer.alloc(6))], 'FRAME_SIZE_ERROR'),
  { id: '5.5/1', frames: [frame(0x77, 0, 0, Buffer.alloc(8)), build.ping()], answer: pong },
  fails('6.1/1', [frame(0, 0, 0, Buffer.from('test'))], 'PROTOCOL_ERROR'),
  fails('6.1/2', [build.headers(1, response, full), build.data(1, 'x', END_STREAM)], 'STREAM_CLOSED'),
  fails('6.1/3', [headers, frame(0, PADDED, 1, Buffer.from([6, 1, 2, 3, 4, 5]))], 'PROTOCOL_ERROR'),
  fails('6.2/1', [build.headers(1, response, 0), build.priority(1, 0)], 'PROTOCOL_ERROR'),
  fails('6.2/2', [build.headers(0, response)], 'PROTOCOL_ERROR'),
  fails('6.2/3', [build.headerBlock(1, Buffer.from([200, 0x88]), full | PADDED)], 'PROTOCOL_ERROR'),
  fails('6.3/1', [build.priority(0, 1)], 'PROTOCOL_ERROR'),
  resets('6.3/2', [headers, frame(2, 0, 1, Buffer.alloc(4))], 'FRAME_SIZE_ERROR'),
  fails('6.4/1', [build.reset(0, 8)], 'PROTOCOL_ERROR'),
  fails('6.4/2', [build.reset(7, 8)], 'PROTOCOL_ERROR'),
  fails('6.4/3', [frame(3, 0, 1, Buffer.alloc(3))], 'FRAME_SIZE_ERROR'),
  fails('6.5/1', [frame(4, 1, 0, Buffer.alloc(1))], 'FRAME_SIZE_ERROR'),
  fails('6.5/2', [frame(4, 0, 1, Buffer.alloc(6))], 'PROTOCOL_ERROR'),
  fails('6.5/3', [frame(4, 0, 0, Buffer.alloc(3))], 'FRAME_SIZE_ERROR'),
  fails('6.5.2/1', [build.settings([[4, 2 ** 31]])], 'FLOW_CONTROL_ERROR'),
  fails('6.5.2/2', [build.settings([[5, 16_383]])], 'PROTOCOL_ERROR'),
  fails('6.5.2/3', [build.settings([[5, 2 ** 24]])], 'PROTOCOL_ERROR'),
  { id: '6.5.2/4', frames: [build.settings([[0xff, 1]]), build.ping()], answer: ['SETTINGS ACK', ...pong] },
  { id: '6.5.3/1', frames: [build.settings()], answer: ['SETTINGS ACK'], calls: ['settings'] },
  { id: '6.7/1', frames: [build.ping()], answer: pong, calls: ['ping'] },
  { id: '6.7/2', frames: [build.ping('invalid1', 1), build.ping()], answer: pong, calls: ['ping ack', 'ping'] },
  fails('6.7/3', [frame(6, 0, 1, Buffer.alloc(8))], 'PROTOCOL_ERROR'),
  fails('6.7/4', [frame(6, 0, 0, Buffer.alloc(6))], 'FRAME_SIZE_ERROR'),
  fails('6.8/1', [frame(7, 0, 1, Buffer.alloc(8))], 'PROTOCOL_ERROR'),
  fails('6.9/1', [build.windowUpdate(0, 0)], 'PROTOCOL_ERROR'),
  resets('6.9/2', [headers, build.windowUpdate(1, 0)], 'PROTOCOL_ERROR'),
  fails('6.9/3', [frame(8, 0, 0, Buffer.alloc(3))], 'FRAME_SIZE_ERROR'),
  fails('6.9.1/1', [build.windowUpdate(0, 2 ** 31 - 1)], 'FLOW_CONTROL_ERROR'),
  resets('6.9.1/2', [build.windowUpdate(1, 2 ** 31 - 1)], 'FLOW_CONTROL_ERROR'),
  {
    id: '6.10/1',
    frames: [
      build.headerBlock(1, block(response).subarray(0, 4), 0),
      build.continuation(1, block(response).subarray(4, 6), 0),
      build.continuation(1, block(response).subarray(6)),
    ],
    answer: [],
    calls: ['headers 1 :status=200'],
  },
  fails(
    '6.10/2',
    [build.headers(1, response, 0), build.continuation(1, Buffer.alloc(0), 0), build.data(1, 'x')],
    'PROTOCOL_ERROR',
  ),
  fails('6.10/3', [build.headers(1, response, 0), build.continuation(0, Buffer.alloc(0))], 'PROTOCOL_ERROR'),
  fails('6.10/4', [headers, build.continuation(1, Buffer.alloc(0))], 'PROTOCOL_ERROR'),
  fails(
    '6.10/5',
    [build.headers(1, response, 0), build.continuation(1, Buffer.alloc(0)), build.continuation(1, Buffer.alloc(0))],
    'PROTOCOL_ERROR',
  ),
  fails('6.10/6', [headers, build.data(1, 'test'), build.continuation(1, Buffer.alloc(0))], 'PROTOCOL_ERROR'),
  fails(
    'push',
    [headers, frame(5, END_HEADERS, 1, Buffer.concat([Buffer.of(0, 0, 0, 2), block(response)]))],
    'PROTOCOL_ERROR',
  ),
  fails('a server must not enable push', [build.settings([[2, 1]])], 'PROTOCOL_ERROR'),
];

for (const { id, frames, answer, calls } of cases) {
  test(`h2specd client/${id}`, () => {
    const { peer } = client();
    assert.deepEqual(peer.send(...frames), answer);
    const heard = peer.calls();
    for (const call of calls ?? []) assert.ok(heard.includes(call), `${call} in ${heard.join(' | ')}`);
  });
}

test('a client says the preface, SETTINGS without push, and opens its window', () => {
  const peer = harness({ role: 'client', raw: true });
  const hello = Buffer.concat(peer.connection.output.take());
  assert.equal(hello.subarray(0, 24).toString('latin1'), build.preface.toString('latin1'));
  // ENABLE_PUSH 0, INITIAL_WINDOW_SIZE 64 KiB, MAX_HEADER_LIST_SIZE 16 KiB; then 1 MiB less the initial window.
  const settings = '000012040000000000000200000000000400010000000600004000';
  assert.equal(hello.subarray(24).toString('hex'), `${settings}000004080000000000000f0001`);
});

test('informational responses come before the final one; DATA before it is malformed', () => {
  const { peer } = client();
  peer.send(
    build.headers(1, [
      [':status', '103'],
      ['link', '</a>'],
    ]),
    build.headers(1, response, full),
  );
  assert.deepEqual(peer.calls(), ['headers 1 :status=103 link=</a>', 'headers 1 :status=200 end', 'closed 1']);
  const other = client();
  const answer = other.peer.send(build.headers(1, [[':status', '100']]), build.data(1, 'x'));
  assert.deepEqual(answer, ['RST_STREAM 1 PROTOCOL_ERROR']);
});

test('an informational response that ends the stream, and a ninth one, are stream errors', () => {
  assert.deepEqual(client().peer.send(build.headers(1, [[':status', '100']], full)), ['RST_STREAM 1 PROTOCOL_ERROR']);
  const { peer } = client();
  const hint = build.headers(1, [[':status', '103']]);
  assert.deepEqual(peer.send(...Array.from({ length: 8 }, () => hint)), []);
  assert.deepEqual(peer.send(hint), ['RST_STREAM 1 ENHANCE_YOUR_CALM']);
  assert.ok(peer.calls().includes('limit informational-responses'));
});

test('a complete response followed by RST_STREAM(NO_ERROR) is delivered', () => {
  const { peer } = client(false);
  peer.send(headers, build.data(1, 'body'), build.headers(1, [['grpc-status', '0']], full), build.reset(1, 0));
  assert.deepEqual(peer.calls(), [
    'headers 1 :status=200',
    'data 1 4',
    'trailers 1 grpc-status=0',
    'reset 1 NO_ERROR by peer',
    'closed 1',
  ]);
});

test('a server that ends first does not cut the request', () => {
  const { peer, stream } = client(false);
  peer.send(build.headers(1, response, full));
  assert.ok(!stream.isClosed);
  assert.equal(peer.connection.sendData(stream, Buffer.from('late'), 0, 4, true), 4);
  assert.deepEqual(peer.transcript(), ['DATA 1 "late" END_STREAM']);
  assert.ok(stream.isClosed);
  assert.deepEqual(peer.calls(), ['headers 1 :status=200 end', 'closed 1']);
});

test('REFUSED_STREAM and streams above GOAWAY are reported as surely not processed', () => {
  const { peer } = client();
  const others = ['two', 'three'].map((user) => {
    const stream = peer.connection.openStream(user);
    assert.ok(stream);
    peer.connection.sendHeaders(stream, requestFields, requestFields.length, true);
    return stream;
  });
  peer.send(build.reset(1, ErrorCode.REFUSED_STREAM));
  assert.deepEqual(peer.calls(), ['refused 1', 'closed 1']);
  peer.send(build.goaway(3, 0, 'bye'));
  assert.deepEqual(peer.calls(), ['goaway 3 NO_ERROR bye', 'refused 5', 'closed 5']);
  assert.ok(!peer.connection.canOpenStream);
  assert.equal(peer.connection.openStream('four'), undefined);
  assert.deepEqual(peer.send(build.headers(5, response, full)), []);
  peer.send(build.headers(3, response, full));
  assert.deepEqual(peer.calls(), ['headers 3 :status=200 end', 'closed 3']);
  assert.ok(others[0]?.isClosed);
  assert.ok(peer.connection.isDrained);
});

test('REFUSED_STREAM after a response began is an ordinary reset', () => {
  const { peer } = client();
  peer.send(headers, build.reset(1, ErrorCode.REFUSED_STREAM));
  assert.deepEqual(peer.calls().slice(1), ['reset 1 REFUSED_STREAM by peer', 'closed 1']);
});

test('the peer bounds concurrent streams; before its SETTINGS 100 are assumed', () => {
  const peer = harness({ role: 'client', raw: true });
  peer.connection.output.take();
  for (let i = 0; i < 100; i++) assert.ok(peer.connection.openStream(`${i}`));
  assert.equal(peer.connection.openStream('one more'), undefined);
  peer.send(build.settings([[3, 101]]));
  assert.ok(peer.connection.openStream('one more'));
  assert.equal(peer.connection.openStream('and one'), undefined);
});

test('the ids end at 2^31-1', () => {
  const peer = harness({ role: 'client' });
  peer.connection.nextOwnId = 2 ** 31 - 3;
  const first = peer.connection.openStream('a');
  assert.ok(first);
  const last = peer.connection.openStream('b');
  assert.ok(last);
  assert.equal(peer.connection.openStream('c'), undefined);
  peer.connection.sendHeaders(last, requestFields, requestFields.length, true);
  peer.connection.sendHeaders(first, requestFields, requestFields.length, true);
  assert.deepEqual([last.id, first.id], [2 ** 31 - 3, 2 ** 31 - 1]);
  assert.equal(peer.connection.openStream('c'), undefined);
});

test('a response to HEAD, 204 and 304 have no body whatever they announce', () => {
  const head = [internField(':method', 'HEAD'), ...requestFields.slice(1)];
  const peer = harness({ role: 'client' });
  const stream = peer.connection.openStream('head');
  assert.ok(stream);
  peer.connection.sendHeaders(stream, head, head.length, true);
  peer.transcript();
  assert.deepEqual(peer.send(build.headers(1, [...response, ['content-length', '9']], full)), []);
  for (const status of ['204', '304']) {
    const other = client().peer;
    assert.deepEqual(other.send(build.headers(1, [[':status', status]]), build.data(1, 'body')), [
      'RST_STREAM 1 PROTOCOL_ERROR',
    ]);
  }
});

const badResponses: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  ['no status', [['content-type', 'text/plain']]],
  ['nothing at all', []],
  [
    'status twice',
    [
      [':status', '200'],
      [':status', '200'],
    ],
  ],
  [
    'status late',
    [
      ['a', 'b'],
      [':status', '200'],
    ],
  ],
  [
    'request pseudo header',
    [
      [':status', '200'],
      [':path', '/'],
    ],
  ],
  ['two digits', [[':status', '20']]],
  ['101', [[':status', '101']]],
  ['status 600', [[':status', '600']]],
  [
    'two content-lengths',
    [
      [':status', '200'],
      ['content-length', '5'],
      ['content-length', '5'],
    ],
  ],
  [
    'connection',
    [
      [':status', '200'],
      ['connection', 'close'],
    ],
  ],
];

for (const [name, fields] of badResponses) {
  test(`a malformed response is a stream error: ${name}`, () => {
    const { peer } = client();
    assert.deepEqual(peer.send(build.headers(1, fields)), ['RST_STREAM 1 PROTOCOL_ERROR']);
    assert.deepEqual(peer.calls(), ['reset 1 PROTOCOL_ERROR by us', 'closed 1']);
    assert.deepEqual(peer.send(build.ping()), pong);
  });
}

test('a lost socket reports every live stream while the connection is closed', () => {
  const { peer } = client();
  peer.connection.socketClosed();
  peer.connection.socketClosed();
  assert.ok(peer.connection.isClosed);
  assert.deepEqual(peer.calls(), ['reset 1 INTERNAL_ERROR by peer', 'closed 1']);
});

test('a stream whose headers come after GOAWAY, or after the end, is reported as not processed', () => {
  for (const end of ['goaway', 'socket'] as const) {
    const peer = harness({ role: 'client' });
    const stream = peer.connection.openStream('late');
    assert.ok(stream);
    if (end === 'goaway') peer.send(build.goaway(0, 0));
    else peer.connection.socketClosed();
    peer.calls();
    peer.connection.sendHeaders(stream, requestFields, requestFields.length, true);
    assert.deepEqual(peer.calls(), ['refused 0', 'closed 0'], end);
    assert.deepEqual([peer.transcript(), peer.connection.activeStreams], [[], 0]);
  }
});

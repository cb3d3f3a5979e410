/** What arrives and what follows from it to the byte: window given back for what is thrown away, frames that follow each other in one read. */
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
  type Harness,
} from '../../test/kit/frame-peer.ts';
import { ErrorCode, internField } from './index.ts';
import { MAX_CONTINUATION_FRAMES, MAX_HEADER_BLOCK_BYTES, MAX_TINY_FRAMES_PER_STREAM } from './limits.ts';

const full = END_HEADERS | END_STREAM;
const server = (): Harness => harness({ role: 'server' });

const withLength = (length: number): Uint8Array =>
  build.headers(1, [...request, ['content-length', `${length}`]], END_HEADERS);

/** Half of it given back is announced at once. */
const connectionWindowBytes = 65_535;

/** What the connection's window is given back while another stream brings three times 16,000 bytes. */
function creditOf(peer: Harness): string[] {
  const part = build.data(3, Buffer.alloc(16_000));
  const answers = peer.send(build.headers(3, request), part, part, part);
  return answers.filter((line) => line.startsWith('WINDOW_UPDATE 0 '));
}

test('what a stream got that was reset for it is given back to the connection', () => {
  for (const [length, bytes] of [
    [4, 'abcde'],
    [100, 'a whole message, but one that is not so long'],
  ] as const) {
    const peer = harness({ role: 'server', limits: { connectionWindowBytes } });
    const answers = peer.send(withLength(length), build.data(1, bytes, END_STREAM));
    assert.deepEqual(answers, ['RST_STREAM 1 PROTOCOL_ERROR']);
    assert.deepEqual(creditOf(peer), [`WINDOW_UPDATE 0 ${48_000 + bytes.length}`]);
  }
  const tiny = harness({ role: 'server', limits: { connectionWindowBytes, tinyDataCost: 0 } });
  tiny.send(build.headers(1, request));
  for (let i = 0; i < MAX_TINY_FRAMES_PER_STREAM; i++) tiny.send(build.data(1, 'tiny'));
  assert.deepEqual(tiny.send(build.data(1, 'tiny')), ['RST_STREAM 1 ENHANCE_YOUR_CALM']);
  assert.deepEqual(creditOf(tiny), [`WINDOW_UPDATE 0 ${32_000 + 4 * (MAX_TINY_FRAMES_PER_STREAM + 1)}`]);
});

test('DATA without a byte that ends nothing is not passed on', () => {
  const peer = server();
  peer.send(build.headers(1, request), build.data(1, ''), build.paddedData(1, '', 3), build.data(1, '', END_STREAM));
  assert.deepEqual(peer.calls().slice(1), ['data 1 0 end']);
});

test('a stream that is given back while the DATA of another is under way takes nothing with it', () => {
  const peer = server();
  peer.send(build.headers(1, request), build.headers(3, request));
  const data = build.data(1, 'first half, second half', END_STREAM);
  peer.send(data.subarray(0, 20));
  const other = peer.streams.get(3) ?? assert.fail('no stream');
  peer.connection.resetStream(other, ErrorCode.CANCEL);
  peer.connection.releaseStream(other);
  peer.calls();
  peer.send(data.subarray(20));
  assert.deepEqual(peer.calls().slice(-1), ['data 1 12 end']);
});

test('trailers come behind all of the content that was announced', () => {
  const trailers = build.headers(1, [['x', 'y']], full);
  for (const [sent, isGood] of [
    ['abcd', true],
    ['abc', false],
    ['', false],
  ] as const) {
    const peer = server();
    const content = sent === '' ? [] : [build.data(1, sent)];
    const answers = peer.send(withLength(4), ...content, trailers);
    assert.deepEqual(answers, isGood ? [] : ['RST_STREAM 1 PROTOCOL_ERROR'], sent);
  }
  assert.deepEqual(server().send(withLength(0), trailers), []);
});

/** What a client whose request had these fields, the first `count` of them, says to a response of five bytes that never come. */
function answerTo(fields: readonly (readonly [string, string])[], count = fields.length): string[] {
  const peer = harness({ role: 'client' });
  const stream = peer.connection.openStream('one') ?? assert.fail('no stream');
  peer.connection.sendHeaders(
    stream,
    fields.map(([name, value]) => internField(name, value)),
    count,
    true,
  );
  peer.transcript();
  return peer.send(build.headers(1, [...response, ['content-length', '5']], full));
}

test('a request is HEAD if its method is, wherever among its pseudo-header fields that stands', () => {
  const rest = request.slice(1);
  const reset = ['RST_STREAM 1 PROTOCOL_ERROR'];
  assert.deepEqual(answerTo([...rest, [':method', 'HEAD']]), []);
  assert.deepEqual(answerTo([...rest, [':method', 'GET']]), reset);
  assert.deepEqual(answerTo([[':path', 'HEAD'], ...request]), reset);
  // What a longer request left behind in the same array is not sent, and says nothing.
  assert.deepEqual(answerTo([...rest, [':method', 'HEAD']], rest.length), reset);
  assert.deepEqual(answerTo([]), reset);
});

test('a response of no bytes may say so', () => {
  const peer = harness({ role: 'client' });
  const stream = peer.connection.openStream('one') ?? assert.fail('no stream');
  peer.connection.sendHeaders(stream, [internField(':method', 'POST')], 1, true);
  peer.transcript();
  assert.deepEqual(peer.send(build.headers(1, [...response, ['content-length', '0']], full)), []);
  assert.deepEqual(peer.calls(), ['headers 1 :status=200 content-length=0 end', 'closed 1']);
});

test('what follows SETTINGS in the same read is no setting', () => {
  const peer = server();
  peer.send(build.headers(1, request));
  // The head of this DATA frame, of 1,152 bytes, would read as INITIAL_WINDOW_SIZE of 2^31.
  const bytes = Buffer.concat([build.settings(), build.data(1, Buffer.alloc(1152))]);
  assert.deepEqual(peer.send(bytes), ['SETTINGS ACK']);
  assert.deepEqual(peer.calls().slice(1), ['settings', 'data 1 1152']);
});

test('the answer to a drain’s PING is one, whatever follows it in the same read', () => {
  const peer = server();
  peer.send(build.headers(1, request));
  peer.connection.beginDrain();
  peer.transcript();
  const answer = peer.send(Buffer.concat([build.ping('drain\0\0\0', 1), build.ping('any ping')]));
  assert.deepEqual(answer, ['GOAWAY 1 NO_ERROR', 'PING ACK "any ping"']);
});

test('a client that goes away still wants the answers to what it asked', () => {
  const peer = server();
  peer.send(build.headers(1, request, full), build.headers(3, request, full));
  peer.calls();
  assert.deepEqual(peer.send(build.goaway(0, ErrorCode.NO_ERROR)), []);
  assert.deepEqual(peer.calls(), ['goaway 0 NO_ERROR ']);
  assert.equal(peer.connection.activeStreams, 2);
});

test('a PRIORITY that is wrong resets a stream that has ended as well', () => {
  for (const [bad, code] of [
    [frame(2, 0, 1, Buffer.alloc(4)), 'FRAME_SIZE_ERROR'],
    [build.priority(1, 1), 'PROTOCOL_ERROR'],
  ] as const) {
    const peer = server();
    peer.send(build.headers(1, request, full));
    const stream = peer.streams.get(1) ?? assert.fail('no stream');
    peer.connection.sendHeaders(stream, [internField(':status', '204')], 1, true);
    peer.transcript();
    assert.equal(peer.connection.activeStreams, 0);
    assert.deepEqual(peer.send(bad), [`RST_STREAM 1 ${code}`]);
  }
});

test('streams whose both halves ended are counted, those that were reset are not', () => {
  const peer = server();
  const counts = [1, 3, 5].map((id) => {
    peer.send(build.headers(id, request, full));
    const stream = peer.streams.get(id) ?? assert.fail('no stream');
    if (id === 3) peer.connection.resetStream(stream, ErrorCode.CANCEL);
    else peer.connection.sendHeaders(stream, [internField(':status', '204')], 1, true);
    return peer.connection.completedStreams;
  });
  assert.deepEqual(counts, [1, 1, 2]);
});

test('the stream that is one too many is refused by name', () => {
  const peer = harness({ role: 'server', limits: { maxConcurrentStreams: 1 } });
  assert.deepEqual(peer.send(build.headers(1, request), build.headers(3, request)), ['RST_STREAM 3 REFUSED_STREAM']);
  assert.equal(peer.calls().at(-1), 'limit concurrent-streams');
});

test('whoever ends a connection says in words why', () => {
  const unfinished = build.headerBlock(1, block(request), 0);
  const more = (bytes: number): Uint8Array => build.continuation(1, Buffer.alloc(bytes), 0);
  const overWindow = Array.from({ length: 5 }, () => build.data(1, Buffer.alloc(16_000)));
  const rows: readonly (readonly [string, readonly Uint8Array[]])[] = [
    ['FLOW_CONTROL_ERROR: connection window exceeded', [build.headers(1, request), ...overWindow]],
    [
      'ENHANCE_YOUR_CALM: too many CONTINUATION frames',
      [unfinished, ...Array.from({ length: MAX_CONTINUATION_FRAMES + 1 }, () => more(1))],
    ],
    [
      'ENHANCE_YOUR_CALM: header block too large',
      [unfinished, ...Array.from({ length: Math.ceil(MAX_HEADER_BLOCK_BYTES / 16_000) }, () => more(16_000))],
    ],
    [
      'FLOW_CONTROL_ERROR: stream window above 2^31-1',
      [build.headers(1, request), build.windowUpdate(1, 2 ** 31 - 1 - 65_535), build.settings([[4, 65_536]])],
    ],
  ];
  for (const [expected, frames] of rows) {
    const peer = harness({
      role: 'server',
      limits: { streamWindowBytes: 2 ** 20, connectionWindowBytes },
      handler: { onData: () => {} },
    });
    peer.send(...frames);
    assert.ok(peer.calls().includes(`failed ${expected}`), expected);
  }
});

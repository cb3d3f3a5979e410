/** Frames as they are written: where header blocks are cut, what flags the pieces have, and what counts as an answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  build,
  cutFrames,
  END_HEADERS,
  END_STREAM,
  harness,
  request,
  type Harness,
} from '../../test/kit/frame-peer.ts';
import { NaiveDecoder, naiveInteger, naiveString } from '../../test/kit/naive-hpack.ts';
import { ErrorCode, transientField, type Field, type Http2Stream } from './index.ts';
import { MAX_QUEUED_CONTROL_FRAMES } from './limits.ts';

function framesOf(server: Harness): ReturnType<typeof cutFrames> {
  const frames = cutFrames(Buffer.concat(server.connection.output.take()));
  server.connection.output.written();
  return frames;
}

function opened(server: Harness, id = 1): Http2Stream<string> {
  server.send(build.headers(id, request));
  return server.streams.get(id) ?? assert.fail('no stream');
}

/** A field whose literal has this length on the wire: type, name with its length, value with its length. */
function literalOf(bytes: number): Field {
  const overhead = 1 + naiveString('x-long').length;
  const lengthBytes = naiveInteger(bytes - overhead, 7, 0).length;
  return transientField('x-long', 'v'.repeat(bytes - overhead - lengthBytes));
}

for (const endStream of [false, true])
  test(`a header block is cut at 16,384 bytes, ${endStream ? 'with' : 'without'} END_STREAM, which its first frame has`, () => {
    for (const [bytes, sizes] of [
      [16_384, [16_384]],
      [16_385, [16_384, 1]],
      [32_768, [16_384, 16_384]],
      [40_000, [16_384, 16_384, 7_232]],
    ] as const) {
      const server = harness({ role: 'server' });
      const stream = opened(server);
      const field = literalOf(bytes);
      server.connection.sendHeaders(stream, [field], 1, endStream);
      const frames = framesOf(server);
      const first = endStream ? END_STREAM : 0;
      assert.deepEqual(
        frames.map(({ type, id, flags, payload }) => [type, id, flags, payload.length]),
        sizes.map((size, at) => [
          at === 0 ? 1 : 9,
          1,
          (at === 0 ? first : 0) | (at === sizes.length - 1 ? END_HEADERS : 0),
          size,
        ]),
      );
      const block = Buffer.concat(frames.map(({ payload }) => payload));
      assert.deepEqual(new NaiveDecoder().decode(block), [['x-long', field.value]]);
      assert.equal(stream.sentBytes, bytes + 9 * sizes.length);
    }
  });

test('GOAWAY carries its reason byte by byte', () => {
  const server = harness({ role: 'server' });
  server.connection.goaway(ErrorCode.INTERNAL_ERROR, { lastStreamId: 2 ** 31 - 1, debug: 'grüße' });
  const [frame] = framesOf(server);
  assert.equal(frame?.payload.toString('hex'), `7fffffff00000002${Buffer.from('grüße', 'latin1').toString('hex')}`);
});

test('acknowledgements and resets wait for who does not read, so many and not one more; credit does not count', () => {
  const answers: Readonly<Record<string, (server: Harness, i: number) => Uint8Array>> = {
    'SETTINGS ACK': () => build.settings(),
    'PING ACK': () => build.ping(),
    RST_STREAM: (_, i) => build.headers(3 + 2 * i, [[':path', 'bad']], END_HEADERS | END_STREAM),
  };
  for (const [name, cause] of Object.entries(answers)) {
    const server = harness({ role: 'server' });
    const stream = opened(server);
    server.transcript();
    for (let i = 0; i < MAX_QUEUED_CONTROL_FRAMES; i++)
      server.connection.receive(Buffer.from(cause(server, i)), i * 1000);
    // Credit for what arrives makes WINDOW_UPDATEs, which window and DATA bound.
    for (let i = 0; i < 10; i++) server.connection.receive(build.data(1, Buffer.alloc(16_384)), 1e7 + i);
    assert.equal(stream.isClosed, false, name);
    assert.equal(server.connection.isClosed, false, name);
    server.connection.receive(Buffer.from(cause(server, MAX_QUEUED_CONTROL_FRAMES)), 2e7);
    assert.ok(server.calls().includes('limit queued-control-frames'), name);
  }
});

test('each head is counted as the bytes it comes to, also behind others in the same batch', () => {
  const server = harness({ role: 'server' });
  for (const id of [1, 3, 5]) {
    const stream = opened(server, id);
    for (let i = 0; i < 3; i++) server.connection.sendHeaders(stream, [literalOf(100)], 1, i === 2);
    assert.equal(stream.sentBytes, 3 * (9 + 100));
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { build, cutFrames, END_HEADERS, END_STREAM, harness, request } from '../../test/kit/frame-peer.ts';
import {
  ErrorCode,
  errorCodeName,
  internField,
  OutputBuffer,
  transientField,
  type Field,
  type Http2Stream,
} from './index.ts';
import { StreamRecord } from './stream.ts';
import { StreamTable } from './stream-table.ts';

const full = END_HEADERS | END_STREAM;
const ok = [internField(':status', '200')];
const requestFields: readonly Field[] = [
  internField(':method', 'POST'),
  internField(':scheme', 'http'),
  internField(':path', '/a.B/C'),
  internField(':authority', 'backend'),
];

test('a server drains in two steps, the second after the PING answer', () => {
  const server = harness({ role: 'server' });
  server.send(build.headers(1, request, full));
  server.connection.beginDrain();
  server.connection.beginDrain();
  assert.deepEqual(server.transcript(), ['GOAWAY 2147483647 NO_ERROR', 'PING "drain\\u0000\\u0000\\u0000"']);
  assert.deepEqual(server.send(build.headers(3, request, full)), [], 'still taken');
  server.calls();
  assert.deepEqual(server.send(build.ping('drain\0\0\0', 1)), ['GOAWAY 3 NO_ERROR']);
  assert.deepEqual(server.calls(), []);
  assert.deepEqual(server.send(build.headers(5, request, full)), ['RST_STREAM 5 REFUSED_STREAM']);
  assert.ok(!server.connection.isDrained);
  for (const id of [1, 3]) server.connection.sendHeaders(server.streams.get(id) as Http2Stream<string>, ok, 1, true);
  assert.ok(server.connection.isDrained);
});

test('a drain without an answer is finished by hand, once', () => {
  const server = harness({ role: 'server' });
  server.connection.beginDrain();
  server.transcript();
  server.connection.finishDrain();
  server.connection.finishDrain();
  assert.deepEqual(server.send(build.ping('drain\0\0\0', 1)), ['GOAWAY 0 NO_ERROR']);
  assert.ok(server.connection.isDrained);
});

test('a client that drains opens nothing, and is drained with its last stream', () => {
  const client = harness({ role: 'client' });
  const stream = client.connection.openStream('one');
  assert.ok(stream);
  client.connection.sendHeaders(stream, requestFields, 4, true);
  client.connection.beginDrain();
  assert.ok(!client.connection.canOpenStream && !client.connection.isDrained);
  client.send(build.headers(1, [[':status', '200']], full));
  assert.ok(client.connection.isDrained);
});

test('goaway carries code, last id and a reason', () => {
  const server = harness({ role: 'server' });
  server.connection.goaway(ErrorCode.ENHANCE_YOUR_CALM, { debug: 'too_many_pings' });
  const [frame] = cutFrames(Buffer.concat(server.connection.output.take()));
  assert.equal(frame?.payload.subarray(8).toString(), 'too_many_pings');
  assert.deepEqual([errorCodeName(0xb), errorCodeName(0x1f)], ['ENHANCE_YOUR_CALM', '0x1f']);
});

test('resetStream tells the peer, not the handler; calls on a closed stream do nothing', () => {
  const server = harness({ role: 'server' });
  server.send(build.headers(1, request));
  const stream = server.streams.get(1) as Http2Stream<string>;
  server.calls();
  server.connection.resetStream(stream, ErrorCode.CANCEL);
  server.connection.resetStream(stream, ErrorCode.CANCEL);
  server.connection.sendHeaders(stream, ok, 1, true);
  assert.equal(server.connection.sendData(stream, Buffer.from('x'), 0, 1, true), 1, 'taken and dropped');
  assert.deepEqual(server.transcript(), ['RST_STREAM 1 CANCEL']);
  assert.deepEqual(server.calls(), ['closed 1']);
  assert.deepEqual(server.send(build.data(1, 'late'), build.headers(1, [['a', 'b']], full), build.reset(1, 8)), []);
  assert.deepEqual(server.calls(), []);
});

test('a stream that never sent its headers is reset without a frame', () => {
  const client = harness({ role: 'client' });
  const stream = client.connection.openStream('one');
  assert.ok(stream);
  client.connection.resetStream(stream, ErrorCode.CANCEL);
  assert.deepEqual([client.transcript(), client.calls(), client.connection.activeStreams], [[], ['closed 0'], 0]);
});

test('a server that answered everything keeps taking the request', () => {
  const server = harness({ role: 'server' });
  server.send(build.headers(1, request));
  server.connection.sendHeaders(server.streams.get(1) as Http2Stream<string>, ok, 1, true);
  assert.deepEqual(server.transcript(), ['HEADERS 1 :status=200 END_STREAM']);
  server.calls();
  server.send(build.data(1, 'abc'), build.data(1, 'd', END_STREAM));
  assert.deepEqual(server.calls(), ['data 1 3', 'data 1 1 end', 'closed 1']);
});

test('a handler may end the stream, or the connection, inside any callback', () => {
  const server = harness({
    role: 'server',
    handler: {
      onData: (stream) => server.connection.resetStream(stream, ErrorCode.CANCEL),
      onTrailers: () => server.connection.socketClosed(),
    },
  });
  const whole = Buffer.concat([build.headers(1, request), build.data(1, 'abc'), build.data(1, 'def', END_STREAM)]);
  assert.deepEqual(server.send(whole), ['RST_STREAM 1 CANCEL']);
  const rest = Buffer.concat([build.headers(3, request), build.headers(3, [['a', 'b']], full), build.ping()]);
  assert.deepEqual(server.send(rest), []);
  assert.ok(server.connection.isClosed);
});

test('a block longer than a frame goes out as HEADERS and CONTINUATION', () => {
  const client = harness({ role: 'client' });
  const stream = client.connection.openStream('one');
  assert.ok(stream);
  const long = [...requestFields, transientField('x-long', 'v'.repeat(40_000))];
  client.connection.sendHeaders(stream, long, long.length, true);
  const frames = cutFrames(Buffer.concat(client.connection.output.take()));
  assert.deepEqual(
    frames.map(({ type, flags, payload }) => [type, flags, payload.length <= 16_384]),
    [
      [1, END_STREAM, true],
      [9, 0, true],
      [9, END_HEADERS, true],
    ],
  );
});

test('two engines understand each other, however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 0, max: 50_000 }),
      (cuts, size) => {
        const received: Buffer[] = [];
        const server = harness({
          role: 'server',
          handler: {
            onData: (stream, chunk, start, end) => {
              received.push(Buffer.from(chunk.subarray(start, end)));
              server.connection.creditReceived(stream, end - start);
            },
          },
        });
        const client = harness({ role: 'client' });
        const stream = client.connection.openStream('one');
        assert.ok(stream);
        const body = Buffer.from(Array.from({ length: size }, (_, i) => i & 0xff));
        client.connection.sendHeaders(stream, requestFields, 4, false);
        assert.equal(client.connection.sendData(stream, body, 0, size, true), size);
        const bytes = Buffer.concat(client.connection.output.take());
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const next = at + (cuts[i % cuts.length] ?? 1);
          server.connection.receive(bytes.subarray(at, next), 0);
          at = next;
        }
        assert.ok(Buffer.concat(received).equals(body));
        assert.ok(server.streams.get(1)?.isRemoteEnded);
      },
    ),
    { numRuns: 30 },
  );
});

test('random bytes after a good start never throw', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }), fc.boolean(), (chunks, isServer) => {
      const peer = harness({ role: isServer ? 'server' : 'client' });
      for (const chunk of chunks) peer.connection.receive(Buffer.from(chunk), 0);
      peer.connection.socketClosed();
      assert.ok(peer.connection.isClosed);
    }),
  );
});

test('random frames never throw, never leave the stream count wrong', () => {
  const frames = fc.record({
    type: fc.integer({ min: 0, max: 10 }),
    flags: fc.constantFrom(0, 1, 4, 5, 8, 0x20, 0x2d),
    id: fc.constantFrom(0, 1, 3, 5, 2),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.constant(Buffer.from(build.headers(1, request).subarray(9))),
    ),
  });
  fc.assert(
    fc.property(fc.array(frames, { maxLength: 30 }), (sequence) => {
      const server = harness({ role: 'server' });
      for (const { type, flags, id, payload } of sequence) {
        const head = Buffer.alloc(9);
        head.writeUIntBE(payload.length, 0, 3);
        head[3] = type;
        head[4] = flags;
        head.writeUInt32BE(id, 5);
        server.connection.receive(Buffer.concat([head, payload]), 0);
      }
      const open = [...server.streams.values()].filter((stream) => !stream.isClosed);
      assert.equal(server.connection.activeStreams, open.length);
    }),
    { numRuns: 300 },
  );
});

test('output keeps batches apart, grows, and calls back on the first byte', () => {
  const output = new OutputBuffer();
  let pending = 0;
  output.onPending = () => pending++;
  const write = (size: number, fill: number): void => {
    const at = output.reserve(size);
    output.slab.fill(fill, at, at + size);
    output.commit(at + size);
  };
  const expected: Buffer[] = [];
  for (const [size, fill] of [
    [10, 1],
    [4090, 2],
    [50_000, 3],
    [60_000, 4],
    [100_000, 5],
    [1, 6],
  ] as const) {
    write(size, fill);
    expected.push(Buffer.alloc(size, fill));
  }
  assert.equal(output.byteLength, 214_101);
  const first = output.take();
  write(3, 7);
  assert.ok(Buffer.concat(first).equals(Buffer.concat(expected)), 'a batch in flight is not overwritten');
  output.written();
  assert.equal(Buffer.concat(output.take()).toString('hex'), '070707');
  assert.deepEqual([pending, output.byteLength], [2, 0]);
});

test('the stream table keeps long-lived streams apart from their successors', () => {
  const table = new StreamTable<string>();
  const live = new Map<number, StreamRecord<string>>();
  for (let id = 1; id < 40_000; id += 2) {
    const stream = new StreamRecord<string>(id, 0, 0);
    table.add(stream);
    live.set(id, stream);
    const old = id - 20;
    const gone = live.get(old);
    if (gone !== undefined && old % 1001 !== 0) {
      table.delete(gone);
      live.delete(old);
    }
  }
  assert.equal(table.size, live.size);
  assert.deepEqual(
    table.all().map(({ id }) => id),
    [...live.keys()],
  );
  for (const [id, stream] of live) assert.equal(table.get(id), stream);
  assert.equal(table.get(3), undefined);
});

test('a stream knows its bytes on the wire, both ways: heads, padding, continuations, DATA cut into frames, trailers', () => {
  const server = harness({ role: 'server' });
  const fields = build.headers(1, request).subarray(9);
  const received = [
    build.headerBlock(1, fields.subarray(0, 5), 0),
    build.continuation(1, fields.subarray(5, 9), 0),
    build.continuation(1, fields.subarray(9)),
    build.data(1, 'twelve bytes'),
    build.paddedData(1, 'x', 7),
    build.headers(1, [['grpc-status', '0']], full),
  ];
  server.send(...received);
  const stream = server.streams.get(1) as Http2Stream<string>;
  assert.equal(stream.receivedBytes, Buffer.concat(received).length);
  assert.equal(stream.sentBytes, 0);

  const long = transientField('x-long', 'v'.repeat(40_000));
  server.connection.sendHeaders(stream, [...ok, long], 2, false);
  server.connection.sendData(stream, Buffer.alloc(50_000), 0, 50_000, false);
  server.connection.sendData(stream, Buffer.alloc(0), 0, 0, true);
  const frames = cutFrames(Buffer.concat(server.connection.output.take()));
  assert.deepEqual(
    frames.map(({ type, id }) => `${type} ${id}`),
    ['1 1', '9 1', '9 1', '0 1', '0 1', '0 1', '0 1', '0 1'],
  );
  assert.equal(
    stream.sentBytes,
    frames.reduce((sum, { payload }) => sum + 9 + payload.length, 0),
  );
});

/** The windows of connections that carry requests of many: credit on receipt, and streams that begin with a part of theirs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { build, END_STREAM, harness, request, type Harness } from '../../test/kit/frame-peer.ts';
import { ErrorCode, type Http2Stream } from './index.ts';
import { GROWN_AFTER_WINDOWS, type Http2Limits } from './limits.ts';

const connectionWindowBytes = 65_536;

/** A server that keeps the credit until the test gives it. */
function holding(limits: Partial<Http2Limits>, creditsOnReceipt = true): Harness {
  return harness({
    role: 'server',
    creditsOnReceipt,
    limits: { connectionWindowBytes, ...limits },
    handler: { onData: () => {} },
  });
}

function streamOf(server: Harness, id: number): Http2Stream<string> {
  const stream = server.streams.get(id);
  assert.ok(stream);
  return stream;
}

/** What the peer may still send on the connection, what is not announced yet included. */
function connectionWindow({ connection }: Harness): number {
  return connection.connectionReceiveWindow + connection.unannouncedCredit;
}

test('credit on receipt: the connection window is back before anybody took the bytes, that of the stream is not', () => {
  const server = holding({});
  const half = Buffer.alloc(16_384);
  assert.deepEqual(server.send(build.headers(1, request), build.data(1, half)), []);
  assert.deepEqual(server.send(build.data(1, half)), ['WINDOW_UPDATE 0 32768']);
  server.connection.creditReceived(streamOf(server, 1), 32_768);
  assert.deepEqual(server.transcript(), ['WINDOW_UPDATE 1 32768']);
  assert.equal(connectionWindow(server), connectionWindowBytes);
});

test('credit on receipt: a byte more than the window in one go is still a connection error', () => {
  const server = holding({ connectionWindowBytes: 65_535, streamWindowBytes: 2 ** 20 });
  server.connection.connectionReceiveWindow = 16_384;
  assert.deepEqual(server.send(build.headers(1, request), build.data(1, Buffer.alloc(16_384))), []);
  assert.deepEqual(server.send(build.data(1, 'x')), ['GOAWAY 1 FLOW_CONTROL_ERROR']);
});

test('credit on receipt: whatever becomes of the bytes, the connection window comes back once', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('data' as const), bytes: fc.integer({ min: 0, max: 9_000 }), padded: fc.boolean() }),
    fc.record({ kind: fc.constant('credit' as const), bytes: fc.integer({ min: 0, max: 9_000 }) }),
    fc.constant({ kind: 'end' as const }),
    fc.constant({ kind: 'reset' as const }),
    fc.constant({ kind: 'cancel' as const }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const server = holding({ streamWindowBytes: 2 ** 20, abuseBudget: 1e9 });
      let id = 1;
      server.send(build.headers(id, request));
      const renew = (): void => {
        id += 2;
        server.send(build.headers(id, request));
      };
      for (const one of steps) {
        switch (one.kind) {
          case 'data':
            server.send(
              one.padded ? build.paddedData(id, 'x'.repeat(one.bytes), 200) : build.data(id, Buffer.alloc(one.bytes)),
            );
            break;
          case 'credit':
            server.connection.creditReceived(streamOf(server, id), one.bytes);
            break;
          case 'end':
            server.send(build.data(id, 'end', END_STREAM));
            server.connection.creditReceived(streamOf(server, id), 3);
            renew();
            break;
          case 'reset':
            server.send(build.reset(id, ErrorCode.CANCEL), build.data(id, Buffer.alloc(100)));
            renew();
            break;
          case 'cancel':
            server.connection.resetStream(streamOf(server, id), ErrorCode.CANCEL);
            server.send(build.data(id, Buffer.alloc(100)));
            renew();
        }
        assert.equal(server.connection.isClosed, false);
        assert.equal(connectionWindow(server), connectionWindowBytes);
      }
    }),
  );
});

test('firstWindowDivisor: a stream begins with a part of its window, a byte more is a stream error', () => {
  const server = holding({ streamWindowBytes: 4_000, firstWindowDivisor: 4 }, false);
  assert.deepEqual(server.send(build.headers(1, request), build.data(1, Buffer.alloc(1_000))), []);
  assert.deepEqual(server.send(build.data(1, 'x')), ['RST_STREAM 1 FLOW_CONTROL_ERROR']);
});

test('firstWindowDivisor: the part is what the peer is told, rounded up', () => {
  const server = harness({ role: 'server', raw: true, limits: { streamWindowBytes: 10, firstWindowDivisor: 4 } });
  const hello = Buffer.concat(server.connection.output.take());
  assert.ok(hello.includes(Buffer.from([0, 4, 0, 0, 0, 3])));
});

test('firstWindowDivisor: credit for what was sent before the peer knew of it is not held back', () => {
  const limits = { streamWindowBytes: 4_000, firstWindowDivisor: 4, connectionWindowBytes: 2 ** 20 };
  const server = harness({ role: 'server', raw: true, limits, handler: { onData: () => {} } });
  server.transcript();
  server.send(build.preface, build.settings(), build.headers(1, request), build.data(1, Buffer.alloc(2_000)));
  server.connection.creditReceived(streamOf(server, 1), 2_000);
  assert.deepEqual(server.transcript(), ['WINDOW_UPDATE 1 2000']);
  // From a window of 1,000 less the 2,000 that were sent, and what was credited: the peer may go on.
  assert.deepEqual(server.send(build.settingsAck, build.data(1, Buffer.alloc(1_000))), []);
  assert.deepEqual(server.send(build.data(1, 'x')), ['RST_STREAM 1 FLOW_CONTROL_ERROR']);
});

test('GROWN_AFTER_WINDOWS: the whole window is granted once so many first ones were taken, not a byte before', () => {
  const firstBytes = 8_192;
  const windows = { streamWindowBytes: 4 * firstBytes, firstWindowDivisor: 4, connectionWindowBytes: 2 ** 20 };
  const server = holding(windows, false);
  const head = server.send(build.headers(1, request));
  assert.deepEqual(head, []);
  const stream = streamOf(server, 1);
  // Frames and their heads count as they came.
  const growsAt = GROWN_AFTER_WINDOWS * firstBytes;
  const half = firstBytes / 2;
  const small: string = `WINDOW_UPDATE 1 ${half}`;
  const announced: string[] = [];
  let growsBefore = 0;
  for (let window = 0; window < 4 * GROWN_AFTER_WINDOWS && announced.every((line) => line === small); window++) {
    growsBefore = stream.receivedBytes;
    announced.push(...server.send(build.data(1, Buffer.alloc(half))));
    server.connection.creditReceived(stream, half);
    announced.push(...server.transcript());
  }
  assert.ok(growsBefore < growsAt && stream.receivedBytes >= growsAt);
  assert.equal(announced.at(-1), `WINDOW_UPDATE 1 ${half + 3 * firstBytes}`);
  // All of it, and not more.
  assert.deepEqual(server.send(build.data(1, Buffer.alloc(16_384)), build.data(1, Buffer.alloc(16_384))), []);
  assert.deepEqual(server.send(build.data(1, 'x')), ['RST_STREAM 1 FLOW_CONTROL_ERROR']);
});

test('a stream whose bytes nobody takes keeps the first part of its window', () => {
  const server = holding({ streamWindowBytes: 4_000, firstWindowDivisor: 4 });
  for (let id = 1; id < 200; id += 2) {
    const lines = server.send(build.headers(id, request), build.data(id, Buffer.alloc(1_000)));
    assert.deepEqual(
      lines.filter((line) => !line.startsWith('WINDOW_UPDATE 0')),
      [],
    );
  }
  assert.equal(connectionWindow(server), connectionWindowBytes);
});

test('awaitWindow: who waits without having been cut short is told, too', () => {
  const server = harness({ role: 'server' });
  server.send(build.headers(1, request));
  const body = Buffer.alloc(65_535);
  assert.equal(server.connection.sendData(streamOf(server, 1), body, 0, body.length, false), body.length);
  server.connection.awaitWindow();
  server.calls();
  server.send(build.windowUpdate(0, 1), build.windowUpdate(0, 1));
  assert.deepEqual(server.calls(), ['window connection']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { build, END_STREAM, harness, request, timesUntilClosed, type Harness } from '../../test/kit/frame-peer.ts';
import { ErrorCode, internField, type Http2Stream } from './index.ts';
import { AbuseCost } from './limits.ts';

const ok = [internField(':status', '200')];

/** A server that keeps the credit until the test gives it. */
function holding(limits: { streamWindowBytes?: number; connectionWindowBytes?: number } = {}): Harness {
  return harness({ role: 'server', limits, handler: { onData: () => {} } });
}

function streamOf(server: Harness, id: number): Http2Stream<string> {
  const stream = server.streams.get(id);
  assert.ok(stream);
  return stream;
}

test('credit is announced in batches of half a window', () => {
  const server = holding();
  server.send(build.headers(1, request), build.data(1, Buffer.alloc(16_384)), build.data(1, Buffer.alloc(16_384)));
  const stream = streamOf(server, 1);
  server.connection.creditReceived(stream, 32_767);
  assert.deepEqual(server.transcript(), []);
  server.connection.creditReceived(stream, 1);
  assert.deepEqual(server.transcript(), ['WINDOW_UPDATE 1 32768']);
});

test('streamWindowBytes and connectionWindowBytes: a byte more is a stream error, or a connection error', () => {
  const server = holding({ streamWindowBytes: 65_535 });
  const frames = Array.from({ length: 4 }, () => build.data(1, Buffer.alloc(16_384)));
  assert.deepEqual(server.send(build.headers(1, request), ...frames.slice(0, 3)), []);
  assert.deepEqual(server.send(build.data(1, Buffer.alloc(16_383))), []);
  assert.deepEqual(server.send(build.data(1, 'x')), ['RST_STREAM 1 FLOW_CONTROL_ERROR']);
  const small = holding({ streamWindowBytes: 2 ** 20, connectionWindowBytes: 65_535 });
  small.send(build.headers(1, request), ...frames.slice(0, 3), build.data(1, Buffer.alloc(16_383)));
  assert.deepEqual(small.send(build.data(1, 'x')), ['GOAWAY 1 FLOW_CONTROL_ERROR']);
});

test('a stream window below the default binds only after the acknowledgement', () => {
  const server = harness({
    role: 'server',
    raw: true,
    limits: { streamWindowBytes: 10 },
    handler: { onData: () => {} },
  });
  server.transcript();
  server.send(build.preface, build.settings(), build.headers(1, request), build.data(1, Buffer.alloc(11)));
  assert.deepEqual(server.send(build.settingsAck), []);
  assert.deepEqual(server.send(build.headers(3, request), build.data(3, Buffer.alloc(10))), []);
  assert.deepEqual(server.send(build.data(3, 'x')), ['RST_STREAM 3 FLOW_CONTROL_ERROR']);
});

test('padding counts and comes back by itself', () => {
  const server = holding({ streamWindowBytes: 1000 });
  server.send(build.headers(1, request));
  for (let round = 0; round < 10; round++) {
    const stream = streamOf(server, 1);
    server.send(build.paddedData(1, 'abcde', 200));
    server.connection.creditReceived(stream, 5);
    assert.ok(!stream.isClosed, `round ${round}`);
  }
});

test('cancelled uploads, padded or not, leak nothing of the connection window', () => {
  const server = holding();
  const connection = server.connection;
  let announced = 0;
  const full = 1024 * 1024;
  for (let i = 0; i < 2000; i++) {
    const id = 1 + 2 * i;
    server.nowMs += 1000;
    const lines = server.send(
      build.headers(id, request),
      build.data(id, Buffer.alloc(3000)),
      build.reset(id, ErrorCode.CANCEL),
      build.paddedData(id, 'late data of a stream that is gone', 100),
    );
    for (const line of lines) announced += line.startsWith('WINDOW_UPDATE 0') ? Number(line.split(' ')[2]) : 0;
  }
  assert.ok(announced > 4 * full);
  assert.equal(connection.connectionReceiveWindow + connection.unannouncedCredit, full);
});

test('what is credited after a clean end goes to the connection only, and never twice', () => {
  const server = holding();
  server.send(build.headers(1, request), build.data(1, Buffer.alloc(1000), END_STREAM));
  const stream = streamOf(server, 1);
  server.connection.sendHeaders(stream, ok, 1, true);
  assert.ok(stream.isClosed);
  for (let i = 0; i < 3; i++) server.connection.creditReceived(stream, 600);
  const { connection } = server;
  assert.equal(connection.connectionReceiveWindow + connection.unannouncedCredit, 1024 * 1024);
});

test('the connection window wakes up once for all', () => {
  const server = harness({ role: 'server' });
  server.send(build.settings([[4, 2 ** 20]]), build.headers(1, request), build.headers(3, request));
  const body = Buffer.alloc(100_000);
  assert.equal(server.connection.sendData(streamOf(server, 1), body, 0, body.length, true), 65_535);
  assert.equal(server.connection.sendData(streamOf(server, 3), body, 0, body.length, true), 0);
  assert.equal(server.connection.sendWindow, 0);
  server.calls();
  server.send(build.windowUpdate(0, 200_000));
  assert.deepEqual(server.calls(), ['window connection']);
  assert.equal(server.connection.sendData(streamOf(server, 1), body, 65_535, body.length, true), 34_465);
});

test('DATA is cut to the peer frame size, and copied: the caller may use its buffer again', () => {
  const server = harness({ role: 'server' });
  server.send(build.settings([[4, 2 ** 20]]), build.windowUpdate(0, 2 ** 20), build.headers(1, request));
  const body = Buffer.alloc(40_000, 'x');
  server.connection.sendData(streamOf(server, 1), body, 0, body.length, true);
  body.fill('y');
  const bytes = Buffer.concat(server.connection.output.take());
  assert.equal(bytes.length, 40_000 + 3 * 9);
  assert.deepEqual(
    [0, 9 + 16_384, 2 * (9 + 16_384)].map((at) => bytes.readUIntBE(at, 3)),
    [16_384, 16_384, 40_000 - 2 * 16_384],
  );
  assert.equal(bytes[2 * (9 + 16_384) + 4], END_STREAM);
  assert.equal(bytes.includes('y'), false);
});

test('an empty last DATA needs no window', () => {
  const server = harness({ role: 'server' });
  server.send(build.settings([[4, 0]]), build.headers(1, request));
  assert.equal(server.connection.sendData(streamOf(server, 1), Buffer.alloc(0), 0, 0, true), 0);
  assert.deepEqual(server.transcript(), ['DATA 1 "" END_STREAM']);
});

test('both windows against a model, under random SETTINGS, WINDOW_UPDATE and DATA', () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant('settings' as const), value: fc.integer({ min: 0, max: 100_000 }) }),
    fc.record({ kind: fc.constant('stream' as const), value: fc.integer({ min: 1, max: 50_000 }) }),
    fc.record({ kind: fc.constant('connection' as const), value: fc.integer({ min: 1, max: 50_000 }) }),
    fc.record({ kind: fc.constant('send' as const), value: fc.integer({ min: 0, max: 60_000 }) }),
  );
  const body = Buffer.alloc(60_000);
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const server = harness({ role: 'server' });
      server.send(build.headers(1, request));
      const stream = streamOf(server, 1);
      const model = { initial: 65_535, stream: 65_535, connection: 65_535 };
      for (const { kind, value } of actions) {
        server.nowMs += 1000;
        if (kind === 'settings') {
          server.send(build.settings([[4, value]]));
          model.stream += value - model.initial;
          model.initial = value;
        } else if (kind === 'stream') {
          server.send(build.windowUpdate(1, value));
          model.stream += value;
        } else if (kind === 'connection') {
          server.send(build.windowUpdate(0, value));
          model.connection += value;
        } else {
          const taken = server.connection.sendData(stream, body, 0, value, false);
          assert.equal(taken, Math.max(0, Math.min(value, model.stream, model.connection)));
          model.stream -= taken;
          model.connection -= taken;
        }
        assert.deepEqual([stream.sendWindow, server.connection.sendWindow], [model.stream, model.connection]);
      }
    }),
  );
});

test('who sent exactly as much as the windows let out was not short of them, and hears nothing', () => {
  const server = harness({ role: 'server' });
  server.send(build.headers(1, request), build.headers(3, request), build.settings([[4, 2 ** 20]]));
  const body = Buffer.alloc(65_535);
  assert.equal(server.connection.sendData(streamOf(server, 1), body, 0, body.length, false), body.length);
  server.send(build.settings([[4, 10]]), build.windowUpdate(0, 10));
  assert.equal(server.connection.sendData(streamOf(server, 3), body, 0, 10, false), 10);
  server.calls();
  server.send(build.windowUpdate(0, 100), build.windowUpdate(3, 100));
  assert.deepEqual(server.calls(), []);
});

test('without window nothing is written, neither a frame without bytes nor an end before its bytes', () => {
  const server = harness({ role: 'server' });
  server.send(build.settings([[4, 0]]), build.headers(1, request));
  for (const endStream of [false, true]) {
    assert.equal(server.connection.sendData(streamOf(server, 1), Buffer.from('abc'), 0, 3, endStream), 0);
    assert.equal(server.connection.sendData(streamOf(server, 1), Buffer.from('abc'), 3, 3, false), 0);
  }
  assert.deepEqual(server.transcript(), []);
  assert.equal(streamOf(server, 1).sentBytes, 0);
});

test('a part of a buffer is counted as what it is, in frames of any size', () => {
  const server = harness({ role: 'server' });
  server.send(build.headers(1, request));
  const body = Buffer.alloc(40_000);
  assert.equal(server.connection.sendData(streamOf(server, 1), body, 10_000, 30_000, false), 20_000);
  assert.equal(streamOf(server, 1).sentBytes, 20_000 + 2 * 9);
  // Two frames and 15 + 3 whole KiB in them, beside what a connection and a stream may have.
  const free = 16 + 4 + 2 * 2 + 2 * (16 + 3);
  for (let i = 0; i < free; i++) server.send(build.windowUpdate(0, 1));
  timesUntilClosed(server, AbuseCost.needlessWindowUpdate, () => build.windowUpdate(0, 1));
});

test('credit for a stream whose end has come goes to the connection only, also half a window at once', () => {
  const server = holding({ connectionWindowBytes: 65_536 });
  server.send(
    build.headers(1, request),
    build.data(1, Buffer.alloc(16_384)),
    build.data(1, Buffer.alloc(16_384), END_STREAM),
  );
  server.connection.creditReceived(streamOf(server, 1), 32_767);
  assert.deepEqual(server.transcript(), []);
  server.connection.creditReceived(streamOf(server, 1), 1);
  assert.deepEqual(server.transcript(), ['WINDOW_UPDATE 0 32768']);
});

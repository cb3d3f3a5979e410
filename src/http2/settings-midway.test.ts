/** What changes in the middle of a connection: our SETTINGS when they are acknowledged, the peer's when they come again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { block, build, END_HEADERS, END_STREAM, harness, request, type Harness } from '../../test/kit/frame-peer.ts';
import { naiveInteger, naiveLiteral } from '../../test/kit/naive-hpack.ts';

const full = END_HEADERS | END_STREAM;
const inserted = Buffer.concat([block(request), naiveLiteral('x-kept', 'yes', 0x40)]);
const looksUp = Buffer.concat([block(request), Buffer.of(0xbe)]);
const update = (bytes: number): Buffer => naiveInteger(bytes, 5, 0x20);

/** A server whose SETTINGS the client has not acknowledged yet. */
function unacknowledged(headerTableBytes: number): Harness {
  const server = harness({ role: 'server', raw: true, limits: { headerTableBytes } });
  server.transcript();
  server.send(build.preface, build.settings());
  server.calls();
  return server;
}

const heard = (server: Harness): string[] => server.calls().filter((call) => /^(headers|failed)/.test(call));
const kept = (id: number): RegExp => new RegExp(`^headers ${id} .* x-kept=yes end$`);

for (const headerTableBytes of [0, 40, 4095, 4096])
  test(`headerTableBytes of ${headerTableBytes}: until it is acknowledged the client has the protocol’s table`, () => {
    const server = unacknowledged(headerTableBytes);
    server.send(build.headerBlock(1, inserted, full), build.headerBlock(3, looksUp, full));
    const calls = heard(server);
    assert.match(calls[0] ?? '', kept(1));
    assert.match(calls[1] ?? '', kept(3));
  });

test('a smaller header table is announced in the first block after the acknowledgement, and holds from there', () => {
  const server = unacknowledged(40);
  server.send(build.headerBlock(1, inserted, full), build.settingsAck);
  server.send(build.headerBlock(3, Buffer.concat([update(40), block(request)]), full));
  server.send(build.headerBlock(5, inserted, full));
  assert.equal(heard(server).length, 3);
  assert.deepEqual(server.send(build.headerBlock(7, looksUp, full)), ['GOAWAY 5 COMPRESSION_ERROR']);
  const silent = unacknowledged(40);
  assert.deepEqual(silent.send(build.settingsAck, build.headers(1, request, full)), ['GOAWAY 0 COMPRESSION_ERROR']);
  assert.deepEqual(heard(silent), ['failed COMPRESSION_ERROR: missing table size update']);
});

test('a larger header table may be used and need not be', () => {
  for (const [bytes, isTaken] of [
    [8192, true],
    [8193, false],
  ] as const) {
    const server = unacknowledged(8192);
    server.send(build.settingsAck, build.headers(1, request, full));
    server.send(build.headerBlock(3, Buffer.concat([update(bytes), block(request)]), full));
    assert.equal(server.connection.isClosed, !isTaken, `${bytes}`);
  }
});

test('a window that our SETTINGS made negative still lets an empty end through, and nothing else', () => {
  for (const [last, answer] of [
    [build.data(1, '', END_STREAM), []],
    [build.data(1, ''), []],
    [build.data(1, 'x', END_STREAM), ['RST_STREAM 1 FLOW_CONTROL_ERROR']],
    [build.paddedData(1, '', 0, END_STREAM), ['RST_STREAM 1 FLOW_CONTROL_ERROR']],
  ] as const) {
    const limits = { streamWindowBytes: 10 };
    const server = harness({ role: 'server', raw: true, limits, handler: { onData: () => {} } });
    server.transcript();
    server.send(build.preface, build.settings(), build.headers(1, request), build.data(1, 'eleven byte'));
    server.send(build.settingsAck);
    assert.deepEqual(server.send(last), answer);
    assert.equal(server.streams.get(1)?.isRemoteEnded, answer.length === 0 && last[4] === END_STREAM);
  }
});

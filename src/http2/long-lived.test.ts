/** Streams that outlive hundreds of others: how they ended is not remembered any more when their last frames come. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build, END_HEADERS, END_STREAM, harness, request, type Harness } from '../../test/kit/frame-peer.ts';
import { ErrorCode, internField, type Http2Stream } from './index.ts';

const full = END_HEADERS | END_STREAM;
const others = 600;
/** A window full of short messages, as many as can be under way when the stream is cancelled. */
const window = 65_535;
const message = Buffer.alloc(90);

function lateMessages(id: number): Uint8Array[] {
  return Array.from({ length: Math.floor(window / message.length) }, () => build.data(id, message));
}

/** A server with an old live stream. */
function oldAtServer(): readonly [Harness, Http2Stream<string>] {
  const server = harness({ role: 'server' });
  for (let i = 0; i <= others; i++) {
    server.send(build.headers(1 + 2 * i, request, i === 0 ? END_HEADERS : full));
    const stream = server.streams.get(1 + 2 * i) ?? assert.fail('no stream');
    if (i > 0) server.connection.sendHeaders(stream, [internField(':status', '200')], 1, true);
  }
  server.transcript();
  return [server, server.streams.get(1) ?? assert.fail('no stream')];
}

/** A client with an old live stream, whose response has begun. */
function oldAtClient(): readonly [Harness, Http2Stream<string>] {
  const client = harness({ role: 'client' });
  const open = (): Http2Stream<string> => {
    const stream = client.connection.openStream('one') ?? assert.fail('no stream');
    client.connection.sendHeaders(stream, [internField(':method', 'POST')], 1, true);
    return stream;
  };
  const old = open();
  client.send(build.headers(old.id, [[':status', '200']]));
  for (let i = 0; i < others; i++) client.send(build.headers(open().id, [[':status', '200']], full));
  return [client, old];
}

for (const [role, make] of [
  ['server', oldAtServer],
  ['client', oldAtClient],
] as const) {
  test(`an old stream that a ${role} cancels: what was under way is ignored and costs nothing, more than that does`, () => {
    const [peer, old] = make();
    peer.connection.resetStream(old, ErrorCode.CANCEL);
    assert.deepEqual(peer.transcript(), [`RST_STREAM ${old.id} CANCEL`]);
    peer.calls();
    const answers = peer.send(...lateMessages(old.id), build.headers(old.id, [['grpc-status', '0']], full));
    assert.deepEqual(
      answers.filter((line) => !line.startsWith('WINDOW_UPDATE 0')),
      [],
    );
    assert.deepEqual(peer.calls(), []);
    assert.equal(peer.connection.isClosed, false);
    for (let i = 0; i < 2_000 && !peer.connection.isClosed; i++) peer.send(build.data(old.id, message));
    assert.ok(peer.calls().includes('limit abuse-score'));
  });

  test(`an old stream at a ${role} that ended: what still comes for it is ignored, and costs`, () => {
    const [peer, old] = make();
    peer.send(build.reset(old.id, ErrorCode.CANCEL));
    peer.calls();
    assert.deepEqual(peer.send(build.data(old.id, message), build.headers(old.id, [['a', 'b']], full)), []);
    assert.deepEqual(peer.calls(), []);
    for (let i = 0; i < 2_000 && !peer.connection.isClosed; i++) peer.send(build.data(old.id, message));
    assert.ok(peer.calls().includes('limit abuse-score'));
  });
}

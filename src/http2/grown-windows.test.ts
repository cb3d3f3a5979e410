/** How far the window of a stream grows: once, when its receiver has taken so much, and never beyond the whole of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build, harness, request, type Harness } from '../../test/kit/frame-peer.ts';
import { Http2Connection } from './index.ts';
import { GROWN_AFTER_WINDOWS } from './limits.ts';

const firstBytes = 4_096;
const wholeBytes = 4 * firstBytes;
const limits = { streamWindowBytes: wholeBytes, firstWindowDivisor: 4, connectionWindowBytes: 2 ** 20 };

function server(): Harness {
  return harness({ role: 'server', limits, handler: { onData: () => {} } });
}

/** Window that lines announce for stream 1. */
function grantedBy(lines: readonly string[]): number {
  const mine = lines.filter((line) => line.startsWith('WINDOW_UPDATE 1 '));
  return mine.reduce((sum, line) => sum + Number(line.split(' ')[2]), 0);
}

function credit(peer: Harness, bytes: number): number {
  peer.connection.creditReceived(peer.streams.get(1) ?? assert.fail('no stream'), bytes);
  return grantedBy(peer.transcript());
}

test('the peer may never send more than the whole window beyond what was taken, however long the stream', () => {
  const peer = server();
  peer.send(build.headers(1, request));
  const part = 1_024;
  let window = firstBytes;
  for (let sent = part; sent <= 50 * wholeBytes; sent += part) {
    assert.deepEqual(peer.send(build.data(1, Buffer.alloc(part))), [], `${sent} sent`);
    window += credit(peer, part) - part;
    assert.ok(window <= wholeBytes, `${window} after ${sent}`);
  }
  // Half of it at most is held back.
  assert.ok(window > wholeBytes / 2, `${window}`);
});

/** DATA and its credit to the very byte, heads included. */
function take(peer: Harness, wireBytes: number): number {
  const bytes = wireBytes - 9;
  peer.send(build.data(1, Buffer.alloc(bytes)));
  return credit(peer, bytes);
}

test('the window grows with the byte that makes it so much, not with the one before', () => {
  for (const missing of [1, 0]) {
    const peer = server();
    const head = build.headers(1, request);
    peer.send(head);
    const half = firstBytes / 2;
    const before = 2 * GROWN_AFTER_WINDOWS - 1;
    const last = GROWN_AFTER_WINDOWS * firstBytes - head.length - before * half - missing;
    for (let i = 0; i < before; i++) take(peer, half);
    const taken = take(peer, last);
    const next = take(peer, half + 9);
    const more = wholeBytes - firstBytes;
    assert.deepEqual([taken >= more, next >= more], [missing === 0, missing === 1], `${missing} missing`);
  }
});

test('what arrived and was not taken says nothing for its receiver', () => {
  const peer = server();
  peer.send(build.headers(1, request));
  let granted = 0;
  // Half of the first window is never taken.
  peer.send(build.data(1, Buffer.alloc(firstBytes / 2)));
  for (let i = 0; i < 2; i++) {
    peer.send(build.data(1, Buffer.alloc(firstBytes / 2)));
    granted += credit(peer, firstBytes / 2);
  }
  assert.equal(granted, firstBytes);
});

test('who does not ask for it gets no credit on receipt', () => {
  const { handler, limits: theirs } = server().connection;
  const plain = new Http2Connection({ role: 'server', handler, limits: theirs });
  assert.equal(plain.creditsOnReceipt, false);
});

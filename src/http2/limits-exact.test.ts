/** Limits that act on one number: at it, and one past it. Floods and what must survive are in `limits.test.ts`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  build,
  cutFrames,
  END_HEADERS,
  END_STREAM,
  frame,
  harness,
  request,
  response,
  timesUntilClosed,
  type Harness,
} from '../../test/kit/frame-peer.ts';
import { AbuseScore } from './abuse-score.ts';
import { defaultLimits, internField } from './index.ts';
import {
  ABUSE_BUDGET,
  ABUSE_EARNED_PER_COMPLETED_STREAM,
  ABUSE_REFILL_PER_SECOND,
  AbuseCost,
  ASSUMED_PEER_CONCURRENT_STREAMS,
  GRACEFUL_GOAWAYS,
  INITIAL_PRIORITY_ALLOWANCE,
  INITIAL_WINDOW_UPDATE_ALLOWANCE,
  MAX_CONTINUATION_FRAMES,
  MAX_ENCODER_TABLE_BYTES,
  MAX_GOAWAY_DEBUG_BYTES,
  MAX_HEADER_BLOCK_BYTES,
  MAX_INFORMATIONAL_RESPONSES,
  MAX_RECEIVED_FRAME_BYTES,
  MAX_SENT_FRAME_BYTES,
  MAX_SETTINGS_PER_FRAME,
  MAX_WINDOW_UPDATE_ALLOWANCE,
  PRIORITIES_PER_STREAM,
  TINY_DATA_BYTES,
  WINDOW_UPDATES_PER_STREAM,
} from './limits.ts';

const full = END_HEADERS | END_STREAM;
const server = (): Harness => harness({ role: 'server' });

function openClient(count: number): Harness {
  const client = harness({ role: 'client' });
  for (let i = 0; i < count; i++) {
    const stream = client.connection.openStream(`${i}`);
    assert.ok(stream !== undefined);
    client.connection.sendHeaders(stream, [internField(':method', 'POST')], 1, false);
  }
  client.transcript();
  return client;
}

test('MAX_RECEIVED_FRAME_BYTES', () => {
  const peer = server();
  peer.send(build.headers(1, request));
  assert.deepEqual(peer.send(build.data(1, Buffer.alloc(MAX_RECEIVED_FRAME_BYTES))), []);
  assert.deepEqual(peer.send(build.data(1, Buffer.alloc(MAX_RECEIVED_FRAME_BYTES + 1))), ['GOAWAY 1 FRAME_SIZE_ERROR']);
});

test('MAX_SENT_FRAME_BYTES, though the peer takes more', () => {
  const peer = server();
  peer.send(build.settings([[5, 2 * MAX_SENT_FRAME_BYTES]]), build.headers(1, request));
  const stream = peer.streams.get(1);
  assert.ok(stream !== undefined);
  const body = Buffer.alloc(MAX_SENT_FRAME_BYTES + 1);
  peer.connection.sendData(stream, body, 0, MAX_SENT_FRAME_BYTES, false);
  peer.connection.sendData(stream, body, 0, body.length, false);
  const sizes = cutFrames(Buffer.concat(peer.connection.output.take())).map(({ payload }) => payload.length);
  assert.deepEqual(sizes, [MAX_SENT_FRAME_BYTES, MAX_SENT_FRAME_BYTES, 1]);
});

test('MAX_CONTINUATION_FRAMES and MAX_HEADER_BLOCK_BYTES', () => {
  const first = build.headers(1, request, END_STREAM);
  const empty = (flags = 0): Uint8Array => build.continuation(1, Buffer.alloc(0), flags);
  const many = Array.from({ length: MAX_CONTINUATION_FRAMES - 1 }, () => empty());
  const at = server();
  at.send(first, ...many, empty(END_HEADERS));
  assert.deepEqual([at.connection.isClosed, at.connection.activeStreams], [false, 1]);
  const past = server();
  assert.deepEqual(past.send(first, ...many, empty(), empty(END_HEADERS)), ['GOAWAY 0 ENHANCE_YOUR_CALM']);
  const part = Buffer.alloc(MAX_HEADER_BLOCK_BYTES / 4);
  const quarters = [build.headerBlock(1, part, 0), build.continuation(1, part, 0), build.continuation(1, part, 0)];
  // Zeros are no header block, so one that is not too long is decoded, and refused for that.
  assert.deepEqual(server().send(...quarters, build.continuation(1, part)), ['GOAWAY 0 COMPRESSION_ERROR']);
  const more = [build.continuation(1, part, 0), build.continuation(1, Buffer.of(0))];
  assert.deepEqual(server().send(...quarters, ...more), ['GOAWAY 0 ENHANCE_YOUR_CALM']);
});

test('MAX_SETTINGS_PER_FRAME', () => {
  const entries = Array.from({ length: MAX_SETTINGS_PER_FRAME }, (): [number, number] => [0xf000, 0]);
  assert.deepEqual(server().send(build.settings(entries)), ['SETTINGS ACK']);
  assert.deepEqual(server().send(build.settings([...entries, [0xf000, 0]])), ['GOAWAY 0 ENHANCE_YOUR_CALM']);
});

test('MAX_INFORMATIONAL_RESPONSES', () => {
  const hint = build.headers(1, [[':status', '103']]);
  const client = openClient(1);
  for (let i = 0; i < MAX_INFORMATIONAL_RESPONSES; i++) assert.deepEqual(client.send(hint), []);
  assert.deepEqual(client.send(build.headers(1, response)), []);
  const past = openClient(1);
  for (let i = 0; i < MAX_INFORMATIONAL_RESPONSES; i++) past.send(hint);
  assert.deepEqual(past.send(hint), ['RST_STREAM 1 ENHANCE_YOUR_CALM']);
});

test('ASSUMED_PEER_CONCURRENT_STREAMS, until SETTINGS say otherwise', () => {
  const client = harness({ role: 'client', raw: true });
  for (let i = 0; i < ASSUMED_PEER_CONCURRENT_STREAMS; i++)
    assert.ok(client.connection.openStream(`${i}`) !== undefined);
  assert.equal(client.connection.openStream('one more'), undefined);
  client.connection.receive(build.settings());
  assert.ok(client.connection.openStream('one more') !== undefined);
});

test('MAX_ENCODER_TABLE_BYTES, whatever more the peer offers', () => {
  for (const [offered, used] of [
    [MAX_ENCODER_TABLE_BYTES - 1, MAX_ENCODER_TABLE_BYTES - 1],
    [MAX_ENCODER_TABLE_BYTES, MAX_ENCODER_TABLE_BYTES],
    [MAX_ENCODER_TABLE_BYTES + 1, MAX_ENCODER_TABLE_BYTES],
  ] as const) {
    const peer = server();
    peer.send(build.settings([[1, 0]]), build.settings([[1, offered]]), build.headers(1, request, full));
    const stream = peer.streams.get(1);
    assert.ok(stream !== undefined);
    peer.connection.sendHeaders(stream, [internField(':status', '200')], 1, true);
    const [head] = cutFrames(Buffer.concat(peer.connection.output.take()));
    // Size updates: down to 0, then up; 31 in the prefix, the rest in 7 bits each.
    const rest = used - 31;
    assert.deepEqual([...(head?.payload ?? [])], [0x20, 0x3f, (rest & 0x7f) | 0x80, rest >> 7, 0x88]);
  }
});

test('MAX_GOAWAY_DEBUG_BYTES', () => {
  for (const [sent, kept] of [
    [MAX_GOAWAY_DEBUG_BYTES, MAX_GOAWAY_DEBUG_BYTES],
    [MAX_GOAWAY_DEBUG_BYTES + 1, MAX_GOAWAY_DEBUG_BYTES],
  ] as const) {
    const peer = server();
    peer.send(build.goaway(0, 0, 'x'.repeat(sent)));
    assert.deepEqual(peer.calls(), [`goaway 0 NO_ERROR ${'x'.repeat(kept)}`]);
  }
});

test('GRACEFUL_GOAWAYS are free, the next ones are each a repeatedGoaway', () => {
  const peer = server();
  for (let i = 0; i < GRACEFUL_GOAWAYS; i++) peer.send(build.goaway(0, 0));
  timesUntilClosed(peer, AbuseCost.repeatedGoaway, () => build.goaway(0, 0));
});

test('TINY_DATA_BYTES: one less is tinyData, none is emptyData', () => {
  for (const [size, cost] of [
    [TINY_DATA_BYTES - 1, AbuseCost.tinyData],
    [0, AbuseCost.emptyData],
  ] as const) {
    const peer = server();
    peer.send(build.headers(1, request));
    timesUntilClosed(peer, cost, () => build.data(1, Buffer.alloc(size)));
  }
  const peer = server();
  peer.send(build.headers(1, request));
  for (let i = 0; i < (2 * ABUSE_BUDGET) / AbuseCost.tinyData; i++)
    peer.send(build.data(1, Buffer.alloc(TINY_DATA_BYTES)));
  assert.ok(!peer.connection.isClosed);
});

test('INITIAL_PRIORITY_ALLOWANCE and PRIORITIES_PER_STREAM; beyond them needlessPriority', () => {
  const peer = server();
  for (let i = 0; i < INITIAL_PRIORITY_ALLOWANCE; i++) peer.send(build.priority(3, 1));
  timesUntilClosed(peer, AbuseCost.needlessPriority, () => build.priority(3, 1));
  const used = server();
  for (let i = 0; i < INITIAL_PRIORITY_ALLOWANCE; i++) used.send(build.priority(3, 1));
  used.send(build.headers(1, request, full));
  for (let i = 0; i < PRIORITIES_PER_STREAM; i++) used.send(build.priority(3, 1));
  timesUntilClosed(used, AbuseCost.needlessPriority, () => build.priority(3, 1));
});

test('INITIAL_WINDOW_UPDATE_ALLOWANCE and WINDOW_UPDATES_PER_STREAM; beyond them needlessWindowUpdate', () => {
  const peer = server();
  for (let i = 0; i < INITIAL_WINDOW_UPDATE_ALLOWANCE; i++) peer.send(build.windowUpdate(0, 1));
  timesUntilClosed(peer, AbuseCost.needlessWindowUpdate, () => build.windowUpdate(0, 1));
  const used = server();
  used.send(build.headers(1, request, full));
  for (let i = 0; i < INITIAL_WINDOW_UPDATE_ALLOWANCE + WINDOW_UPDATES_PER_STREAM; i++)
    used.send(build.windowUpdate(0, 1));
  timesUntilClosed(used, AbuseCost.needlessWindowUpdate, () => build.windowUpdate(0, 1));
});

test('idlePing, settings, strayAcknowledgement and ignoredFrame, for each KiB again', () => {
  timesUntilClosed(server(), AbuseCost.idlePing, () => build.ping());
  timesUntilClosed(server(), AbuseCost.settings, () => build.settings());
  timesUntilClosed(server(), AbuseCost.strayAcknowledgement, () => build.settingsAck);
  timesUntilClosed(server(), AbuseCost.strayAcknowledgement, () => build.ping('not sent', 1));
  timesUntilClosed(server(), AbuseCost.ignoredFrame, () => frame(200, 0, 0));
  timesUntilClosed(server(), 2 * AbuseCost.ignoredFrame, () => frame(200, 0, 0, Buffer.alloc(1024)));
});

test('ABUSE_REFILL_PER_SECOND and ABUSE_EARNED_PER_COMPLETED_STREAM', () => {
  const spend = (peer: Harness, times: number): void => {
    for (let i = 0; i < times; i++) peer.send(build.settingsAck);
  };
  const peer = server();
  spend(peer, ABUSE_BUDGET);
  peer.nowMs += 1000;
  spend(peer, ABUSE_REFILL_PER_SECOND);
  assert.ok(!peer.connection.isClosed);
  spend(peer, 1);
  assert.ok(peer.connection.isClosed);
  const busy = server();
  spend(busy, ABUSE_BUDGET);
  const streams = 2 / ABUSE_EARNED_PER_COMPLETED_STREAM;
  for (let i = 0; i < streams; i++) {
    const id = 1 + 2 * i;
    busy.send(build.headers(id, request, full));
    const stream = busy.streams.get(id);
    assert.ok(stream !== undefined);
    busy.connection.sendHeaders(stream, [internField(':status', '200')], 1, true);
  }
  spend(busy, 2);
  assert.ok(!busy.connection.isClosed);
  spend(busy, 1);
  assert.ok(busy.connection.isClosed);
});

test('MAX_WINDOW_UPDATE_ALLOWANCE: what DATA explained is saved up to it, and no further', () => {
  const score = new AbuseScore({ ...defaultLimits, abuseBudget: 0 });
  for (let i = 0; i < MAX_WINDOW_UPDATE_ALLOWANCE; i++) score.dataFrameSent(0);
  let free = 0;
  while (!score.isExhausted) {
    score.windowUpdate(1);
    free++;
  }
  // The last grant may go one step beyond; the update that is charged ends the loop.
  assert.ok(free - 1 >= MAX_WINDOW_UPDATE_ALLOWANCE && free - 1 <= MAX_WINDOW_UPDATE_ALLOWANCE + 2, `${free}`);
});

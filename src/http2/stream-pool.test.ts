/** Records of streams that serve one stream after the other: nobody can tell them from new ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { build, END_HEADERS, END_STREAM, harness, request, type Harness } from '../../test/kit/frame-peer.ts';
import { ErrorCode, internField } from './index.ts';
import { StreamFlag, StreamRecord } from './stream.ts';
import { returnStreams, takeStream } from './stream-pool.ts';

const status = internField(':status', '200');

/** A server that answers nothing by itself; `releases`: its owner lets go of each stream when it is closed. */
function server(releases: boolean): Harness {
  const self = harness({
    role: 'server',
    handler: {
      onStreamClosed: (stream) => {
        self.log.push(`closed ${stream.id}`);
        if (!releases) return;
        self.streams.delete(stream.id);
        self.connection.releaseStream(stream);
        // Again: nothing more happens.
        self.connection.releaseStream(stream);
      },
    },
  });
  return self;
}

/** Brings bytes as a transport does. */
function bring(peer: Harness, bytes: Uint8Array): void {
  peer.connection.receivePart(Buffer.from(bytes), 0, Number.POSITIVE_INFINITY);
}

test('a record that was used is like a new one', () => {
  const used = new StreamRecord<string>(1, 2, 3);
  for (const key of Object.keys(used)) Reflect.set(used, key, 77);
  returnStreams([used]);
  const taken = takeStream<string>(5, 6, 7);
  assert.equal(taken, used);
  assert.deepEqual(taken, new StreamRecord<string>(5, 6, 7));
});

test('of ten thousand records that come back at once not all are kept', () => {
  const records = Array.from({ length: 10_000 }, (_, index) => new StreamRecord<string>(index, 0, 0));
  const returned = new Set(records);
  returnStreams(records);
  assert.equal(records.length, 0);
  const taken = Array.from(returned, () => takeStream<string>(1, 0, 0));
  const again = taken.filter((record) => returned.has(record));
  assert.ok(again.length > 100, `${again.length} again`);
  assert.ok(again.length < 5_000, `${again.length} again`);
});

const ids = [1, 3, 5, 7, 9, 11];
const step = fc.record({
  connection: fc.nat(1),
  what: fc.constantFrom('request', 'whole', 'data', 'end', 'reset', 'window', 'answer', 'answerEnd', 'cancel'),
  id: fc.constantFrom(...ids),
  /** Where the frame is cut into two chunks. */
  cut: fc.nat(40),
});

function frameOf(what: string, id: number): Buffer | undefined {
  switch (what) {
    case 'request':
      return build.headers(id, request);
    case 'whole':
      return build.headers(id, request, END_HEADERS | END_STREAM);
    case 'data':
      return build.data(id, 'some data');
    case 'end':
      return build.data(id, 'the end', END_STREAM);
    case 'reset':
      return build.reset(id, ErrorCode.CANCEL);
    case 'window':
      return build.windowUpdate(id, 1_000 + id);
    default:
      return undefined;
  }
}

/** What the owner does of itself. */
function act(peer: Harness, what: string, id: number): void {
  const stream = peer.streams.get(id);
  if (stream === undefined) return;
  if (what === 'cancel') peer.connection.resetStream(stream, ErrorCode.CANCEL);
  else if (what.startsWith('answer')) peer.connection.sendHeaders(stream, [status], 1, what === 'answerEnd');
}

test('property: connections whose owner releases streams behave as those whose owner never does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const [pooled, plain] = [
        [server(true), server(true)],
        [server(false), server(false)],
      ];
      for (const { connection, what, id, cut } of steps) {
        const peers = [pooled[connection] as Harness, plain[connection] as Harness] as const;
        const bytes = frameOf(what, id);
        const [first, second] = peers.map((peer) => {
          if (bytes === undefined) act(peer, what, id);
          else {
            bring(peer, bytes.subarray(0, cut));
            // In the middle of the frame its stream may be cancelled, and another one begin elsewhere.
            if (cut % 3 === 0) act(peer, 'cancel', id);
            if (cut < bytes.length) bring(peer, bytes.subarray(cut));
          }
          return [...peer.transcript(), ...peer.calls(), peer.connection.activeStreams];
        });
        assert.deepEqual(first, second);
      }
    }),
    { numRuns: 1_000 },
  );
});

test('the rest of a frame whose stream was released goes to nobody, least of all to the stream that got its record', () => {
  const peer = server(true);
  bring(peer, build.headers(1, request));
  const stream = peer.streams.get(1) ?? assert.fail('no stream');
  const frame = build.data(1, 'abcdefghij', END_STREAM);
  bring(peer, frame.subarray(0, 12));
  peer.connection.resetStream(stream, ErrorCode.CANCEL);
  const other = server(true);
  // The record goes back to the pool with the next chunk, and out again with the next stream.
  bring(peer, frame.subarray(12, 15));
  bring(other, build.headers(1, request));
  assert.equal(other.streams.get(1), stream);
  other.calls();
  peer.calls();
  bring(peer, frame.subarray(15));
  assert.deepEqual([peer.calls(), other.calls()], [[], []]);
  assert.equal(other.streams.get(1)?.isRemoteEnded, false);
});

test('a stream that is open stays, and one that was released can still be looked at until the next chunk', () => {
  const peer = server(false);
  bring(peer, build.headers(1, request));
  const stream = peer.streams.get(1) as StreamRecord<string>;
  peer.connection.releaseStream(stream);
  assert.equal(stream.flags & StreamFlag.released, 0);
  peer.connection.resetStream(stream, ErrorCode.CANCEL);
  peer.connection.releaseStream(stream);
  assert.equal(stream.isClosed, true);
  assert.notEqual(takeStream(1, 0, 0), stream);
  assert.equal(peer.connection.sendData(stream, Buffer.from('x'), 0, 1, true), 1);
  assert.deepEqual(peer.transcript(), ['RST_STREAM 1 CANCEL']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { encodeMessage, MessageDecoder } from './framing.ts';
import { countMessages, newMessageCounter, resetMessageCounter } from './message-counter.ts';

const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
const cuts = fc.array(fc.nat(12), { minLength: 1, maxLength: 20 });

/** The bytes cut into pieces of these lengths, in turn. */
function pieces(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const all: Buffer[] = [];
  let start = 0;
  for (let i = 0; start < bytes.length; i++) {
    const length = Math.max(i % lengths.length === 0 ? 1 : 0, lengths[i % lengths.length] as number);
    all.push(bytes.subarray(start, start + length));
    start += length;
  }
  return all;
}

test('messages come back however the stream is cut, and are counted the same', () => {
  fc.assert(
    fc.property(messages, cuts, (sent, lengths) => {
      const decoder = new MessageDecoder({ maxMessageBytes: 40 });
      const counter = newMessageCounter();
      const received: Buffer[] = [];
      for (const chunk of pieces(Buffer.concat(sent.map(encodeMessage)), lengths)) {
        const result = decoder.push(chunk);
        assert.ok(Array.isArray(result));
        received.push(...(result as Buffer[]));
        const padded = Buffer.concat([Buffer.from([9, 9]), chunk, Buffer.from([9])]);
        countMessages(counter, padded, 2, 2 + chunk.length);
      }
      assert.deepEqual(
        received,
        sent.map((one) => Buffer.from(one)),
      );
      assert.equal(decoder.end(), undefined);
      assert.deepEqual(counter, { ...newMessageCounter(), count: sent.length });
    }),
  );
});

function push(...bytes: number[]): unknown {
  return new MessageDecoder({ maxMessageBytes: 3 }).push(Buffer.from(bytes));
}

test('a message above the limit, a compressed one, and a broken flag end the call', () => {
  assert.deepEqual(push(0, 0, 0, 0, 4), { grpcStatus: 8, message: 'a message of 4 bytes exceeds the limit of 3' });
  assert.deepEqual(push(0, 0xff, 0xff, 0xff, 0xff), {
    grpcStatus: 8,
    message: 'a message of 4294967295 bytes exceeds the limit of 3',
  });
  assert.deepEqual(push(1, 0, 0, 0, 0), { grpcStatus: 12, message: 'compressed messages are not supported here' });
  assert.deepEqual(push(2, 0, 0, 0, 0), { grpcStatus: 13, message: 'the compressed flag of a message is 2' });
});

test('after an error nothing more is decoded, and an end within a message is an error', () => {
  const failed = new MessageDecoder({ maxMessageBytes: 3 });
  const error = failed.push(Buffer.from([2, 0, 0, 0, 0]));
  assert.equal(failed.push(encodeMessage(Buffer.from('a'))), error);
  assert.equal(failed.end(), error);
  const cut = new MessageDecoder({ maxMessageBytes: 3 });
  assert.deepEqual(cut.push(Buffer.from([0, 0, 0])), []);
  assert.deepEqual(cut.end(), { grpcStatus: 13, message: 'the stream ended within a message' });
});

test('a counter knows lengths above 2^31 and can be used again', () => {
  const counter = newMessageCounter();
  countMessages(counter, Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 7]), 0, 6);
  assert.deepEqual(counter, { ...newMessageCounter(), count: 1, bodyLeft: 0xff_ff_ff_fe });
  resetMessageCounter(counter);
  assert.deepEqual(counter, newMessageCounter());
});

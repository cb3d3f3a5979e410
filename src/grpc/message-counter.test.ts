/** The counter of messages against one that looks at each byte, by itself, as PROTOCOL-HTTP2.md writes a Length-Prefixed-Message. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countMessages, newMessageCounter, resetMessageCounter } from './message-counter.ts';

/** Compressed-Flag, 4 bytes of Message-Length in big endian, Message. */
function message(length: number, flag = 0): Buffer {
  const bytes = Buffer.alloc(5 + length, 0xff);
  bytes[0] = flag;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

/** Where a reader of single bytes stands after `bytes`: messages whose prefix is whole, and what is left of the last one. */
function naive(bytes: Uint8Array): { count: number; bodyLeft: number; prefixSeen: number } {
  let count = 0;
  let bodyLeft = 0;
  let prefix: number[] = [];
  for (const byte of bytes) {
    if (bodyLeft > 0) {
      bodyLeft--;
      continue;
    }
    prefix.push(byte);
    if (prefix.length < 5) continue;
    count++;
    bodyLeft = Number.parseInt(
      prefix
        .slice(1)
        .map((one) => one.toString(16).padStart(2, '0'))
        .join(''),
      16,
    );
    prefix = [];
  }
  return { count, bodyLeft, prefixSeen: prefix.length };
}

function standOf({ count, bodyLeft, prefixSeen }: ReturnType<typeof newMessageCounter>) {
  return { count, bodyLeft, prefixSeen };
}

const messages = fc.array(
  fc
    .tuple(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20 }), fc.constantFrom(127, 255, 256, 700)), fc.nat(255))
    .map(([length, flag]) => message(length, flag)),
  { maxLength: 30 },
);
const cuts = fc.array(fc.nat(10_000), { maxLength: 20 });

/** In pieces that stand somewhere in a larger chunk, whose other bytes are nobody's. */
function countInPieces(bytes: Buffer, places: readonly number[], check: (end: number) => void) {
  const counter = newMessageCounter();
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let start = 0;
  return {
    counter,
    run: () => {
      for (const [index, end] of ends.entries()) {
        const [before, behind] = [index % 7, index % 5];
        const chunk = Buffer.concat([Buffer.alloc(before, 1), bytes.subarray(start, end), Buffer.alloc(behind, 1)]);
        countMessages(counter, chunk, before, before + end - start);
        start = end;
        check(end);
      }
    },
  };
}

test('property: after each piece it stands where a reader of single bytes stands, however messages are cut', () => {
  fc.assert(
    fc.property(messages, cuts, (list, places) => {
      const bytes = Buffer.concat(list);
      const { counter, run } = countInPieces(bytes, places, (end) => {
        assert.deepEqual(standOf(counter), naive(bytes.subarray(0, end)));
      });
      run();
      assert.deepEqual(counter, { count: list.length, bodyLeft: 0, prefixSeen: 0, prefixLength: 0 });
    }),
    { numRuns: 500 },
  );
});

test('property: bytes that are no messages are counted as what they say', () => {
  // Small bytes, so that lengths are sometimes short enough to end.
  const noise = fc.array(fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat(255)), {
    maxLength: 400,
    size: 'max',
  });
  fc.assert(
    fc.property(noise, cuts, (numbers, places) => {
      const bytes = Buffer.from(numbers);
      const { counter, run } = countInPieces(bytes, places, (end) => {
        assert.deepEqual(standOf(counter), naive(bytes.subarray(0, end)));
      });
      run();
    }),
    { numRuns: 500 },
  );
});

test('every byte of a length counts, up to 4 GiB, whether the prefix comes whole or in single bytes', () => {
  for (const length of [
    1, 0x80, 0x01_00, 0x80_00, 0x01_00_00, 0x80_00_00, 0x01_00_00_00, 0x80_00_00_00, 0xff_ff_ff_ff,
  ]) {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(length, 1);
    const [whole, single] = [newMessageCounter(), newMessageCounter()];
    countMessages(whole, prefix, 0, 5);
    for (let at = 0; at < 5; at++) countMessages(single, prefix, at, at + 1);
    const expected = { count: 1, bodyLeft: length, prefixSeen: 0, prefixLength: 0 };
    assert.deepEqual(whole, expected);
    assert.deepEqual(single, expected);
  }
});

test('no bytes are no message, and one that was used counts from the start again', () => {
  const counter = newMessageCounter();
  countMessages(counter, message(3), 8, 8);
  assert.deepEqual(counter, newMessageCounter());
  countMessages(counter, message(300), 0, 100);
  countMessages(counter, Buffer.concat([Buffer.alloc(205), message(0).subarray(0, 3)]), 0, 208);
  assert.deepEqual(standOf(counter), { count: 1, bodyLeft: 0, prefixSeen: 3 });
  Object.assign(counter, { bodyLeft: 7, prefixLength: 9 });
  resetMessageCounter(counter);
  assert.deepEqual(counter, { count: 0, bodyLeft: 0, prefixSeen: 0, prefixLength: 0 });
});

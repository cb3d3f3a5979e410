import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { returnSlab, takeSlab } from '../http2/index.ts';
import { Backlog } from './backlog.ts';

/** The smaller of the two kinds of slabs. */
const SMALL_SLAB_BYTES = takeSlab(1).length;

test('what was pushed comes out in order, however it was cut and used', () => {
  const step = fc.oneof(
    fc.record({
      push: fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: 70_000 })),
      from: fc.integer({ min: 0, max: 10 }),
    }),
    fc.record({ use: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(1)) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const backlog = new Backlog();
      let expected = Buffer.alloc(0);
      let next = 0;
      for (const one of steps) {
        if ('push' in one) {
          const chunk = Buffer.from(Array.from({ length: one.push }, () => next++ & 0xff));
          backlog.push(chunk, Math.min(one.from, one.push));
          expected = Buffer.concat([expected, chunk.subarray(one.from)]);
          // It was copied: whose memory it was may use it again.
          chunk.fill(0);
        } else {
          const front = backlog.front();
          assert.deepEqual(front, expected.subarray(0, front.length));
          const used = Math.floor(front.length * one.use);
          backlog.consume(used);
          expected = expected.subarray(used);
        }
        assert.equal(backlog.isEmpty, expected.length === 0);
        assert.equal(backlog.front().length > 0, expected.length > 0);
      }
      while (!backlog.isEmpty) {
        const front = backlog.front();
        assert.deepEqual(front, expected.subarray(0, front.length));
        backlog.consume(front.length);
        expected = expected.subarray(front.length);
      }
      assert.equal(expected.length, 0);
    }),
    { numRuns: 200 },
  );
});

test('what comes in small pieces waits in one, as long as a slab has room', () => {
  const backlog = new Backlog();
  const pieces = Array.from({ length: 64 }, (_, index) => Buffer.alloc(SMALL_SLAB_BYTES / 64, index));
  for (const piece of pieces) backlog.push(piece, 0);
  assert.deepEqual(backlog.front(), Buffer.concat(pieces));
  backlog.push(Buffer.from('more'), 0);
  assert.equal(backlog.front().length, SMALL_SLAB_BYTES);
  backlog.consume(SMALL_SLAB_BYTES);
  assert.equal(backlog.front().toString(), 'more');
});

test('memory is given back as soon as its bytes are used', () => {
  for (const end of ['consume', 'clear'] as const) {
    const backlog = new Backlog();
    backlog.push(Buffer.alloc(SMALL_SLAB_BYTES), 0);
    const memory = backlog.front().buffer;
    backlog.consume(end === 'consume' ? SMALL_SLAB_BYTES : 1);
    if (end === 'clear') backlog.clear();
    const slab = takeSlab(1);
    assert.ok(slab.buffer === memory, end);
    returnSlab(slab);
  }
});

test('cleared, nothing waits', () => {
  const backlog = new Backlog();
  backlog.push(Buffer.alloc(100_000), 0);
  backlog.push(Buffer.from('more'), 0);
  backlog.consume(1);
  backlog.clear();
  assert.equal(backlog.isEmpty, true);
  backlog.push(Buffer.from('again'), 1);
  assert.equal(backlog.front().toString(), 'gain');
});

test('cleared while its front is read, the memory goes to nobody else before it was used', () => {
  const backlog = new Backlog();
  backlog.push(Buffer.alloc(5_000, 'a'), 0);
  backlog.push(Buffer.alloc(64 * 1024, 'b'), 0);
  const front = backlog.front();
  backlog.clear();
  for (let i = 0; i < 3; i++) takeSlab(5_000).fill(0);
  assert.deepEqual(front, Buffer.alloc(5_000, 'a'));
  backlog.consume(front.length);
  assert.equal(backlog.isEmpty, true);
});

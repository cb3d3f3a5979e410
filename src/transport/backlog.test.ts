import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Backlog } from './backlog.ts';

test('what was pushed comes out in order, however it was cut and used', () => {
  const step = fc.oneof(
    fc.record({ push: fc.integer({ min: 0, max: 70_000 }), from: fc.integer({ min: 0, max: 10 }) }),
    fc.record({ use: fc.double({ min: 0, max: 1, noNaN: true }) }),
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
    }),
    { numRuns: 200 },
  );
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

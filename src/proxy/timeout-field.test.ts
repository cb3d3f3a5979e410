import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseGrpcTimeout } from '../grpc/index.ts';
import { timeoutField } from './timeout-field.ts';

const deadline = fc.oneof(
  fc.double({ min: 0, max: 200, noNaN: true }),
  fc.double({ min: 0, max: 1e12, noNaN: true }),
  fc.integer({ min: 0, max: 3_000 }),
);

test('property: the next hop never has more than is left, and hardly less', () => {
  fc.assert(
    fc.property(deadline, (leftMs) => {
      const { name, value, neverIndex } = timeoutField(leftMs);
      assert.deepEqual([name, neverIndex], ['grpc-timeout', true]);
      const toldMs = parseGrpcTimeout(value) ?? Number.NaN;
      assert.ok(toldMs <= leftMs * (1 + Number.EPSILON), `${value} of ${leftMs}`);
      assert.ok(toldMs >= leftMs * 0.99 - 1e-6, `${value} of ${leftMs}`);
    }),
    { numRuns: 5_000 },
  );
});

test('what is left is told in the finest unit below 100 ms and beyond 8 digits of milliseconds, in milliseconds between', () => {
  const values = [99.9, 100, 100.9, 99_999_999.5, 100_000_000, 0, -1].map((leftMs) => timeoutField(leftMs).value);
  assert.deepEqual(values, ['99900000n', '100m', '100m', '99999999m', '100000S', '0n', '0n']);
});

test('one field serves all calls with as much time left, also after others took its place', () => {
  const first = timeoutField(5_000.7);
  assert.equal(timeoutField(5_000.1), first);
  assert.equal(timeoutField(5_000 + 256).value, '5256m');
  assert.equal(timeoutField(5_000).value, '5000m');
});

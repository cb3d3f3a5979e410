import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatGrpcTimeout, parseGrpcTimeout } from './timeout.ts';

test('all units', () => {
  const rows = [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['4m', 4],
    ['5u', 0.005],
    ['6n', 0.000_006],
    ['0n', 0],
    ['99999999H', 359_999_996_400_000],
    ['00000001S', 1_000],
  ] as const;
  for (const [value, expected] of rows) assert.equal(parseGrpcTimeout(value), expected, value);
});

test('anything that is not 1 to 8 digits and a unit is no timeout', () => {
  for (const value of [
    '',
    'S',
    '1',
    '123456789S',
    '1s',
    '1h',
    '-1S',
    '+1S',
    ' 1S',
    '1S ',
    '1.5S',
    '1e3m',
    '0x1S',
    '1SS',
    '\u00b2S',
  ]) {
    assert.equal(parseGrpcTimeout(value), undefined, JSON.stringify(value));
  }
});

test('the finest unit that fits, cut, and 0 when the time is up', () => {
  const rows = [
    [0, '0n'],
    [-5, '0n'],
    [Number.NaN, '0n'],
    [0.000_000_1, '0n'],
    [1, '1000000n'],
    [99.999_999, '99999999n'],
    [100, '100000u'],
    [1_500.7, '1500700u'],
    [100_000, '100000m'],
    [3_600_000 * 24 * 365, '31536000S'],
    [99_999_999_000 + 1_000, '1666666M'],
    [Number.POSITIVE_INFINITY, '99999999H'],
  ] as const;
  for (const [ms, expected] of rows) assert.equal(formatGrpcTimeout(ms), expected, String(ms));
});

test('a formatted timeout is valid, never longer than what is left, and short of it by less than one unit in 10^7', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), (ms) => {
      const formatted = formatGrpcTimeout(ms);
      assert.match(formatted, /^\d{1,8}[HMSmun]$/);
      const parsed = parseGrpcTimeout(formatted) ?? Number.NaN;
      assert.ok(parsed <= ms * (1 + Number.EPSILON), `${formatted} for ${ms}`);
      // A unit is left only when the next finer one would need 9 digits: 100,000,000 of it, at most 3,600 per unit.
      assert.ok(ms - parsed <= Math.max(ms * 4e-5, 1e-6), `${formatted} for ${ms}`);
    }),
    { numRuns: 5_000 },
  );
});

test('every value that can be sent comes back as the same time', () => {
  fc.assert(
    fc.property(fc.nat(99_999_999), fc.constantFrom('H', 'M', 'S', 'm', 'u', 'n'), (amount, unit) => {
      const ms = parseGrpcTimeout(`${amount}${unit}`) ?? Number.NaN;
      const again = parseGrpcTimeout(formatGrpcTimeout(ms)) ?? Number.NaN;
      assert.ok(Math.abs(again - ms) <= Math.max(ms * 4e-5, 1.1e-6), `${amount}${unit}`);
    }),
    { numRuns: 2_000 },
  );
});

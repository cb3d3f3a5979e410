import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { OutlierDetection } from '../plan/index.ts';
import { testOrigin } from '../../test/kit/plan-kit.ts';
import {
  eject,
  ejectionMs,
  httpStatusOfGrpc,
  mayEject,
  newHostHealth,
  noteLocalFailure,
  noteStatus,
  sweepHost,
} from './outlier.ts';

function settings(changed: Partial<OutlierDetection> = {}): OutlierDetection {
  return {
    origin: testOrigin('DestinationRule', 'app', 4),
    consecutive5xxErrors: 5,
    consecutiveGatewayErrors: 0,
    consecutiveLocalOriginFailures: 0,
    splitLocalOriginErrors: false,
    intervalMs: 10_000,
    baseEjectionTimeMs: 30_000,
    maxEjectionPercent: 10,
    minHealthPercent: 0,
    ...changed,
  };
}

/** The causes that a run of statuses gives; `L` is a lost connection, `T` a timeout. */
function causes(using: OutlierDetection, run: readonly (number | 'L' | 'T')[]): readonly string[] {
  const health = newHostHealth();
  return run.map((one) => {
    if (typeof one === 'number') return noteStatus(using, health, one) ?? '';
    return noteLocalFailure(using, health, one === 'T' ? 'timeout' : 'reset') ?? '';
  });
}

describe('failures in a row', () => {
  test('any 5xx counts, any other response begins anew, and a full measure is emptied', () => {
    const using = settings({ consecutive5xxErrors: 3 });
    assert.deepEqual(causes(using, [500, 501, 404, 500, 503, 500]), ['', '', '', '', '', 'consecutive5xxErrors']);
    const filled = causes(using, [500, 500, 500, 500, 500, 500]);
    assert.deepEqual(filled, ['', '', 'consecutive5xxErrors', '', '', 'consecutive5xxErrors']);
  });

  test('gateway errors are 502, 503 and 504; another 5xx begins anew, but goes on counting as 5xx', () => {
    const using = settings({ consecutiveGatewayErrors: 2, consecutive5xxErrors: 4 });
    const found = causes(using, [502, 500, 504, 503]);
    assert.deepEqual(found, ['', '', '', 'consecutiveGatewayErrors']);
    assert.deepEqual(causes(using, [500, 502, 500, 502]), ['', '', '', 'consecutive5xxErrors']);
  });

  test('0 never ejects', () => {
    const using = settings({ consecutive5xxErrors: 0 });
    assert.deepEqual(
      [
        ...new Set(
          causes(
            using,
            Array.from({ length: 50 }, () => 500),
          ),
        ),
      ],
      [''],
    );
  });

  test('failures of this side count as 503, a timeout as 504', () => {
    const using = settings({ consecutiveGatewayErrors: 3, consecutive5xxErrors: 0 });
    assert.deepEqual(causes(using, ['L', 'T', 503]), ['', '', 'consecutiveGatewayErrors']);
  });

  test('split: they count apart, and any response begins their count anew', () => {
    const using = settings({
      splitLocalOriginErrors: true,
      consecutiveLocalOriginFailures: 2,
      consecutive5xxErrors: 2,
    });
    assert.deepEqual(causes(using, [500, 'L', 500]), ['', '', 'consecutive5xxErrors']);
    assert.deepEqual(causes(using, ['L', 500, 'L', 'T']), ['', '', '', 'consecutiveLocalOriginFailures']);
  });

  test('outlierDetectionHttpErrorCodes takes the place of 5xx', () => {
    const using = settings({ errorCodes: [429], consecutive5xxErrors: 2 });
    assert.deepEqual(causes(using, [429, 500, 429, 429]), ['', '', '', 'consecutive5xxErrors']);
  });
});

test('maxEjectionPercent is strict: 10 % of nine is none', () => {
  const using = settings();
  assert.equal(mayEject(using, { ejected: 0, total: 9 }), false);
  assert.equal(mayEject(using, { ejected: 0, total: 10 }), true);
  assert.equal(mayEject(using, { ejected: 1, total: 10 }), false);
  assert.equal(mayEject(settings({ maxEjectionPercent: 100 }), { ejected: 1, total: 2 }), true);
});

test('ejection lasts longer each time, up to five minutes, and is forgiven step by step', () => {
  const using = settings();
  const health = newHostHealth();
  eject(using, health, 0);
  assert.equal(sweepHost(using, health, 29_999), false);
  assert.equal(sweepHost(using, health, 30_000), true);
  eject(using, health, 40_000);
  assert.equal(ejectionMs(using, health), 60_000);
  assert.equal(sweepHost(using, health, 99_999), false);
  assert.equal(sweepHost(using, health, 100_000), true);
  sweepHost(using, health, 110_000);
  eject(using, health, 120_000);
  assert.equal(ejectionMs(using, health), 60_000, 'one interval in health took one ejection back');
  for (let i = 0; i < 50; i++) eject(using, health, 0);
  assert.equal(ejectionMs(using, health), 300_000);
  assert.equal(health.ejections, 11, 'no more than five minutes need');
});

test('gRPC statuses as HTTP statuses', () => {
  const gatewayErrors = [4, 14].map(httpStatusOfGrpc);
  assert.deepEqual(gatewayErrors, [504, 503]);
  assert.deepEqual([2, 12, 13, 15, 99].map(httpStatusOfGrpc), [500, 501, 500, 500, 500]);
  assert.deepEqual(
    [0, 1, 3, 5, 6, 7, 8, 9, 10, 11, 16].filter((status) => httpStatusOfGrpc(status) >= 500),
    [],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testOrigin } from '../../test/kit/plan-kit.ts';
import type { RetryCondition } from '../plan/index.ts';
import {
  compileRetry,
  retriesFailure,
  retriesResponse,
  retryLimit,
  retryWaitMs,
  type AttemptFailure,
  type CompiledRetry,
} from './retry.ts';

const conditions: readonly RetryCondition[] = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
];

function retryOn(on: readonly RetryCondition[], statusCodes: readonly number[] = []): CompiledRetry {
  const origin = testOrigin('VirtualService', 'v', 3);
  return compileRetry({ origin, attempts: 1, on, statusCodes, backoffMs: 25, avoidTried: true });
}

/** The conditions that, alone, let `asks` retry. */
function among(asks: (retry: CompiledRetry) => boolean): RetryCondition[] {
  return conditions.filter((condition) => asks(retryOn([condition], [418, 200])));
}

test('which conditions a response meets: Envoy, http_conn_man retry_on', () => {
  const rows: readonly [number, number, readonly RetryCondition[]][] = [
    [500, -1, ['5xx']],
    [501, -1, ['5xx']],
    [502, -1, ['5xx', 'gateway-error']],
    [503, -1, ['5xx', 'gateway-error']],
    [504, -1, ['5xx', 'gateway-error']],
    [505, -1, ['5xx']],
    [599, -1, ['5xx']],
    [409, -1, ['retriable-4xx']],
    [408, -1, []],
    [429, -1, []],
    [418, -1, ['retriable-status-codes']],
    [200, -1, ['retriable-status-codes']],
    [200, 0, ['retriable-status-codes']],
    [200, 1, ['retriable-status-codes', 'cancelled']],
    [200, 2, ['retriable-status-codes']],
    [200, 4, ['retriable-status-codes', 'deadline-exceeded']],
    [200, 8, ['retriable-status-codes', 'resource-exhausted']],
    [200, 13, ['retriable-status-codes', 'internal']],
    [200, 14, ['retriable-status-codes', 'unavailable']],
    [503, 14, ['5xx', 'gateway-error', 'unavailable']],
  ];
  for (const [http, grpc, expected] of rows) {
    assert.deepEqual(
      among((retry) => retriesResponse(retry, http, grpc)),
      expected,
      `${http} ${grpc}`,
    );
  }
  assert.equal(retriesResponse(retryOn(['retriable-status-codes']), 503, -1), false, 'no codes: inert');
  assert.equal(retriesResponse(retryOn(['5xx'], [418]), 418, -1), false, 'codes count only with their condition');
});

test('which conditions an attempt without a response meets', () => {
  const always: readonly RetryCondition[] = ['5xx', 'gateway-error', 'reset'];
  const rows: readonly [AttemptFailure, boolean, readonly RetryCondition[]][] = [
    ['connect', false, [...always, 'reset-before-request', 'connect-failure']],
    ['refused', true, [...always, 'refused-stream']],
    ['refused', false, [...always, 'reset-before-request', 'refused-stream']],
    ['reset', true, always],
    ['reset', false, [...always, 'reset-before-request']],
    ['timeout', true, always],
    ['timeout', false, [...always, 'reset-before-request']],
  ];
  for (const [failure, isSent, expected] of rows) {
    assert.deepEqual(
      among((retry) => retriesFailure(retry, failure, isSent)),
      expected,
      `${failure} ${isSent}`,
    );
  }
});

test('waits double up to ten times the first, with full jitter', () => {
  const { policy } = retryOn(['5xx']);
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 60].map((retries) => retryWaitMs(policy, retries, () => 0.5)),
    [12.5, 25, 50, 100, 125, 125, 125],
  );
  assert.equal(
    retryWaitMs({ ...policy, minWaitMs: 100 }, 0, () => 0.5),
    112.5,
    'a minimum is waited in any case',
  );
  assert.equal(
    retryWaitMs(policy, 3, () => 0),
    0,
  );
});

test('the budget: a fifth of the requests, three at least, unless maxRetries says otherwise', () => {
  assert.deepEqual(
    [0, 1, 15, 19, 20, 25, 1_000].map((active) => retryLimit(active, {})),
    [3, 3, 3, 3, 4, 5, 200],
  );
  assert.equal(retryLimit(1_000, { maxRetries: 1 }), 1);
  assert.equal(retryLimit(1_000, { maxRetries: 0 }), 0);
  const retryBudget = { percent: 50, minConcurrency: 1 };
  assert.deepEqual(
    [0, 3, 10].map((active) => retryLimit(active, { retryBudget, maxRetries: 9 })),
    [1, 1, 5],
  );
});

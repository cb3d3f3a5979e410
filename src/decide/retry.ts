/** Which failures a route's retry policy answers with another attempt, and when: Envoy's `retry_on`, as Istio writes it. */
import type { ConnectionPool, RetryCondition, RetryPolicy } from '../plan/index.ts';
import { maxRetryBackoffFactor, retryBudgetMin, retryBudgetShare } from './limits.ts';

/** A `RetryPolicy` of the plan, ready to be asked. */
export interface CompiledRetry {
  readonly policy: RetryPolicy;
  readonly on: ReadonlySet<RetryCondition>;
  readonly statusCodes: ReadonlySet<number>;
}

/**
 * How an attempt ended without a response: the connection could not be made, the peer refused the stream, the stream or its
 * connection broke, or the time for one attempt was up.
 */
export type AttemptFailure = 'connect' | 'refused' | 'reset' | 'timeout';

export function compileRetry(policy: RetryPolicy): CompiledRetry {
  const statusCodes = policy.statusCodes.length === 0 ? noCodes : new Set(policy.statusCodes);
  return { policy, on: conditionsOf(policy), statusCodes };
}

const noCodes: ReadonlySet<number> = new Set();

/** The last set that was made: nearly all routes have Istio's defaults. */
let known: CompiledRetry['on'] = new Set();

function conditionsOf({ on }: RetryPolicy): CompiledRetry['on'] {
  const isKnown = on.length === known.size && on.every((condition) => known.has(condition));
  if (!isKnown) known = new Set(on);
  return known;
}

/** `isSent`: something of the request has gone to the upstream, so that it may have acted on it. */
export function retriesFailure({ on }: CompiledRetry, failure: AttemptFailure, isSent: boolean): boolean {
  // Envoy counts every end without a response as 5xx and as gateway error (`wouldRetryFromReset`).
  if (on.has('reset') || on.has('5xx') || on.has('gateway-error')) return true;
  if (on.has('reset-before-request') && !isSent) return true;
  if (failure === 'connect') return on.has('connect-failure');
  return failure === 'refused' && on.has('refused-stream');
}

const grpcConditions = new Map<number, RetryCondition>([
  [1, 'cancelled'],
  [4, 'deadline-exceeded'],
  [8, 'resource-exhausted'],
  [13, 'internal'],
  [14, 'unavailable'],
]);

/**
 * Whether a response is one to be tried again. `grpcStatus` is that of the response's first header section (trailers-only),
 * -1 for none: what comes after data is too late. An HTTP condition looks at `:status` alone, which is 200 for most gRPC errors.
 */
export function retriesResponse({ on, statusCodes }: CompiledRetry, httpStatus: number, grpcStatus: number): boolean {
  if (httpStatus === 200 && grpcStatus <= 0 && statusCodes.size === 0) return false;
  if (httpStatus >= 500 && on.has('5xx')) return true;
  if (httpStatus >= 502 && httpStatus <= 504 && on.has('gateway-error')) return true;
  if (httpStatus === 409 && on.has('retriable-4xx')) return true;
  if (statusCodes.has(httpStatus) && on.has('retriable-status-codes')) return true;
  const condition = grpcConditions.get(grpcStatus);
  return condition !== undefined && on.has(condition);
}

/**
 * Milliseconds to wait before the next attempt, after `retries` of them: what is waited in any case, then exponential with full jitter, as Envoy's.
 * `random` gives [0, 1).
 */
export function retryWaitMs({ backoffMs, minWaitMs = 0 }: RetryPolicy, retries: number, random: () => number): number {
  return minWaitMs + random() * Math.min(backoffMs * 2 ** retries, backoffMs * maxRetryBackoffFactor);
}

/**
 * Retries that a cluster with `active` requests takes at once: by the DestinationRule's `retryBudget`, else by its
 * `maxRetries`, else by our own budget.
 */
export function retryLimit(
  active: number,
  { retryBudget, maxRetries }: Pick<ConnectionPool, 'retryBudget' | 'maxRetries'>,
): number {
  if (retryBudget !== undefined) {
    return Math.max(retryBudget.minConcurrency, Math.floor((active * retryBudget.percent) / 100));
  }
  return maxRetries ?? Math.max(retryBudgetMin, Math.floor(active * retryBudgetShare));
}

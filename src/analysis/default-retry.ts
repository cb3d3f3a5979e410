import type { Origin } from '../base/index.ts';
import type { RetryPolicy } from '../plan/index.ts';

/** `meshConfig.defaultHttpRetryPolicy` as Istio comes, without `retriable-status-codes`, which has no codes there. */
const istioDefaults = {
  attempts: 2,
  on: ['connect-failure', 'refused-stream', 'unavailable', 'cancelled'],
  statusCodes: [],
  backoffMs: 25,
} as const;

/**
 * What a route without a retry policy of its own does, whatever its kind: Istio makes VirtualServices of the Gateway API's
 * routes, and gives what it generates for a Service the same policy (istio.md 4.3; pilot/pkg/networking/core/route). With a
 * single destination a hash decides for the next attempts too.
 */
export function defaultRetry(origin: Origin, destinations: number): RetryPolicy {
  return { origin, ...istioDefaults, avoidTried: destinations === 1 ? 'unless-hashed' : true };
}

/** Hot: once per request; from the cache it allocates nothing. */
import { BoundedCache } from './bounded-cache.ts';
import type { RequestFacts } from './facts.ts';
import { maxAuthorizationPaths } from './limits.ts';
import { pathWithoutQuery } from './path.ts';
import { outcomeOf } from './policy-outcome.ts';
import { traceRules } from './policy-trace.ts';
import type { AuthorizationDecision, AuthorizationTrace, BoundAuthorization, PathOutcome } from './policy-types.ts';
import { badCustomAction, decideByFacts } from './policy-verdict.ts';

/**
 * Whether the policies let a request pass (istio.md: DENY first, then ALLOW, allowed when no ALLOW policy applies).
 * What path, method and host decide is cached under exactly those that some rule reads; headers, token and forwarded
 * address are looked at each time.
 */
export function decideAuthorization(
  bound: BoundAuthorization,
  request: RequestFacts,
  trace?: AuthorizationTrace,
): AuthorizationDecision {
  const outcome = bound.constant ?? outcomeFor(bound, request);
  if (trace !== undefined) traceRules(trace, bound, request);
  return outcome.decision ?? decideByFacts(outcome, request, bound.connection);
}

/**
 * The refusal of a CUSTOM policy, which Istio asks before tokens are looked at (istio.md 1.5); undefined where none refuses.
 * Its rules read nothing of tokens.
 */
export function decideCustom(bound: BoundAuthorization, request: RequestFacts): AuthorizationDecision | undefined {
  if (!bound.policies.asksCustom) return undefined;
  const decision = decideAuthorization(bound, request);
  return decision.details.includes(badCustomAction) ? decision : undefined;
}

function outcomeFor(bound: BoundAuthorization, request: RequestFacts): PathOutcome {
  // The method is no part of the key: only POST, which every gRPC call is, is served from the cache when a rule reads it.
  if (bound.readsMethod && request.method !== 'POST') return evaluate(bound, request);
  const cache = bound.readsHost ? cacheOfHost(bound, request.authority) : bound.byPath;
  const known = cache.get(request.path);
  if (known !== undefined) return known;
  const outcome = evaluate(bound, request);
  cache.set(request.path, outcome);
  return outcome;
}

function cacheOfHost(bound: BoundAuthorization, authority: string): BoundedCache<PathOutcome> {
  const known = bound.byHost.get(authority);
  if (known !== undefined) return known;
  const cache = new BoundedCache<PathOutcome>(maxAuthorizationPaths);
  bound.byHost.set(authority, cache);
  return cache;
}

function evaluate(bound: BoundAuthorization, request: RequestFacts): PathOutcome {
  return outcomeOf(bound, {
    path: pathWithoutQuery(request.path),
    method: request.method,
    host: request.authority,
  });
}

import type { CorsPolicy, NameValue } from '../plan/index.ts';
import type { RequestFacts } from './facts.ts';
import type { TextPredicate } from './regex.ts';
import { compileTextMatch } from './text-match.ts';

/** A `CorsPolicy` of the plan, ready to be applied. */
export interface CompiledCors {
  readonly policy: CorsPolicy;
  readonly allows: TextPredicate;
}

export type CorsDecision =
  /** Nothing to add: no cross-origin request, or one of an origin that is not allowed. It goes on as it is. */
  | { readonly type: 'none' }
  /** A preflight, to be answered here with 200, these headers and no body. Without headers the browser gives up. */
  | { readonly type: 'preflight'; readonly headers: readonly NameValue[] }
  /** Goes on; its response has these headers in place of any of the same names. */
  | { readonly type: 'actual'; readonly headers: readonly NameValue[] };

export function compileCors(policy: CorsPolicy): CompiledCors {
  const origins = policy.allowOrigins.map(compileTextMatch);
  const allowsAll = origins.some((matches) => matches('*'));
  return { policy, allows: allowsAll ? () => true : (origin) => origins.some((matches) => matches(origin)) };
}

const none: CorsDecision = { type: 'none' };

/**
 * What CORS makes of a request (Fetch §3.3, Gateway API GEP-1767 and `HTTPCORSFilter`, Envoy's filter). The answer names the
 * request's own origin, never `*`, so that one rule holds with and without credentials. A list that is `*` is answered with
 * what was asked for, as the specification wants it with credentials and allows it without.
 */
export function decideCors({ policy, allows }: CompiledCors, request: RequestFacts): CorsDecision {
  const origin = request.header('origin');
  if (origin === undefined || origin === '') return none;
  const isPreflight = request.method === 'OPTIONS' && (request.header('access-control-request-method') ?? '') !== '';
  if (!allows(origin)) {
    return isPreflight && policy.forwardUnmatched !== true ? { type: 'preflight', headers: [] } : none;
  }
  const shared = sharedHeaders(policy, origin);
  return isPreflight
    ? { type: 'preflight', headers: [...shared, ...preflightHeaders(policy, request)] }
    : { type: 'actual', headers: shared };
}

function sharedHeaders(policy: CorsPolicy, origin: string): readonly NameValue[] {
  const { allowCredentials, exposeHeaders } = policy;
  // With credentials `*` would be the name of a header to browsers; there is no request to echo the names of.
  const exposed = allowCredentials ? exposeHeaders.filter((name) => name !== '*') : exposeHeaders;
  return [
    { name: 'access-control-allow-origin', value: origin },
    ...(allowCredentials ? [{ name: 'access-control-allow-credentials', value: 'true' }] : []),
    ...listed('access-control-expose-headers', exposed.join(', ')),
  ];
}

function preflightHeaders(policy: CorsPolicy, request: RequestFacts): readonly NameValue[] {
  const { allowMethods, allowHeaders, maxAgeSeconds } = policy;
  return [
    ...listed('access-control-allow-methods', answer(allowMethods, request.header('access-control-request-method'))),
    ...listed('access-control-allow-headers', answer(allowHeaders, request.header('access-control-request-headers'))),
    ...(maxAgeSeconds === undefined ? [] : [{ name: 'access-control-max-age', value: String(maxAgeSeconds) }]),
  ];
}

function answer(allowed: readonly string[], asked: string | undefined): string {
  return allowed.includes('*') ? (asked ?? '') : allowed.join(', ');
}

function listed(name: string, value: string): readonly NameValue[] {
  return value === '' ? [] : [{ name, value }];
}

/**
 * What a route asks for and does: the vocabulary that Gateway API routes and VirtualServices share. Everything here passes
 * unchanged from manifest to data plane, so analysis builds these very types.
 */
import type { Origin } from '../base/index.ts';

/** One match of one rule. All conditions hold together; names of headers are lower case. */
export interface RouteMatch {
  readonly path: PathMatch;
  /** Case-sensitive. Absent: any. */
  readonly method?: TextMatch;
  readonly headers: readonly HeaderMatch[];
  /** Against the decoded query; the first value of a repeated parameter counts (GEP-1323). */
  readonly queryParams?: readonly NamedMatch[];
  /** `:authority` as it was sent, with its port (VirtualService `authority`). */
  readonly authority?: TextMatch;
  readonly scheme?: TextMatch;
  /**
   * Connections whose bytes are relayed only: server names of their ClientHello, lower case, as `Listener.hostname`; the most
   * specific one among the routes of the virtual host counts. No request matches.
   */
  readonly serverNames?: readonly string[];
}

export type PathMatch =
  | { readonly type: 'Exact'; readonly value: string; readonly ignoreCase?: true }
  /** By whole path elements (Gateway API PathPrefix): `/a` matches `/a` and `/a/b`, not `/ab`. `/` matches all. */
  | { readonly type: 'PathPrefix'; readonly value: string }
  /** By characters (VirtualService `uri.prefix`): `/a` matches `/ab` too. */
  | { readonly type: 'StringPrefix'; readonly value: string; readonly ignoreCase?: true }
  /** RE2, matching the whole path. */
  | { readonly type: 'RegularExpression'; readonly value: string };

/** `Prefix` by characters; `RegularExpression` is RE2 and matches the whole text. */
export interface TextMatch {
  readonly type: 'Exact' | 'Prefix' | 'RegularExpression';
  readonly value: string;
  /** Only with `Exact` and `Prefix`. */
  readonly ignoreCase?: true;
}

export interface NamedMatch {
  readonly name: string;
  /** `Present`: any value, even an empty one. */
  readonly type: TextMatch['type'] | 'Present';
  /** Empty for `Present`. */
  readonly value: string;
}

/** A name `@request.auth.claims[a][b]` is a claim of the verified token, any of whose texts may match (VirtualService). */
export interface HeaderMatch extends NamedMatch {
  /** The condition holds when the header does not match, absent ones as empty texts (VirtualService `withoutHeaders`). */
  readonly invert?: true;
}

export type RouteAction =
  | { readonly type: 'forward'; readonly backends: readonly WeightedBackend[] }
  | Redirect
  | DirectResponse
  /** The rule cannot be served as written (a backend that does not resolve, a filter that is not supported). */
  | { readonly type: 'fail'; readonly reason: string };

/** Parts that are absent stay as requested. */
export interface Redirect {
  readonly type: 'redirect';
  readonly origin: Origin;
  /** 301, 302, 303, 307 or 308. */
  readonly status: number;
  readonly scheme?: string;
  readonly host?: string;
  /**
   * `'derive'`: the well-known port of the scheme, hence none is written. `'request'`: that of the request's authority where
   * its host stays, but for the well-known port of a scheme that is replaced (Envoy without `port_redirect`). Absent: that of
   * the listener (Gateway API). 80 is never written for http, nor 443 for https.
   */
  readonly port?: number | 'derive' | 'request';
  readonly path?: PathRewrite;
}

/** VirtualService `directResponse`. */
export interface DirectResponse {
  readonly type: 'direct';
  readonly origin: Origin;
  readonly status: number;
  /** UTF-8; absent: none. */
  readonly body?: string;
}

export type PathRewrite =
  | { readonly type: 'ReplaceFullPath'; readonly value: string }
  /** Replaces what the route's own prefix matched. */
  | { readonly type: 'ReplacePrefixMatch'; readonly value: string }
  /** RE2, every match replaced; `\1` names a group (VirtualService `uriRegexRewrite`). */
  | { readonly type: 'ReplaceRegex'; readonly pattern: string; readonly substitution: string };

/** A backend gets `weight / sum` of the requests; one with `invalid` set answers 500 (gRPC: UNAVAILABLE) for its share. */
export type WeightedBackend =
  | {
      readonly weight: number;
      readonly cluster: string;
      /** After those of the route. */
      readonly requestHeaders?: HeaderOperations;
      readonly responseHeaders?: HeaderOperations;
    }
  | { readonly weight: number; readonly invalid: string };

/** Applied in this order: remove, set, add. Names are lower case; pseudo-headers never appear. */
export interface HeaderOperations {
  readonly set: readonly NameValue[];
  readonly add: readonly NameValue[];
  readonly remove: readonly string[];
}

export interface NameValue {
  readonly name: string;
  readonly value: string;
}

/** What happens to a request on its way, beside being routed. Absent: nothing of the kind. */
export interface RouteFilters {
  /** Whole-request limit in milliseconds; absent: none but the caller's own deadline. */
  readonly timeoutMs?: number;
  readonly requestHeaders?: HeaderOperations;
  /** On responses of the upstream and on redirects and direct responses, not on errors of the proxy. */
  readonly responseHeaders?: HeaderOperations;
  readonly rewrite?: Rewrite;
  readonly retry?: RetryPolicy;
  readonly fault?: Fault;
  readonly mirrors?: readonly Mirror[];
  readonly cors?: CorsPolicy;
}

export interface Rewrite {
  readonly origin: Origin;
  /** New `:authority`. */
  readonly host?: string;
  readonly path?: PathRewrite;
}

/** Envoy's names, as in VirtualService `retryOn`, and status codes by number. */
export type RetryCondition =
  | '5xx'
  | 'gateway-error'
  | 'reset'
  | 'reset-before-request'
  | 'connect-failure'
  | 'retriable-4xx'
  | 'refused-stream'
  | 'retriable-status-codes'
  | 'cancelled'
  | 'deadline-exceeded'
  | 'internal'
  | 'resource-exhausted'
  | 'unavailable';

export interface RetryPolicy {
  readonly origin: Origin;
  /** Attempts after the first; at least 1. */
  readonly attempts: number;
  readonly on: readonly RetryCondition[];
  /** HTTP status codes, for `retriable-status-codes`. */
  readonly statusCodes: readonly number[];
  /** Absent: none beside the whole request's. */
  readonly perTryTimeoutMs?: number;
  /** First wait in milliseconds, doubled each time up to ten times it, with full jitter. Istio's default: 25. */
  readonly backoffMs: number;
  /** Milliseconds that are waited before the jitter in any case (HTTPRoute `retry.backoff`). Absent: 0. */
  readonly minWaitMs?: number;
  /**
   * Prefer endpoints that this request has not tried. `unless-hashed`: a cluster that balances by hash sends each attempt
   * where the hash says.
   */
  readonly avoidTried: boolean | 'unless-hashed';
  /**
   * After every two attempts the priorities of all so far are left out, until there are no others (Envoy's previous_priorities
   * with `update_frequency: 2`, as Istio sets it).
   */
  readonly remoteLocalities?: true;
}

/** VirtualService `fault`; percentages from 0 to 100. */
export interface Fault {
  readonly origin: Origin;
  readonly delay?: { readonly percent: number; readonly delayMs: number };
  readonly abort?: { readonly percent: number } & ({ readonly httpStatus: number } | { readonly grpcStatus: number });
}

/** A copy whose response is thrown away; it never delays or fails the request itself. */
export interface Mirror {
  readonly origin: Origin;
  readonly cluster: string;
  /** From 0 to 100. */
  readonly percent: number;
}

/** Gateway API GEP-1767, VirtualService `corsPolicy`. */
export interface CorsPolicy {
  readonly origin: Origin;
  /** One that matches the text `*` allows every origin, as in Envoy. */
  readonly allowOrigins: readonly TextMatch[];
  /** `*` alone in one of the lists below: any. */
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds?: number;
  readonly allowCredentials: boolean;
  /**
   * A preflight of an origin that is not allowed goes to the backend (VirtualService `unmatchedPreflights: FORWARD`). Absent:
   * it is answered here, without the headers that would allow it.
   */
  readonly forwardUnmatched?: true;
}

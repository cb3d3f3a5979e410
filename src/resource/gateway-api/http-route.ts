import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject, Unsupported } from '../object.ts';
import type { BackendRef, HeaderMatch, ParentRef } from './references.ts';

export interface HttpRoute extends ResourceObject {
  readonly spec: HttpRouteSpec;
}

export interface HttpRouteSpec {
  readonly parentRefs: readonly ParentRef[];
  /** Lower case; empty: any. */
  readonly hostnames: readonly Located<string>[];
  /** At least one. */
  readonly rules: readonly HttpRouteRule[];
}

export interface HttpRouteRule {
  readonly origin: Origin;
  readonly name?: string;
  /** At least one; a rule without matches has `PathPrefix /`. */
  readonly matches: readonly HttpRouteMatch[];
  /** Empty: nothing to send to, answered with 500. */
  readonly backendRefs: readonly BackendRef[];
  /** `timeouts.request` in milliseconds; absent: none (`0s` too, GEP-1742). */
  readonly requestTimeout?: Located<number>;
  /** Not empty: the rule's matches hold, but its requests must be answered as a failure. */
  readonly unsupported: readonly Unsupported[];
}

export interface HttpRouteMatch {
  readonly origin: Origin;
  readonly path: HttpPathMatch;
  readonly method?: string;
  readonly headers: readonly HeaderMatch[];
  /** Not empty (query parameters): what the remaining conditions match must be answered as a failure. */
  readonly unsupported: readonly Unsupported[];
}

export interface HttpPathMatch {
  readonly origin: Origin;
  readonly type: 'Exact' | 'PathPrefix' | 'RegularExpression';
  readonly value: string;
}

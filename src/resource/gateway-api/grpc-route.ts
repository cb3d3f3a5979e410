import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject, Unsupported } from '../object.ts';
import type { BackendRef, HeaderMatch, ParentRef } from './references.ts';

/** GEP-1016. */
export interface GrpcRoute extends ResourceObject {
  readonly spec: GrpcRouteSpec;
}

export interface GrpcRouteSpec {
  readonly parentRefs: readonly ParentRef[];
  /** Lower case; empty: any. */
  readonly hostnames: readonly Located<string>[];
  readonly rules: readonly GrpcRouteRule[];
}

export interface GrpcRouteRule {
  readonly origin: Origin;
  readonly name?: string;
  /** Empty: every method. */
  readonly matches: readonly GrpcRouteMatch[];
  readonly backendRefs: readonly BackendRef[];
  /** Not empty: the rule's matches hold, but its requests must be answered as a failure. */
  readonly unsupported: readonly Unsupported[];
}

export interface GrpcRouteMatch {
  readonly origin: Origin;
  /** Absent: every method. */
  readonly method?: GrpcMethodMatch;
  readonly headers: readonly HeaderMatch[];
}

export interface GrpcMethodMatch {
  readonly origin: Origin;
  readonly type: 'Exact' | 'RegularExpression';
  /** At least one of the two is present. */
  readonly service?: string;
  readonly method?: string;
}

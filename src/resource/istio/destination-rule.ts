import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject, Unsupported } from '../object.ts';

export interface DestinationRule extends ResourceObject {
  readonly spec: DestinationRuleSpec;
}

export interface DestinationRuleSpec {
  /** As written, lower case: an FQDN, a short name (of the rule's own namespace), or a wildcard `*.example.com`. */
  readonly host: Located<string>;
  readonly trafficPolicy?: TrafficPolicy;
  /** Not empty: calls to the host must fail rather than be carried without what these fields ask for. */
  readonly unsupported: readonly Unsupported[];
}

export interface TrafficPolicy {
  readonly origin: Origin;
  /** `LEAST_CONN`, `UNSPECIFIED` and what is not supported are read as `LEAST_REQUEST`, Istio's default. */
  readonly loadBalancer?: Located<'LEAST_REQUEST' | 'ROUND_ROBIN' | 'RANDOM'>;
  readonly connectionPool?: ConnectionPoolSettings;
  /** `SIMPLE` and `MUTUAL` are also in the spec's `unsupported`. */
  readonly tls?: Located<'DISABLE' | 'SIMPLE' | 'MUTUAL' | 'ISTIO_MUTUAL'>;
}

/** Absent: unlimited, or Istio's default. */
export interface ConnectionPoolSettings {
  readonly origin: Origin;
  readonly http2MaxRequests?: number;
  readonly maxRequestsPerConnection?: number;
  readonly connectTimeoutMs?: number;
}

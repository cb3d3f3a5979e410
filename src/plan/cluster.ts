/** Where requests can be sent, and how. */
import type { Origin } from '../base/index.ts';
import type { WorkloadLabels } from './workload-labels.ts';

/**
 * A set of endpoints that one proxy sends to, with its connection policy.
 * Id: `<proxy>/outbound|8080||asset-management.default.svc.cluster.local`, or `<proxy>/inbound|50051||`.
 */
export interface Cluster {
  readonly id: string;
  readonly origin: Origin;
  readonly proxy: string;
  /** Istio's own spelling, for access logs: `outbound|8080||host`. */
  readonly name: string;
  /** The values of `destination_service`, `…_name` and `…_namespace`. */
  readonly service: { readonly host: string; readonly name: string; readonly namespace: string };
  /** Service port for outbound, container port for inbound. */
  readonly port: number;
  readonly loadBalancer: 'LEAST_REQUEST' | 'ROUND_ROBIN' | 'RANDOM';
  readonly connectionPool: ConnectionPool;
  /** The DestinationRule that shaped this cluster, if any. */
  readonly destinationRule?: Origin;
}

export interface ConnectionPool {
  /** Milliseconds for TCP connect and TLS handshake together. Istio's default: 10 s. */
  readonly connectTimeoutMs: number;
  /** Concurrent requests to the whole cluster from this proxy; absent: unlimited. Overflow fails at once with `UO`. */
  readonly http2MaxRequests?: number;
  /** Requests after which an upstream connection is replaced; absent: unlimited. */
  readonly maxRequestsPerConnection?: number;
}

/** Id: `<cluster>/<workload or slice name>/<n>`. */
export interface Endpoint {
  readonly id: string;
  readonly origin: Origin;
  readonly cluster: string;
  readonly address: { readonly host: string; readonly port: number };
  readonly weight: number;
  readonly security:
    | { readonly mode: 'plaintext' }
    /** Mutual TLS with the proxy's own SVID; the peer must present one of `spiffeIds`. Origin: what asked for it. */
    | { readonly mode: 'mtls'; readonly sni: string; readonly spiffeIds: readonly string[]; readonly origin: Origin };
  readonly labels: WorkloadLabels;
}

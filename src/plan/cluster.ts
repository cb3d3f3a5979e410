/** Where requests can be sent, and how. */
import type { Origin } from '../base/index.ts';
import type { WorkloadLabels } from './workload-labels.ts';

/**
 * A set of endpoints that one proxy sends to, with its connection policy.
 * Id: `<proxy>/outbound|8080||asset-management.default.svc.cluster.local`, `<proxy>/outbound|8080|v1|host` for a subset, or
 * `<proxy>/inbound|50051||`.
 */
export interface Cluster {
  readonly id: string;
  readonly origin: Origin;
  readonly proxy: string;
  /** Istio's own spelling, for access logs: `outbound|8080|<subset>|host`. */
  readonly name: string;
  /** The values of `destination_service`, `…_name` and `…_namespace`. */
  readonly service: { readonly host: string; readonly name: string; readonly namespace: string };
  /** Service port for outbound, container port for inbound. */
  readonly port: number;
  /** `CONSISTENT_HASH` comes with `hash`. */
  readonly loadBalancer: 'LEAST_REQUEST' | 'ROUND_ROBIN' | 'RANDOM' | 'CONSISTENT_HASH';
  readonly hash?: HashPolicy;
  /**
   * Share of the requests by `Endpoint.locality` (`localityLbSetting.distribute`); any unit. Localities that are not named
   * get nothing. Absent: endpoints are chosen without regard to their locality, beside their priority.
   */
  readonly localityWeights?: Readonly<Record<string, number>>;
  readonly warmup?: Warmup;
  readonly outlierDetection?: OutlierDetection;
  readonly connectionPool: ConnectionPool;
  /** The DestinationRule that shaped this cluster, if any. */
  readonly destinationRule?: Origin;
  /** Workloads behind it that have no endpoint because they do not answer their probes: `namespace/name`, for the log. */
  readonly unready?: readonly string[];
  /** The subset in `name` is defined by no DestinationRule: requests are answered 503 `NC`, as Envoy does. */
  readonly undefinedSubset?: true;
}

/** `consistentHash`: requests with the same key go to the same endpoint while that one is healthy. */
export interface HashPolicy {
  readonly origin: Origin;
  /** A request without the key goes to an endpoint by chance, as in Envoy. */
  readonly key:
    | { readonly type: 'header'; readonly name: string }
    | HashCookie
    | { readonly type: 'source-ip' }
    | { readonly type: 'query'; readonly name: string };
  readonly table:
    | { readonly type: 'ring'; readonly minimumSize: number }
    /** `size` is a prime. */
    | { readonly type: 'maglev'; readonly size: number };
}

export interface HashCookie {
  readonly type: 'cookie';
  readonly name: string;
  /** Present: a request without the cookie gets one for this long in its response; 0 is a cookie of the session. */
  readonly ttlMs?: number;
  readonly path?: string;
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
}

/** Envoy's slow start: a new endpoint's weight grows from `minimumPercent` to its full weight. */
export interface Warmup {
  readonly origin: Origin;
  readonly durationMs: number;
  /** From 0 to 100. */
  readonly minimumPercent: number;
  /** At least 1; 1 is linear, more is faster at first. */
  readonly aggression: number;
}

/** Which endpoints are taken out of balancing for a while; Envoy's algorithm with Istio's settings (istio.md 3.4). */
export interface OutlierDetection {
  readonly origin: Origin;
  /** Failures in a row that eject; 0: never. */
  readonly consecutive5xxErrors: number;
  readonly consecutiveGatewayErrors: number;
  readonly consecutiveLocalOriginFailures: number;
  /** Failures of this side (no connection, a reset, the route's timeout) are counted apart, not as 503 and 504. */
  readonly splitLocalOriginErrors: boolean;
  /** The HTTP statuses that count as errors in place of 500 to 599. */
  readonly errorCodes?: readonly number[];
  /** How often ejected endpoints are looked at, in milliseconds. */
  readonly intervalMs: number;
  /** Multiplied by how often the endpoint was ejected of late. */
  readonly baseEjectionTimeMs: number;
  /** From 0 to 100, strict: of fewer than ten endpoints, 10 ejects none. */
  readonly maxEjectionPercent: number;
  /** From 0 to 100: with fewer endpoints healthy, ejection is disregarded (Envoy's panic threshold). */
  readonly minHealthPercent: number;
}

/** Absent numbers: unlimited, or not set. Durations in milliseconds. */
export interface ConnectionPool {
  /** For TCP connect and TLS handshake together. Istio's default: 10 s. */
  readonly connectTimeoutMs: number;
  /** Concurrent requests to the whole cluster from this proxy. Overflow fails at once with `UO`. */
  readonly http2MaxRequests?: number;
  /** Requests after which an upstream connection is replaced. */
  readonly maxRequestsPerConnection?: number;
  /** Connections to the whole cluster; an endpoint without any gets its first one all the same, as in Envoy. */
  readonly maxConnections?: number;
  /** Requests that wait for a connection, in the whole cluster. Overflow fails at once with `UO`. */
  readonly maxPendingRequests?: number;
  /** Concurrent retries to the whole cluster. */
  readonly maxRetries?: number;
  /** Goes before `maxRetries`: retries may be this part of the cluster's requests under way, or this many. */
  readonly retryBudget?: { readonly percent: number; readonly minConcurrency: number };
  /** Concurrent requests on one connection, whatever more the peer would take. */
  readonly maxConcurrentStreams?: number;
  /** Without a request; 0: for ever. Istio's default: one hour. */
  readonly idleTimeoutMs?: number;
  /** A connection of this age takes no new requests, finishes those it has, and is replaced. */
  readonly maxConnectionDurationMs?: number;
  /** HTTP/2 PING so often; without an answer in time the connection is lost. */
  readonly http2KeepAlive?: { readonly intervalMs: number; readonly timeoutMs: number };
  /** Socket options; what is absent is the system's. */
  readonly tcpKeepalive?: { readonly timeMs?: number; readonly intervalMs?: number; readonly probes?: number };
}

/** Id: `<cluster>/<workload or slice name>/<n>`. */
export interface Endpoint {
  readonly id: string;
  readonly origin: Origin;
  readonly cluster: string;
  /** `host` may be a Unix socket, `unix:///path` or `unix://@name`, whatever `port` says. */
  readonly address: { readonly host: string; readonly port: number };
  /**
   * In place of `address.host`, a wildcard that says what comes here, the host of each request's authority, or the server name
   * of a relayed connection, is looked up when it connects. Only routes of a virtual host with this wildcard lead here.
   */
  readonly followsRequest?: true;
  readonly weight: number;
  /** 0 (the default) is used first; the next one takes over as endpoints of the former are ejected. */
  readonly priority?: number;
  /** `region/zone/subzone` without trailing empty parts; a key of the cluster's `localityWeights`. */
  readonly locality?: string;
  readonly security: EndpointSecurity;
  readonly labels: WorkloadLabels;
}

export type EndpointSecurity =
  | { readonly mode: 'plaintext' }
  /** Mutual TLS with the proxy's own SVID; the peer must present one of `spiffeIds`. Origin: what asked for it. */
  | { readonly mode: 'mtls'; readonly sni: string; readonly spiffeIds: readonly string[]; readonly origin: Origin }
  | OriginatedTls;

/** TLS that ends at the backend itself (DestinationRule SIMPLE and MUTUAL, BackendTLSPolicy), with ALPN `h2`. */
export interface OriginatedTls {
  readonly mode: 'tls';
  readonly origin: Origin;
  /** Server name to send. Empty: the host of the request's `:authority`, which the certificate must then be for. */
  readonly sni: string;
  /** Id in `certificates`, whose chain holds the authorities. Absent: those of the operating system. */
  readonly authorities?: string;
  /** One of these must be in the certificate. Empty: the server name must. */
  readonly subjectAltNames: readonly PeerName[];
  /** Id in `certificates`; its key is in the secrets. */
  readonly clientCertificate?: string;
  readonly insecureSkipVerify?: true;
}

/** A name in a certificate; `any` compares with DNS names, URIs and addresses alike. */
export interface PeerName {
  readonly type: 'any' | 'dns' | 'uri';
  readonly value: string;
}

/**
 * The plan: what the data planes must do, as plain immutable JSON data. It is the one contract between the half that
 * reads YAML and the half that carries traffic, so it imports neither.
 *
 * Shape: flat maps by id; a child names its parent, so one changed route is one small difference. Every element has an
 * `origin`. Ids are stable across recompilations of the same YAML and are built only from names in it.
 */
import type { Origin } from '../base/index.ts';

export interface Plan {
  readonly mesh: Mesh;
  readonly proxies: Readonly<Record<string, Proxy>>;
  readonly ports: Readonly<Record<string, Port>>;
  readonly listeners: Readonly<Record<string, Listener>>;
  readonly virtualHosts: Readonly<Record<string, VirtualHost>>;
  readonly routes: Readonly<Record<string, Route>>;
  readonly clusters: Readonly<Record<string, Cluster>>;
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  readonly policies: Readonly<Record<string, AuthorizationPolicy>>;
  /** Public part of listener certificates; private keys travel beside the plan, see `PlanSecrets`. */
  readonly certificates: Readonly<Record<string, Certificate>>;
  /** Who is behind each SPIFFE id, for the `source_*` labels of the destination's metrics. Key: `spiffe://…`. */
  readonly peers: Readonly<Record<string, WorkloadLabels>>;
}

/** Mesh-wide settings that deciders need. */
export interface Mesh {
  /** For example `cluster.local`. */
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
}

/** One proxy process: a gateway, or the sidecar of one workload. Id: `gateway/<ns>/<name>` or `sidecar/<ns>/<name>`. */
export interface Proxy {
  readonly id: string;
  readonly origin: Origin;
  readonly role: 'gateway' | 'sidecar';
  readonly namespace: string;
  /** The service account whose SVID this proxy presents: `spiffe://<td>/ns/<namespace>/sa/<serviceAccount>`. */
  readonly serviceAccount: string;
  readonly labels: WorkloadLabels;
  /** Gateways only: answer `grpc.reflection.v1` and `v1alpha` from what the workloads behind expose. */
  readonly reflection: boolean;
}

/** The identity of a workload in Istio's metric labels; absent values are `unknown` (revision: `latest`). */
export interface WorkloadLabels {
  readonly workload: string;
  readonly namespace: string;
  readonly app: string;
  readonly version: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
  readonly cluster: string;
  /** `spiffe://…`, or `unknown`. */
  readonly principal: string;
}

/** A bound TCP port of a proxy. Id: `<proxy>/<port>`. */
export interface Port {
  readonly id: string;
  readonly origin: Origin;
  readonly proxy: string;
  readonly direction: 'gateway' | 'inbound' | 'outbound';
  /**
   * The port of the YAML: a Gateway's listener port, or the workload's container port. AuthorizationPolicy's
   * `operation.ports` and `destination.port` see this one, wherever the socket is really bound.
   */
  readonly number: number;
  /** Where to bind. `port` 0 asks for any free port; the proxy reports which it got. */
  readonly bind: { readonly host: string; readonly port: number };
  readonly security: PortSecurity;
}

export type PortSecurity =
  /** Gateway HTTP listener: HTTP/2 by prior knowledge. */
  | { readonly mode: 'plaintext' }
  /** Gateway HTTPS listeners: TLS with ALPN `h2`; the certificate is that of the most specific listener for the SNI. */
  | { readonly mode: 'tls' }
  /** Sidecar inbound, from PeerAuthentication (origin: the object that decided, or the workload for the default). */
  | {
      readonly mode: 'mtls';
      readonly peerAuthentication: 'STRICT' | 'PERMISSIVE' | 'DISABLE';
      readonly origin: Origin;
    };

/** A Gateway API listener on a port (several may share it); a sidecar port has one with hostname `*`. Id: `<port>/<name>`. */
export interface Listener {
  readonly id: string;
  readonly origin: Origin;
  readonly port: string;
  readonly name: string;
  /** Lower case; `*` for any, `*.example.com` for one or more labels below it. */
  readonly hostname: string;
  /** Ids in `certificates`, for `tls` ports. */
  readonly certificates: readonly string[];
}

/** The routes of one hostname on one listener. Id: `<listener>/<hostname>`. */
export interface VirtualHost {
  readonly id: string;
  readonly origin: Origin;
  readonly listener: string;
  /** Lower case, as `Listener.hostname`; the intersection of the listener's and the route's hostname. */
  readonly hostname: string;
}

/** One match of one rule of a route object. Id: `<virtualHost>/<kind>/<ns>/<name>/<rule>/<match>`. */
export interface Route {
  readonly id: string;
  /** The rule's own line. */
  readonly origin: Origin;
  readonly virtualHost: string;
  /** Rank among the routes of the virtual host, 0 first: the precedence of the Gateway API, worked out at compile time. */
  readonly order: number;
  readonly match: RouteMatch;
  readonly action: RouteAction;
  /** Whole-request limit in milliseconds; absent: none but the caller's own deadline. */
  readonly timeoutMs?: number;
}

export interface RouteMatch {
  readonly path: PathMatch;
  /** Exact, case-sensitive; absent: any. */
  readonly method?: string;
  /** All must hold. Names are lower case. */
  readonly headers: readonly HeaderMatch[];
}

export type PathMatch =
  | { readonly type: 'Exact'; readonly value: string }
  /** By whole path elements (Gateway API PathPrefix): `/a` matches `/a` and `/a/b`, not `/ab`. `/` matches all. */
  | { readonly type: 'PathPrefix'; readonly value: string }
  /** RE2, matching the whole path. */
  | { readonly type: 'RegularExpression'; readonly value: string };

export interface HeaderMatch {
  readonly name: string;
  readonly type: 'Exact' | 'RegularExpression';
  readonly value: string;
}

export type RouteAction =
  | { readonly type: 'forward'; readonly backends: readonly WeightedBackend[] }
  /** The rule cannot be served as written (a backend that does not resolve, a filter that is not supported). */
  | { readonly type: 'fail'; readonly reason: string };

/** A backend gets `weight / sum` of the requests; one with `invalid` set answers 500 (gRPC: UNAVAILABLE) for its share. */
export type WeightedBackend =
  | { readonly weight: number; readonly cluster: string }
  | { readonly weight: number; readonly invalid: string };

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

/** One AuthorizationPolicy as it applies to one proxy. Id: `<proxy>/<ns>/<name>`. */
export interface AuthorizationPolicy {
  readonly id: string;
  readonly origin: Origin;
  readonly proxy: string;
  readonly namespace: string;
  readonly name: string;
  readonly action: 'ALLOW' | 'DENY';
  /** `istio.io/dry-run: "true"`: evaluated and reported, never enforced. */
  readonly dryRun: boolean;
  /** OR-ed. Empty with ALLOW: matches nothing, so everything is denied. */
  readonly rules: readonly PolicyRule[];
}

/** `from`, `to` and `when` are AND-ed; an empty `from` or `to` holds for all. */
export interface PolicyRule {
  /** The rule's own line. */
  readonly origin: Origin;
  /** Position in the YAML's `rules`, as in Istio's `ns[foo]-policy[bar]-rule[0]`. */
  readonly index: number;
  readonly from: readonly PolicySource[];
  readonly to: readonly PolicyOperation[];
  readonly when: readonly PolicyCondition[];
}

/** Fields are AND-ed, values of one field OR-ed; `not…` holds when none of its values matches. Absent: holds. */
export interface PolicySource {
  /** Matched against the peer's SPIFFE id without `spiffe://`; trust-domain aliases are expanded by the compiler. */
  readonly principals?: readonly StringMatch[];
  readonly notPrincipals?: readonly StringMatch[];
  readonly namespaces?: readonly StringMatch[];
  readonly notNamespaces?: readonly StringMatch[];
  /** Exact `<ns>/<sa>`. */
  readonly serviceAccounts?: readonly string[];
  readonly notServiceAccounts?: readonly string[];
  /** Addresses or CIDRs of the direct TCP peer. */
  readonly ipBlocks?: readonly string[];
  readonly notIpBlocks?: readonly string[];
}

export interface PolicyOperation {
  /** Case-insensitive, against `:authority` with its port if the client sent one. */
  readonly hosts?: readonly StringMatch[];
  readonly notHosts?: readonly StringMatch[];
  /** Compared with `Port.number`. */
  readonly ports?: readonly number[];
  readonly notPorts?: readonly number[];
  readonly methods?: readonly StringMatch[];
  readonly notMethods?: readonly StringMatch[];
  /** Against the path without query and fragment. */
  readonly paths?: readonly PathPattern[];
  readonly notPaths?: readonly PathPattern[];
}

/** `key` as Istio spells it: `request.headers[x-user]`, `source.ip`, `source.namespace`, `source.principal`, `destination.port`, `connection.sni`, … */
export interface PolicyCondition {
  readonly key: string;
  readonly values: readonly StringMatch[];
  readonly notValues: readonly StringMatch[];
}

/** Istio's string match: `*` presence, `*x` suffix, `x*` prefix, otherwise exact. */
export interface StringMatch {
  readonly type: 'exact' | 'prefix' | 'suffix' | 'presence';
  /** Without the star. */
  readonly value: string;
}

/** A string match, or a template with `{*}` (one segment) and `{**}` (any rest). */
export type PathPattern = StringMatch | { readonly type: 'template'; readonly value: string };

export interface Certificate {
  readonly id: string;
  readonly origin: Origin;
  /** PEM, leaf first. */
  readonly chainPem: string;
}

/** Private keys (PEM) by certificate id, kept out of the plan so that a plan can always be printed. */
export type PlanSecrets = ReadonlyMap<string, { reveal(): string }>;

/** Who takes plans: the embedded data plane, later also Envoy's xDS server. */
export interface PlanSink {
  /** Takes effect for new requests at once; requests in flight keep the plan they began with. */
  publish(plan: Plan, secrets: PlanSecrets): void;
}

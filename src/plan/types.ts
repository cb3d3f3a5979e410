/**
 * The plan: what the data planes must do, as plain immutable JSON data. It is the one contract between the half that
 * reads YAML and the half that carries traffic, so it imports neither.
 *
 * Shape: flat maps by id; a child names its parent, so one changed route is one small difference. Every element has an
 * `origin`. Ids are stable across recompilations of the same YAML and are built only from names in it.
 */
import type { Origin } from '../base/index.ts';
import type { AuthorizationPolicy } from './policy.ts';
import type { Cluster, Endpoint } from './cluster.ts';
import type { RequestAuthentication } from './request-authentication.ts';
import type { ProxyTelemetry } from './telemetry.ts';
import type { WorkloadLabels } from './workload-labels.ts';
import type { RouteAction, RouteFilters, RouteMatch } from './route.ts';

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
  readonly requestAuthentications: Readonly<Record<string, RequestAuthentication>>;
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
  /** Full host names of Services that nothing runs behind, so that outbound calls to them are told apart from misspelt ones. */
  readonly idleHosts?: readonly string[];
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
  /**
   * Gateways only: proxies in front of it whose entries in `x-forwarded-for` count (Istio `numTrustedProxies`); absent:
   * none, the direct peer is the client.
   */
  readonly trustedProxies?: number;
  /** Absent: everything is logged and counted. */
  readonly telemetry?: ProxyTelemetry;
  /** Gateways only: answer `grpc.reflection.v1` and `v1alpha` from what the workloads behind expose. */
  readonly reflection: boolean;
  /** Sidecars only: where the calls of their own app may go; absent: the proxy has no outbound port. */
  readonly outbound?: Outbound;
}

/** What the outbound ports of a sidecar lead to. */
export interface Outbound {
  /**
   * A set of virtual hosts and clusters that sidecars share, so that a mesh of n workloads has n clusters for these calls
   * rather than n times n: the `listener` of those virtual hosts and the `proxy` of those clusters is this name.
   * `outbound/mesh`, `outbound/namespace/<ns>` where the namespace has configuration of its own,
   * `outbound/sidecar/<ns>/<Sidecar>` or `outbound/workload/<ns>/<name>`.
   */
  readonly scope: string;
  /** Istio's `outboundTrafficPolicy`. Either way a host that nobody declared is refused; the reason differs. */
  readonly unknownHosts: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  /** What set `unknownHosts`; absent: the mesh's default. */
  readonly origin?: Origin;
}

/**
 * A bound TCP port of a proxy. Id: `<proxy>/<port>`; the outbound ports of a sidecar: `<proxy>/outbound`, and
 * `<proxy>/outbound/<Service>/<port>` for one that stands for a Service port.
 */
export interface Port {
  readonly id: string;
  readonly origin: Origin;
  readonly proxy: string;
  readonly direction: 'gateway' | 'inbound' | 'outbound';
  /**
   * The port of the YAML: a Gateway's listener port, or the workload's container port. AuthorizationPolicy's
   * `operation.ports` and `destination.port` see this one, wherever the socket is really bound. Outbound: Istio's 15001, or
   * the Service port it stands for.
   */
  readonly number: number;
  /**
   * Where to bind. `port` 0 asks for any free port; the proxy reports which it got. `isHeld`: another process of this proxy
   * listens there already.
   */
  readonly bind: { readonly host: string; readonly port: number; readonly isHeld?: true };
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
  /** Ids in `certificates`, for `tls` ports. Empty for `passthrough`, which terminates nothing. */
  readonly certificates: readonly string[];
  /**
   * Absent: HTTP/2. `tcp`: bytes are relayed as they come, after TLS where the port does TLS. `passthrough`: TLS bytes are
   * relayed as they come, by the server name of their ClientHello, on a `tls` port. The virtual hosts of both stand for
   * server names, and each has one route that forwards and whose match takes anything.
   */
  readonly relay?: 'tcp' | 'passthrough';
  /**
   * No policy is asked about its connections: they are passed on to workloads that ask who the client is themselves (Istio's
   * AUTO_PASSTHROUGH, istio.md 1.2).
   */
  readonly unguarded?: true;
  /**
   * Listeners of one group carry each other's requests: whichever of them the server name selected, the host of a request
   * may be another's (the hosts of one server of an Istio Gateway). Absent: only its own.
   */
  readonly group?: string;
  /** The virtual host of every request, whatever its authority: an outbound port that stands for one Service port. */
  readonly pinned?: string;
  /** For `tls` ports: connections by TLS 1.2 are refused. */
  readonly wantsTls13?: true;
  /** Client certificates, for `tls` ports; absent: none is asked for. */
  readonly clientValidation?: ClientValidation;
}

/** Envoy's `verify_certificate_hash` and `verify_certificate_spki`: SHA-256 in lower-case hexadecimal digits, and in base64. */
export interface CertificatePins {
  readonly certificates: readonly string[];
  readonly keys: readonly string[];
}

/** How a gateway judges the certificates of its own clients (GEP-91; Istio `MUTUAL`, `OPTIONAL_MUTUAL`). */
export interface ClientValidation {
  /** What asked for it. */
  readonly origin: Origin;
  /** PEM of one or more CA certificates, one of which must have issued the client's chain. */
  readonly caPem: string;
  /**
   * `required`: a client without a valid certificate is refused. `optional`: one without any is served, an invalid one is
   * refused. `insecure-fallback`: every client is served; only a valid certificate counts as one.
   */
  readonly mode: 'required' | 'optional' | 'insecure-fallback';
  /** The certificate must be for one of these names; absent: whatever it is for. */
  readonly names?: readonly string[];
  /** The certificate must be one of these, or have one of these keys; absent: any. */
  readonly pins?: CertificatePins;
}

/** The routes of one hostname on one listener. Id: `<listener>/<hostname>`. */
export interface VirtualHost {
  readonly id: string;
  readonly origin: Origin;
  readonly listener: string;
  /**
   * Lower case, as `Listener.hostname`; the intersection of the listener's and the route's hostname. Of an outbound scope:
   * the full host name and the Service port, `asset.default.svc.cluster.local:8080`.
   */
  readonly hostname: string;
  /** Outbound scopes only: it also answers to the host without a port. */
  readonly isDefaultPort?: true;
  /**
   * Outbound scopes only: TLS connections for this host (without a port) to the port that takes any authority are relayed, by
   * the server name of their ClientHello. `only`: and requests have no part here.
   */
  readonly serverName?: 'also' | 'only';
}

/** One match of one rule of a route object. Id: `<virtualHost>/<kind>/<ns>/<name>/<rule>/<match>`. */
export interface Route extends RouteFilters {
  readonly id: string;
  /** The rule's own line. */
  readonly origin: Origin;
  readonly virtualHost: string;
  /** Rank among the routes of the virtual host, 0 first: the precedence of the Gateway API, worked out at compile time. */
  readonly order: number;
  readonly match: RouteMatch;
  readonly action: RouteAction;
}

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

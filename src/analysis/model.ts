import type { Diagnostic, Origin, Secret } from '../base/index.ts';
import type {
  ClientValidation,
  Cluster,
  ConnectionPool,
  DirectResponse,
  HashPolicy,
  HeaderOperations,
  JwtRule,
  Outbound,
  OutlierDetection,
  PeerName,
  ProxyTelemetry,
  Redirect,
  RouteFilters,
  RouteMatch,
  Warmup,
  AuthorizationPolicy,
  PolicyCondition,
  PolicyOperation,
  PolicyRule,
  PolicySource,
} from '../plan/index.ts';
import type { LocalitySetting, MountedVolume } from '../resource/index.ts';
import type { Locality } from './locality.ts';
import type { ContainerHealth } from './probes.ts';
import type { ObjectStatus } from './status.ts';

/** What the resources mean together: who listens, what leads where, who may. Everything that compile lowers. */
export interface Analysis {
  readonly gateways: readonly GatewayModel[];
  /** Workloads that can be reached: with an address for their app, and a proxy of their own or none. */
  readonly workloads: readonly GuardedWorkload[];
  readonly trafficPolicy: TrafficPolicyLookup;
  readonly outbound: OutboundModel;
  /** Sorted by url, each once. */
  readonly remoteKeys: readonly RemoteKeySource[];
  readonly diagnostics: readonly Diagnostic[];
  /** Worked out whenever it is asked for. */
  readonly status: readonly ObjectStatus[];
}

/** Where the calls of workloads go that they make through their own proxies. */
export interface OutboundModel {
  readonly scopes: readonly OutboundScopeModel[];
  /** Full host names of Services that nothing runs behind, sorted. */
  readonly idleHosts: readonly string[];
  /** The scope of a workload's proxy; undefined where it has no outbound port. */
  readonly scopeOf: (workload: WorkloadModel) => OutboundScopeModel | undefined;
  /** The Service ports that a workload is told by environment variables, each through an outbound port of its own. */
  readonly linksOf: (workload: WorkloadModel) => readonly ServiceLinkModel[];
}

/** What all workloads see that share it. */
export interface OutboundScopeModel {
  /** `mesh`, or `namespace/<ns>` for one that has configuration of its own, or `workload/<ns>/<name>`. */
  readonly name: string;
  /** Stands for all of them where a DestinationRule asks who calls; the namespace is empty for `mesh`. */
  readonly client: ClientModel;
  readonly hosts: readonly OutboundHostModel[];
  readonly unknownHosts: Outbound['unknownHosts'];
  readonly unknownHostsOrigin?: Origin;
}

/** A Service port as callers name it. */
export interface OutboundHostModel {
  readonly origin: Origin;
  /** Full and lower case. */
  readonly host: string;
  readonly port: number;
  /** A host without a port means this one: the only port of its Service, or 80. */
  readonly isDefaultPort: boolean;
  /** The Service declares that it does not speak HTTP: bytes are relayed, at the port that stands for it alone. */
  readonly relaysBytes?: true;
  /** As `VirtualHost.serverName` of the plan. */
  readonly serverName?: 'also' | 'only';
  /** Where calls go that nothing else is said about. */
  readonly destination: DestinationModel;
  /** Of a VirtualService or of routes on the Service: all there is for this caller, in their order. */
  readonly matches?: readonly MatchedRule[];
}

export interface ServiceLinkModel {
  readonly origin: Origin;
  readonly service: ServicePortModel;
  /** Empty where a single port has no name. */
  readonly portName: string;
}

/** Names of a proxy in metrics and in policy. */
export interface Identity {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** The Deployment's name, or the object's own. */
  readonly workloadName: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Gateways: what they present to backends with a BackendTLSPolicy (GEP-3155), or why there is nothing to present. */
  readonly backendCertificate?: CertificateModel | { readonly failure: string; readonly origin: Origin };
  /** What its manifest says of files in the proxy's container; absent: nothing. */
  readonly mounts?: readonly MountModel[];
}

export interface MountModel extends MountedVolume {
  /** Of the pod, and so of what it mounts. */
  readonly namespace: string;
}

export interface GatewayModel {
  readonly origin: Origin;
  readonly name: string;
  readonly identity: Identity;
  /** Where its listeners bind; absent: as the options say. */
  readonly bindHost?: string;
  /** Only listeners that can be served. */
  readonly listeners: readonly ListenerModel[];
  /** See `Proxy.trustedProxies`. */
  readonly trustedProxies?: number;
  readonly policies: readonly PolicyModel[];
  readonly requestAuthentications: readonly RequestAuthenticationModel[];
  readonly telemetry?: ProxyTelemetry;
}

/** What all hosts of a listener lead to and look at. */
export interface KeptHosts {
  /** Each once. */
  readonly destinations: readonly DestinationModel[];
  readonly claims: readonly ClaimRule[];
}

/** A rule with a match that looks at a claim of a token. */
export interface ClaimRule {
  readonly rule: RuleModel;
  /** Of the claim, as a header. */
  readonly name: string;
}

export interface ListenerModel {
  readonly origin: Origin;
  readonly name: string;
  readonly port: number;
  /** `MESH`: mutual TLS with the certificates of the mesh (Istio Gateway, `ISTIO_MUTUAL`). */
  readonly protocol: 'HTTP' | 'HTTPS' | 'TLS' | 'TCP' | 'MESH';
  /** As `Listener.relay` of the plan. */
  readonly relay?: 'tcp' | 'passthrough';
  /** As `Listener.unguarded` of the plan. */
  readonly unguarded?: true;
  /** `namespace/name` of the ListenerSet; its names are unique only there. */
  readonly set?: string;
  readonly hostname: string;
  readonly certificates: readonly CertificateModel[];
  readonly clientValidation?: ClientValidation;
  readonly wantsTls13?: true;
  /** As `Listener.group` of the plan. */
  readonly group?: string;
  /** By hostname, sorted. */
  readonly virtualHosts: readonly VirtualHostModel[];
  /** Present where hosts are kept from change to change: they are sorted by hostname, each is there once, and this is theirs. */
  readonly kept?: KeptHosts;
}

export interface CertificateModel {
  readonly origin: Origin;
  readonly namespace: string;
  readonly name: string;
  readonly chainPem: string;
  readonly key: Secret;
}

export interface VirtualHostModel {
  readonly hostname: string;
  /** The first of the routes that asked for this hostname. */
  readonly origin: Origin;
  /** In order of precedence. */
  readonly matches: readonly MatchedRule[];
}

/** One match of one rule, ready to be ranked. */
export interface MatchedRule {
  readonly route: RouteIdentity;
  readonly match: MatchModel;
  readonly matchIndex: number;
  readonly ruleIndex: number;
  readonly rule: RuleModel;
}

interface RouteIdentity {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly creationTimestamp?: string | undefined;
}

export interface MatchModel extends RouteMatch {
  /** Why requests that match cannot be served. */
  readonly failure?: string;
}

export interface RuleModel {
  readonly origin: Origin;
  readonly index: number;
  readonly matches: readonly MatchModel[];
  readonly backends: readonly BackendModel[];
  /** Answers in place of a backend. */
  readonly answer?: Redirect | DirectResponse;
  readonly filters: Omit<RouteFilters, 'mirrors'>;
  readonly mirrors: readonly MirrorModel[];
  /** Why the rule cannot be served at all. */
  readonly failure?: string;
}

export type BackendModel =
  | {
      readonly weight: number;
      readonly destination: DestinationModel;
      readonly requestHeaders?: HeaderOperations;
      readonly responseHeaders?: HeaderOperations;
    }
  | { readonly weight: number; readonly invalid: string };

export interface MirrorModel {
  readonly origin: Origin;
  readonly destination: DestinationModel;
  /** From 0 to 100. */
  readonly percent: number;
}

export interface ServicePortModel {
  readonly namespace: string;
  readonly name: string;
  /** The full host name. */
  readonly host: string;
  /** The Service port. */
  readonly port: number;
}

/** A port of a Service, or one subset of what is behind it. */
export interface DestinationModel {
  /** The port's own line in the Service. */
  readonly origin: Origin;
  readonly service: ServicePortModel;
  /** As a VirtualService names it; which of `places` it holds, the client's DestinationRule says. */
  readonly subset?: string;
  /** All places of the Service, whatever the subset. */
  readonly places: readonly PlaceModel[];
  /** Every identity behind the Service, sorted: what a client with mutual TLS accepts. */
  readonly spiffeIds: readonly string[];
  /** Workloads are called whether they are ready or not (`publishNotReadyAddresses`). */
  readonly takesUnready?: true;
  /** Outside the mesh (ServiceEntry `MESH_EXTERNAL`): mutual TLS only where a DestinationRule asks for it. */
  readonly isExternal?: boolean;
  /** Bytes of a client's own mutual TLS go to the places as they come. */
  readonly passedThrough?: boolean;
  /** Names that the servers' certificates may have (ServiceEntry), where a DestinationRule asks for TLS and names none. */
  readonly subjectAltNames?: readonly string[];
}

export type PlaceModel =
  /** Reached through the workload's own proxy, at whatever address that proxy got. */
  | {
      readonly type: 'proxied';
      readonly workload: WorkloadModel;
      readonly containerPort: number;
      readonly weight: number;
    }
  /** Reached directly: a workload without a proxy, or an address of an EndpointSlice. */
  | {
      readonly type: 'direct';
      readonly origin: Origin;
      readonly name: string;
      /**
       * An address or a Unix socket, or with `lookup` a DNS name: all of its addresses, or the first. `request`: a wildcard; the name that is
       * called is looked up then.
       */
      readonly host: string;
      readonly lookup?: 'all' | 'first' | 'request';
      readonly port: number;
      readonly weight: number;
      /** It says of itself that it takes the mutual TLS of the mesh. */
      readonly takesMutualTls?: boolean;
      readonly identity?: Identity;
      /** For subsets; those of the identity where there is one. */
      readonly labels?: Readonly<Record<string, string>>;
      /** Absent: as the labels say. */
      readonly locality?: Locality;
    };

export interface WorkloadModel {
  readonly origin: Origin;
  readonly name: string;
  readonly identity: Identity;
  /** False: `sidecar.istio.io/inject: "false"`. */
  readonly hasProxy: boolean;
  /** Of a WorkloadEntry that says it; else the labels do. */
  readonly locality?: Locality;
  readonly ports: readonly WorkloadPortModel[];
  /** How it is asked whether it is ready; absent: it always is. */
  readonly health?: readonly ContainerHealth[];
}

/** A workload with what its proxy enforces. */
export interface GuardedWorkload extends WorkloadModel {
  readonly policies: readonly PolicyModel[];
  readonly requestAuthentications: readonly RequestAuthenticationModel[];
  readonly telemetry?: ProxyTelemetry;
}

export interface WorkloadPortModel {
  /** Of a Sidecar; goes before that of a DestinationRule. */
  readonly connectionPool?: ConnectionPool;
  readonly number: number;
  readonly origin: Origin;
  /** Where the app really listens for this port, addresses or Unix sockets; at least one. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** The Service declares it to speak no HTTP, so that its connections are passed on as they are. */
  readonly relaysBytes?: true;
  readonly mtls: MtlsModel;
  /** The first Service port that leads here, for the labels and pool settings of the inbound cluster. */
  readonly service?: ServicePortModel;
}

export interface MtlsModel {
  readonly mode: 'STRICT' | 'PERMISSIVE' | 'DISABLE';
  /** The PeerAuthentication that decided, or the workload for Istio's default. */
  readonly origin: Origin;
}

/** How one client reaches one Service port or subset, from the DestinationRule that applies. */
export interface TrafficPolicyModel {
  readonly origin?: Origin;
  readonly loadBalancer: Cluster['loadBalancer'];
  readonly hash?: HashPolicy;
  readonly locality?: LocalitySetting;
  readonly warmup?: Warmup;
  readonly outlierDetection?: OutlierDetection;
  readonly connectionPool: ConnectionPool;
  readonly tls: TlsModel;
  /** The labels of the subset that was asked for. */
  readonly subset?: { readonly origin: Origin; readonly labels: Readonly<Record<string, string>> };
  /** A subset was asked for that no DestinationRule of this client defines. */
  readonly undefinedSubset?: true;
}

/** Who calls: what decides which DestinationRules it sees. */
export type ClientModel = Pick<Identity, 'namespace' | 'labels' | 'backendCertificate' | 'mounts'>;

/** How a client reaches a Service port, or one subset of what is behind it. */
export type TrafficPolicyLookup = (
  client: ClientModel,
  destination: Pick<DestinationModel, 'service' | 'subset'>,
) => TrafficPolicyModel;

export type TlsModel =
  /** Nothing asked for: mutual TLS per endpoint, where the other side takes it. */
  | { readonly mode: 'auto' }
  | { readonly mode: 'DISABLE'; readonly origin: Origin }
  | {
      readonly mode: 'ISTIO_MUTUAL';
      readonly origin: Origin;
      /** Absent: Istio's own. */
      readonly sni?: string;
      /** Empty: the accounts behind the Service. */
      readonly subjectAltNames: readonly string[];
    }
  | OriginatedTlsModel
  /** Not to be had: no endpoint is used, rather than one with less protection than asked for. */
  | { readonly mode: 'unsupported'; readonly field: string; readonly origin: Origin };

/** TLS that ends at the backend itself. */
export interface OriginatedTlsModel {
  readonly mode: 'tls';
  readonly origin: Origin;
  /** Empty: the host of each request. */
  readonly sni: string;
  /** Empty: the server name. */
  readonly subjectAltNames: readonly PeerName[];
  /** Absent: the operating system's. */
  readonly authorities?: AuthoritiesModel;
  readonly clientCertificate?: CertificateModel;
  readonly insecureSkipVerify: boolean;
}

/** Certificate authorities of a Secret or ConfigMap. */
export interface AuthoritiesModel {
  readonly origin: Origin;
  readonly kind: 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
  readonly pem: string;
}

/** A RequestAuthentication whose keys are at hand, or the reason why not. */
export interface RequestAuthenticationModel {
  readonly origin: Origin;
  readonly namespace: string;
  readonly name: string;
  readonly rules: readonly JwtRule[];
}

/** A key set that must be fetched; what came of it is an input of the next analysis, under `url`. */
export interface RemoteKeySource {
  /** Of the key set, or of the issuer's OpenID Connect discovery document that names it. */
  readonly url: string;
  readonly isDiscovery: boolean;
  /** Milliseconds for one attempt. */
  readonly timeoutMs: number;
}

/** A policy without the proxy it is for: the rules pass into the plan as they are. */
export type PolicyModel = Omit<AuthorizationPolicy, 'id' | 'proxy'>;

/** The same rules under names that tell them from those of the YAML. */
export type PolicyRuleModel = PolicyRule;
export type PolicySourceModel = PolicySource;
export type PolicyOperationModel = PolicyOperation;
export type PolicyConditionModel = PolicyCondition;

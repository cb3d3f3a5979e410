/** What the deciders take and answer. All plain data; the hot ones are made once and shared, never per request. */
import type { Origin } from '../base/index.ts';
import type {
  Cluster,
  Endpoint,
  HeaderOperations,
  Listener,
  Outbound,
  Plan,
  Port,
  Proxy,
  Route,
  VirtualHost,
} from '../plan/index.ts';
import type { BoundedCache } from './bounded-cache.ts';
import type { BoundAuthorization, CompiledPolicies } from './policy-types.ts';
import type { CompiledCors } from './cors.ts';
import type { HostIndex } from './host-index.ts';
import type { CompiledPathRewrite } from './path-rewrite.ts';
import type { CompiledRedirect } from './redirect-location.ts';
import type { TextPredicate } from './regex.ts';
import type { RouteCondition } from './route-conditions.ts';
import type { CompiledActions } from './route-actions.ts';

/** One proxy of a plan, indexed for deciding. Immutable but for its bounded caches, until `recompileProxy` makes the next. */
export interface CompiledProxy {
  readonly id: string;
  readonly plan: Plan;
  readonly proxy: Proxy;
  /** By port id. */
  readonly ports: ReadonlyMap<string, CompiledPort>;
  /** By cluster id. */
  readonly clusters: ReadonlyMap<string, CompiledCluster>;
  readonly policies: CompiledPolicies;
  /** Shared by connections that present the same facts, as far as policies read them. */
  readonly boundAuthorizations: BoundedCache<BoundAuthorization>;
}

export interface CompiledPort {
  readonly port: Port;
  /** In order of id. */
  readonly listeners: readonly CompiledListener[];
  /** Some route answers requests that are no gRPC calls; where none does, they need not be routed to be refused. */
  readonly answersPlain: boolean;
  readonly listenersByHost: HostIndex<CompiledListener>;
  /** Outbound ports only. */
  readonly outbound: CompiledOutbound | undefined;
  /** By authority as received. */
  readonly hosts: BoundedCache<HostResolution>;
  /** Some listener relays bytes instead of HTTP. */
  readonly relays: boolean;
  /** Where bytes go depends on the server name of the ClientHello, which the port does not learn by ending TLS. */
  readonly asksServerName: boolean;
}

/** What an outbound port knows beside its virtual hosts. */
export interface CompiledOutbound {
  /** Names without dots belong to this namespace; see `lookupOutbound`. */
  readonly namespace: string;
  readonly unknownHosts: Outbound['unknownHosts'];
  /** What set `unknownHosts`. */
  readonly origin: Origin | undefined;
  /** Full names of Services that nothing runs behind. */
  readonly idleHosts: ReadonlySet<string>;
}

/** What a port makes of an authority; depends on nothing else, so it is cached under it. */
export interface HostResolution {
  readonly listener: CompiledListener;
  readonly virtualHost: CompiledVirtualHost | undefined;
}

export interface CompiledListener {
  readonly listener: Listener;
  /** In order of id. */
  readonly virtualHosts: readonly CompiledVirtualHost[];
  readonly virtualHostsByHost: HostIndex<CompiledVirtualHost>;
  /** Where TLS connections are relayed beside requests: those that server names mean, without ports. */
  readonly virtualHostsByServerName: HostIndex<CompiledVirtualHost> | undefined;
  /** The virtual host of every request, whatever its authority. */
  readonly pinned: CompiledVirtualHost | undefined;
  /** How many of `virtualHosts` have routes that answer other requests than gRPC calls. */
  readonly answeringPlain: number;
  /** The decision for a request whose host no virtual host of this listener serves. */
  readonly noVirtualHost: RouteDecision;
}

export interface CompiledVirtualHost {
  readonly virtualHost: VirtualHost;
  readonly routes: RouteIndex;
  /** Where routes ask for a server name: those by it, the others under `*`. */
  readonly routesByServerName: HostIndex<CompiledRoute> | undefined;
  /** The decision for a request that none of `routes` matches. */
  readonly noRoute: RouteDecision;
}

/**
 * The routes of one virtual host by path. A look-up costs the path's length (with prefixes by characters: times the number
 * of their different lengths) and the number of regular expressions, not the number of routes. What it gives depends on the path alone, and so may be cached under it.
 */
export interface RouteIndex {
  /** In precedence order. */
  readonly routes: readonly CompiledRoute[];
  readonly exact: ReadonlyMap<string, readonly CompiledRoute[]>;
  /** Key: the prefix without trailing slash; empty for `/`. */
  readonly prefixes: ReadonlyMap<string, readonly CompiledRoute[]>;
  /** Slashes in the longest key of `prefixes`: no need to look deeper into a path. */
  readonly maxPrefixDepth: number;
  /** Prefixes by characters. */
  readonly textPrefixes: ReadonlyMap<string, readonly CompiledRoute[]>;
  /** The different lengths of the keys of `textPrefixes`, ascending. */
  readonly textPrefixLengths: readonly number[];
  /** Regular expressions, and paths in any case. */
  readonly scanned: readonly { readonly route: CompiledRoute; readonly matches: TextPredicate }[];
  /** Candidates by path as received. */
  readonly cache: BoundedCache<readonly CompiledRoute[]>;
}

/** One match of one rule, with what a decision needs at hand. */
export interface CompiledRoute {
  readonly route: Route;
  /** Empty for an action that fails. */
  readonly backends: readonly CompiledBackend[];
  /** Sum of the weights of `backends`; 0 means that no request can be served. */
  readonly totalWeight: number;
  /** Why the rule cannot be served as written; undefined for any other action. */
  readonly failReason: string | undefined;
  /** For `rewritePath`; undefined where the path stays. */
  readonly pathRewrite: CompiledPathRewrite | undefined;
  /** For `redirectLocation`; undefined for any other action. */
  readonly redirect: CompiledRedirect | undefined;
  /** For `decideCors`; undefined where cross-origin requests are not looked at. */
  readonly cors: CompiledCors | undefined;
  /** What it asks for beside its path; empty when the path decides. */
  readonly conditions: readonly RouteCondition[];
  /** Undefined for a route that only sends on. */
  readonly actions: CompiledActions | undefined;
  /** The decision that names this route, made once. */
  readonly decision: RouteDecision;
}

/** One share of a route's requests. Exactly one of `cluster` and `invalid` is set. */
export interface CompiledBackend {
  readonly weight: number;
  readonly cluster: CompiledCluster | undefined;
  /** Why this share of the requests cannot be served. */
  readonly invalid: string | undefined;
  /** After those of the route. */
  readonly requestHeaders: HeaderOperations | undefined;
  readonly responseHeaders: HeaderOperations | undefined;
}

export interface CompiledCluster {
  readonly cluster: Cluster;
  readonly endpoints: readonly Endpoint[];
}

export type RouteDecision =
  | {
      readonly type: 'route';
      readonly route: CompiledRoute;
      readonly virtualHost: CompiledVirtualHost;
      readonly listener: CompiledListener;
    }
  /** No listener of the port serves the host (or the port has none). */
  | { readonly type: 'no-listener' }
  | { readonly type: 'no-virtual-host'; readonly listener: CompiledListener }
  | { readonly type: 'no-route'; readonly virtualHost: CompiledVirtualHost; readonly listener: CompiledListener };

/** Filled in by `decideRoute` when someone listens: each step that led to the decision, in order. */
export interface RouteTrace {
  readonly steps: RouteTraceStep[];
}

export interface RouteTraceStep {
  readonly what: string;
  readonly outcome: 'chosen' | 'passed over' | 'missing';
  readonly origin: Origin | undefined;
}

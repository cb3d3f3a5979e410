/** From the plan, flat maps of children that name their parents, to one proxy's indexes. */
import { compareText } from '../base/index.ts';
import {
  elementIn,
  listingsOf,
  type Cluster,
  type Listener,
  type Listing,
  type Plan,
  type Port,
  type Proxy,
  type Route,
  type VirtualHost,
  type WeightedBackend,
} from '../plan/index.ts';
import { BoundedCache } from './bounded-cache.ts';
import { compileCors } from './cors.ts';
import { buildHostIndex, type HostIndex } from './host-index.ts';
import {
  maxBoundAuthorizations,
  maxCachedHosts,
  maxCachedPaths,
  maxCachedPathsPerHost,
  minCachedPathsPerHost,
} from './limits.ts';
import { compilePathRewrite } from './path-rewrite.ts';
import { compilePolicies } from './policy-compile.ts';
import { compileRedirect } from './redirect-location.ts';
import { actionFault, compileActions } from './route-actions.ts';
import { compileConditions } from './route-conditions.ts';
import { buildRouteIndex } from './route-index.ts';
import type {
  CompiledBackend,
  CompiledCluster,
  CompiledListener,
  CompiledOutbound,
  CompiledPort,
  CompiledProxy,
  CompiledRoute,
  CompiledVirtualHost,
} from './types.ts';

interface Compilation {
  readonly plan: Plan;
  readonly listenersOf: ReadonlyMap<string, readonly Listener[]>;
  readonly virtualHostsOf: ReadonlyMap<string, readonly VirtualHost[]>;
  readonly routesOf: ReadonlyMap<string, readonly Route[]>;
  readonly clusters: ReadonlyMap<string, CompiledCluster>;
  readonly maxCachedPaths: number;
  readonly scope: string | undefined;
  readonly outbound: CompiledOutbound | undefined;
}

/**
 * Indexes the part of a plan that one proxy serves. Done once per plan, so that a decision costs the same for 10 routes and
 * for 10,000.
 *
 * @throws RangeError if the plan has no such proxy: the supervisor starts proxies from the plan's own ids.
 */
export function compileProxy(plan: Plan, proxyId: string): CompiledProxy {
  const proxy = plan.proxies[proxyId];
  if (proxy === undefined) throw new RangeError(`the plan has no proxy ${JSON.stringify(proxyId)}`);
  const compilation = prepare(plan, proxy);
  const ports = new Map<string, CompiledPort>();
  for (const port of Object.values(plan.ports)) {
    if (port.proxy === proxyId) ports.set(port.id, compilePort(compilation, port));
  }
  const policies = Object.values(plan.policies).filter((policy) => policy.proxy === proxyId);
  return {
    id: proxyId,
    plan,
    proxy,
    ports,
    clusters: compilation.clusters,
    policies: compilePolicies(policies, {
      trustedProxies: proxy.trustedProxies ?? 0,
      verifiesTokens: Object.values(plan.requestAuthentications).some(
        (one) => one.proxy === proxyId && one.rules.length > 0,
      ),
    }),
    boundAuthorizations: new BoundedCache(maxBoundAuthorizations),
  };
}

/** Its own, or of the outbound scope that it shares. */
export function isOwnCluster({ proxy: owner }: Cluster, { id, outbound }: Proxy): boolean {
  return owner === id || owner === outbound?.scope;
}

function prepare(plan: Plan, proxy: Proxy): Compilation {
  const { namespace, outbound } = proxy;
  const { listeners, virtualHosts, endpoints: allEndpoints, routes } = listingsOf(plan);
  const endpointsOf = childrenOf(allEndpoints, (endpoint) => endpoint.cluster);
  const clusters = new Map<string, CompiledCluster>();
  for (const cluster of Object.values(plan.clusters)) {
    if (!isOwnCluster(cluster, proxy)) continue;
    clusters.set(cluster.id, { cluster, endpoints: endpointsOf.get(cluster.id) ?? [] });
  }
  return {
    plan,
    listenersOf: childrenOf(listeners, (listener) => listener.port),
    virtualHostsOf: childrenOf(virtualHosts, (virtualHost) => virtualHost.listener),
    routesOf: childrenOf(routes, (route) => route.virtualHost),
    clusters,
    scope: outbound?.scope,
    outbound:
      outbound === undefined
        ? undefined
        : {
            namespace,
            unknownHosts: outbound.unknownHosts,
            origin: outbound.origin,
            idleHosts: new Set(plan.mesh.idleHosts),
          },
    maxCachedPaths: cachedPathsPerHost(plan),
  };
}

/** A share of the paths that all virtual hosts together may remember; a power of two, so that one more host seldom makes another. */
export function cachedPathsPerHost(plan: Plan): number {
  const share = Math.floor(maxCachedPaths / Math.max(1, listingsOf(plan).virtualHosts.ids.length));
  const rounded = 2 ** Math.floor(Math.log2(Math.max(1, share)));
  return Math.min(maxCachedPathsPerHost, Math.max(minCachedPathsPerHost, rounded));
}

/** Children by the id of their parent, in order of id. */
export function childrenOf<T>(all: Listing<T>, parentOf: (element: T) => string): Map<string, T[]> {
  const children = new Map<string, T[]>();
  for (const element of all.elements) {
    const siblings = children.get(parentOf(element));
    if (siblings === undefined) children.set(parentOf(element), [element]);
    else siblings.push(element);
  }
  return children;
}

function compilePort(compilation: Compilation, port: Port): CompiledPort {
  const own = compilation.listenersOf.get(port.id) ?? [];
  const listeners = own.map((listener) => compileListener(compilation, listener, port));
  return {
    port,
    listeners,
    answersPlain: listeners.some(answersPlain),
    listenersByHost: buildHostIndex(listeners.map((listener) => [listener.listener.hostname, listener])),
    outbound: port.direction === 'outbound' ? compilation.outbound : undefined,
    hosts: new BoundedCache(maxCachedHosts),
    relays: listeners.some(({ listener }) => listener.relay !== undefined),
    asksServerName: listeners.some(asksServerName),
  };
}

function compileListener(compilation: Compilation, own: Listener, port: Port): CompiledListener {
  const virtualHosts: CompiledVirtualHost[] = [];
  // The parts of a listener name it in their decisions, so it is made first and filled afterwards.
  const listener: Mutable<CompiledListener> = {
    listener: own,
    virtualHosts,
    virtualHostsByHost: buildHostIndex<CompiledVirtualHost>([]),
    virtualHostsByServerName: undefined,
    pinned: undefined,
    answeringPlain: 0,
    noVirtualHost: { type: 'no-listener' },
  };
  listener.noVirtualHost = { type: 'no-virtual-host', listener };
  const { clusters, routesOf, maxCachedPaths: maxPaths } = compilation;
  const place = { listener, clusters, maxCachedPaths: maxPaths };
  for (const virtualHost of virtualHostsFor(compilation, own, port)) {
    virtualHosts.push(compileVirtualHost(virtualHost, routesOf.get(virtualHost.id) ?? [], place));
  }
  setHosts(listener, virtualHosts);
  return listener;
}

/** Gives a listener its virtual hosts, in order of id, with all that is found by. */
export function setHosts(listener: Mutable<CompiledListener>, virtualHosts: readonly CompiledVirtualHost[]): void {
  listener.virtualHosts = virtualHosts;
  listener.virtualHostsByHost = indexHosts(virtualHosts);
  listener.answeringPlain = virtualHosts.filter(hostAnswersPlain).length;
  if (listener.listener.pinned === undefined) listener.virtualHostsByServerName = byHostAlone(virtualHosts);
  else [listener.pinned] = virtualHosts;
}

function indexHosts(virtualHosts: readonly CompiledVirtualHost[]): HostIndex<CompiledVirtualHost> {
  return buildHostIndex(virtualHosts.flatMap((host) => namesOf(host.virtualHost).map((name) => [name, host] as const)));
}

function virtualHostsFor(compilation: Compilation, { id, pinned }: Listener, port: Port): readonly VirtualHost[] {
  if (pinned !== undefined) {
    const host = elementIn(listingsOf(compilation.plan).virtualHosts, pinned);
    return host === undefined ? [] : [host];
  }
  const parent = port.direction === 'outbound' ? compilation.scope : id;
  return compilation.virtualHostsOf.get(parent ?? id) ?? [];
}

/** With the port, and without it where no port means this one. */
function namesOf({ hostname, isDefaultPort, serverName }: VirtualHost): readonly string[] {
  if (serverName === 'only') return [];
  return isDefaultPort === true ? [hostname, withoutPort(hostname)] : [hostname];
}

function byHostAlone(hosts: readonly CompiledVirtualHost[]): CompiledListener['virtualHostsByServerName'] {
  const named = hosts.filter(({ virtualHost }) => virtualHost.serverName !== undefined);
  return named.length === 0
    ? undefined
    : buildHostIndex(named.map((host) => [withoutPort(host.virtualHost.hostname), host] as const));
}

function withoutPort(hostname: string): string {
  return hostname.slice(0, hostname.lastIndexOf(':'));
}

export function asksServerName({ listener, pinned, virtualHostsByServerName }: CompiledListener): boolean {
  if (virtualHostsByServerName !== undefined) return true;
  return listener.relay !== undefined && pinned?.routesByServerName !== undefined;
}

export function answersPlain({ answeringPlain }: CompiledListener): boolean {
  return answeringPlain > 0;
}

export function hostAnswersPlain({ routes }: CompiledVirtualHost): boolean {
  return routes.routes.some((route) => route.actions?.answersPlain === true);
}

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What the routes of a virtual host are compiled with. */
export interface HostPlace {
  readonly listener: CompiledListener;
  readonly clusters: ReadonlyMap<string, CompiledCluster>;
  readonly maxCachedPaths: number;
}

/** `routes`: all of this virtual host, in any order. */
export function compileVirtualHost(
  virtualHost: VirtualHost,
  routes: readonly Route[],
  place: HostPlace,
): CompiledVirtualHost {
  const { listener, clusters, maxCachedPaths: maxPaths } = place;
  const host: Mutable<CompiledVirtualHost> = {
    virtualHost,
    routes: buildRouteIndex([], 0),
    routesByServerName: undefined,
    noRoute: { type: 'no-listener' },
  };
  host.noRoute = { type: 'no-route', virtualHost: host, listener };
  const compiled = [...routes]
    .sort((a, b) => a.order - b.order || compareText(a.id, b.id))
    .map((route) => compileRoute(clusters, { route, virtualHost: host, listener }));
  host.routes = buildRouteIndex(compiled, maxPaths);
  host.routesByServerName = byServerName(compiled);
  return host;
}

function byServerName(routes: readonly CompiledRoute[]): CompiledVirtualHost['routesByServerName'] {
  if (routes.every(({ route }) => route.match.serverNames === undefined)) return undefined;
  return buildHostIndex(
    routes.flatMap((route) => (route.route.match.serverNames ?? ['*']).map((name) => [name, route] as const)),
  );
}

function compileRoute(
  clusters: HostPlace['clusters'],
  place: { readonly route: Route; readonly virtualHost: CompiledVirtualHost; readonly listener: CompiledListener },
): CompiledRoute {
  const { route } = place;
  const backends =
    route.action.type === 'forward' ? route.action.backends.map((backend) => compileBackend(backend, clusters)) : [];
  const compiled: Mutable<CompiledRoute> = {
    route,
    backends,
    totalWeight: backends.reduce((sum, backend) => sum + backend.weight, 0),
    ...compileParts(route),
    actions: compileActions(route),
    conditions: compileConditions(route.match),
    decision: { type: 'no-listener' },
  };
  compiled.decision = { type: 'route', route: compiled, virtualHost: place.virtualHost, listener: place.listener };
  return compiled;
}

type CompiledParts = Pick<CompiledRoute, 'failReason' | 'pathRewrite' | 'redirect' | 'cors'>;

/** A rewrite that cannot be applied fails the route: the backend must not see a path that nobody wrote. */
function compileParts(route: Route): CompiledParts {
  const { action, rewrite, cors, match } = route;
  const pathRewrite = rewrite?.path === undefined ? undefined : compilePathRewrite(rewrite.path, match.path);
  const redirect = action.type === 'redirect' ? compileRedirect(action, match.path) : undefined;
  const isBroken =
    (rewrite?.path !== undefined && pathRewrite === undefined) ||
    (action.type === 'redirect' && redirect === undefined);
  return {
    failReason:
      action.type === 'fail'
        ? action.reason
        : isBroken
          ? 'its path cannot be rewritten as written'
          : actionFault(route),
    pathRewrite,
    redirect,
    cors: cors === undefined ? undefined : compileCors(cors),
  };
}

const noHeaders = { requestHeaders: undefined, responseHeaders: undefined };

function compileBackend(backend: WeightedBackend, clusters: ReadonlyMap<string, CompiledCluster>): CompiledBackend {
  const { weight } = backend;
  if ('invalid' in backend) return { weight, cluster: undefined, invalid: backend.invalid, ...noHeaders };
  const cluster = clusters.get(backend.cluster);
  const { requestHeaders, responseHeaders } = backend;
  return {
    weight,
    cluster,
    requestHeaders,
    responseHeaders,
    invalid: cluster === undefined ? `the plan has no cluster ${backend.cluster}` : undefined,
  };
}

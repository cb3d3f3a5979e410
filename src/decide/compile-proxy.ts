/** From the plan, flat maps of children that name their parents, to one proxy's indexes. */
import { compareText } from '../base/index.ts';
import {
  listingsOf,
  type Listener,
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
  readonly listenersOf: ReadonlyMap<string, readonly string[]>;
  readonly virtualHostsOf: ReadonlyMap<string, readonly string[]>;
  readonly routesOf: ReadonlyMap<string, readonly string[]>;
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
    if (port.proxy === proxyId) ports.set(port.id, compilePort(compilation, port.id));
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

function prepare(plan: Plan, { id: proxyId, namespace, outbound }: Proxy): Compilation {
  const listenersOf = childrenOf(plan.listeners, (listener) => listener.port);
  const virtualHostsOf = childrenOf(plan.virtualHosts, (virtualHost) => virtualHost.listener);
  const endpointsOf = childrenOf(plan.endpoints, (endpoint) => endpoint.cluster);
  const clusters = new Map<string, CompiledCluster>();
  for (const cluster of Object.values(plan.clusters)) {
    if (cluster.proxy !== proxyId && cluster.proxy !== outbound?.scope) continue;
    const endpoints = (endpointsOf.get(cluster.id) ?? []).map((id) => child(plan.endpoints, id));
    clusters.set(cluster.id, { cluster, endpoints });
  }
  return {
    plan,
    listenersOf,
    virtualHostsOf,
    routesOf: childrenOf(plan.routes, (route) => route.virtualHost),
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

/** A share of the paths that all virtual hosts together may remember. */
export function cachedPathsPerHost(plan: Plan): number {
  const share = Math.floor(maxCachedPaths / Math.max(1, listingsOf(plan).virtualHosts.ids.length));
  return Math.min(maxCachedPathsPerHost, Math.max(minCachedPathsPerHost, share));
}

/** Ids of children by the id of their parent, in order of id so that nothing depends on the order of the plan's keys. */
function childrenOf<T extends { readonly id: string }>(
  all: Readonly<Record<string, T>>,
  parentOf: (element: T) => string,
): Map<string, string[]> {
  const children = new Map<string, string[]>();
  for (const element of Object.values(all)) {
    const siblings = children.get(parentOf(element));
    if (siblings === undefined) children.set(parentOf(element), [element.id]);
    else siblings.push(element.id);
  }
  for (const siblings of children.values()) siblings.sort(compareText);
  return children;
}

/** An element whose id was read from the same map. */
function child<T>(all: Readonly<Record<string, T>>, id: string): T {
  return all[id] as T;
}

function compilePort(compilation: Compilation, portId: string): CompiledPort {
  const { plan } = compilation;
  const port = child(plan.ports, portId);
  const listeners = (compilation.listenersOf.get(portId) ?? []).map((id) => compileListener(compilation, { id, port }));
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

function compileListener(
  compilation: Compilation,
  { id: listenerId, port }: { readonly id: string; readonly port: Port },
): CompiledListener {
  const virtualHosts: CompiledVirtualHost[] = [];
  // The parts of a listener name it in their decisions, so it is made first and filled afterwards.
  const listener: Mutable<CompiledListener> = {
    listener: child(compilation.plan.listeners, listenerId),
    virtualHosts,
    virtualHostsByHost: buildHostIndex<CompiledVirtualHost>([]),
    virtualHostsByServerName: undefined,
    pinned: undefined,
    noVirtualHost: { type: 'no-listener' },
  };
  listener.noVirtualHost = { type: 'no-virtual-host', listener };
  for (const id of virtualHostIds(compilation, listener.listener, port)) {
    const routes = (compilation.routesOf.get(id) ?? []).map((routeId) => child(compilation.plan.routes, routeId));
    const { clusters, maxCachedPaths: maxPaths } = compilation;
    const place = { listener, clusters, maxCachedPaths: maxPaths };
    virtualHosts.push(compileVirtualHost(child(compilation.plan.virtualHosts, id), routes, place));
  }
  setHosts(listener, virtualHosts);
  return listener;
}

/** Gives a listener its virtual hosts, in order of id, with all that is found by. */
export function setHosts(listener: Mutable<CompiledListener>, virtualHosts: readonly CompiledVirtualHost[]): void {
  listener.virtualHosts = virtualHosts;
  listener.virtualHostsByHost = indexHosts(virtualHosts);
  if (listener.listener.pinned === undefined) listener.virtualHostsByServerName = byHostAlone(virtualHosts);
  else [listener.pinned] = virtualHosts;
}

function indexHosts(virtualHosts: readonly CompiledVirtualHost[]): HostIndex<CompiledVirtualHost> {
  return buildHostIndex(virtualHosts.flatMap((host) => namesOf(host.virtualHost).map((name) => [name, host] as const)));
}

function virtualHostIds(compilation: Compilation, { id, pinned }: Listener, port: Port): readonly string[] {
  if (pinned !== undefined) return [pinned];
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

export function answersPlain({ virtualHosts }: CompiledListener): boolean {
  return virtualHosts.some(({ routes }) => routes.routes.some((route) => route.actions?.answersPlain === true));
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

/** From one plan of a proxy to the next: where only routes and clusters are different, only what consists of them is made anew. */
import { compareText } from '../base/index.ts';
import {
  elementIn,
  isWithin,
  listingsOf,
  planChange,
  type Plan,
  type PlanChange,
  type PlanCollection,
  type Route,
  type VirtualHost,
} from '../plan/index.ts';
import { BoundedCache } from './bounded-cache.ts';
import {
  answersPlain,
  asksServerName,
  cachedPathsPerHost,
  childrenOf,
  compileProxy,
  compileVirtualHost,
  hostAnswersPlain,
  isOwnCluster,
  setHosts,
  type HostPlace,
  type Mutable,
} from './compile-proxy.ts';
import { changeHostIndex } from './host-index.ts';
import { maxCachedHosts } from './limits.ts';
import type { CompiledCluster, CompiledListener, CompiledPort, CompiledProxy, CompiledVirtualHost } from './types.ts';

/**
 * As `compileProxy`, of which `before` is the newest result for this proxy. Listeners and clusters of `before` that are
 * different are brought up to date themselves, because the decisions of hosts that stay name them: `before` is not to be decided
 * by any more.
 *
 * @throws RangeError as `compileProxy`; then `before` is as it was.
 */
export function recompileProxy(plan: Plan, proxyId: string, before: CompiledProxy | undefined): CompiledProxy {
  const change = before === undefined ? undefined : planChange(before.plan, plan);
  if (before === undefined || change === undefined || !canUpdate(before.plan, plan, change)) {
    return compileProxy(plan, proxyId);
  }
  const changes = changesByHost(before.plan, change);
  const clusters = changedClusters(before, plan, change);
  const place = { ...before, clusters: clusters.all, maxCachedPaths: cachedPathsPerHost(plan) };
  const updates = [...before.ports.values()].flatMap(({ listeners }) =>
    listeners.map((listener) => ({ listener, ...changedHosts(listener, { changes, plan, place }) })),
  );
  for (const { listener, gone, made } of updates) replaceHosts(listener, gone, made);
  for (const { known, cluster, endpoints } of clusters.changed) Object.assign(known, { cluster, endpoints });
  const ports = new Map([...before.ports].map(([id, port]) => [id, refreshed(port)] as const));
  return { ...before, plan, ports, clusters: clusters.all };
}

/** What routes and clusters consist of; nothing but the plan itself holds anything of the other two. */
const updatable = new Set<PlanCollection>(['virtualHosts', 'routes', 'clusters', 'endpoints', 'certificates', 'peers']);

/** Nothing but these is different, and each virtual host may still remember as many paths. */
function canUpdate(before: Plan, after: Plan, change: PlanChange): boolean {
  return isWithin(change, updatable) && cachedPathsPerHost(before) === cachedPathsPerHost(after);
}

interface ClustersChange {
  readonly all: CompiledProxy['clusters'];
  /** Routes that stay name these, so that they are to be brought up to date themselves. */
  readonly changed: readonly (CompiledCluster & { readonly known: CompiledCluster })[];
}

/** Changes nothing yet, but makes those that are new. */
function changedClusters(before: CompiledProxy, plan: Plan, { set, removed }: PlanChange): ClustersChange {
  const { clusters, endpoints } = listingsOf(plan);
  const ids = new Set([...Object.keys(set.clusters ?? {}), ...(removed.clusters ?? [])]);
  for (const { cluster } of Object.values((set.endpoints ?? {}) as Plan['endpoints'])) ids.add(cluster);
  const endpointsBefore = listingsOf(before.plan).endpoints;
  for (const id of [...Object.keys(set.endpoints ?? {}), ...(removed.endpoints ?? [])]) {
    const endpoint = elementIn(endpointsBefore, id);
    if (endpoint !== undefined) ids.add(endpoint.cluster);
  }
  if (ids.size === 0) return { all: before.clusters, changed: [] };
  const all = new Map(before.clusters);
  const changed: (CompiledCluster & { readonly known: CompiledCluster })[] = [];
  const endpointsOf = childrenOf(endpoints, (endpoint) => endpoint.cluster);
  for (const id of ids) {
    const cluster = elementIn(clusters, id);
    const known = all.get(id);
    const own = { endpoints: endpointsOf.get(id) ?? [] };
    if (cluster === undefined || !isOwnCluster(cluster, before.proxy)) all.delete(id);
    else if (known === undefined) all.set(id, { cluster, ...own });
    else changed.push({ known, cluster, ...own });
  }
  return { all, changed };
}

/** What is different in one virtual host. */
interface HostChange {
  readonly set: Map<string, Route>;
  readonly removed: Set<string>;
}

function changesByHost(before: Plan, { set, removed }: PlanChange): ReadonlyMap<string, HostChange> {
  const changes = new Map<string, HostChange>();
  const changeOf = (id: string): HostChange => {
    const change = changes.get(id) ?? { set: new Map(), removed: new Set() };
    changes.set(id, change);
    return change;
  };
  for (const id of [...Object.keys(set.virtualHosts ?? {}), ...(removed.virtualHosts ?? [])]) changeOf(id);
  for (const route of Object.values((set.routes ?? {}) as Plan['routes'])) {
    changeOf(route.virtualHost).set.set(route.id, route);
  }
  const { routes } = listingsOf(before);
  for (const id of removed.routes ?? []) {
    const route = elementIn(routes, id);
    if (route !== undefined) changeOf(route.virtualHost).removed.add(id);
  }
  return changes;
}

/** The virtual hosts of a listener that are gone or different, as they were and as they are; both in order of id. */
function changedHosts(
  listener: CompiledListener,
  next: {
    readonly changes: ReadonlyMap<string, HostChange>;
    readonly plan: Plan;
    readonly place: Omit<HostPlace, 'listener'> & Pick<CompiledProxy, 'proxy' | 'ports'>;
  },
): { readonly gone: readonly CompiledVirtualHost[]; readonly made: readonly CompiledVirtualHost[] } {
  const { changes, plan, place } = next;
  const { virtualHosts } = listingsOf(plan);
  const parent = parentOf(listener, place);
  const isOwn = ({ id, listener: of }: VirtualHost): boolean =>
    listener.listener.pinned === undefined ? of === parent : id === listener.listener.pinned;
  const gone: CompiledVirtualHost[] = [];
  const made: CompiledVirtualHost[] = [];
  for (const [id, { set, removed }] of changes) {
    const known = hostOf(listener, id);
    const virtualHost = elementIn(virtualHosts, id);
    if (known === undefined && (virtualHost === undefined || !isOwn(virtualHost))) continue;
    if (known !== undefined) gone.push(known);
    if (virtualHost === undefined) continue;
    const kept = (known?.routes.routes ?? []).map(({ route }) => route).filter((route) => !removed.has(route.id));
    const routes = new Map([...kept.map((route) => [route.id, route] as const), ...set]);
    made.push(compileVirtualHost(virtualHost, [...routes.values()], { ...place, listener }));
  }
  return { gone, made: made.sort(compareHosts) };
}

function compareHosts(a: CompiledVirtualHost, b: CompiledVirtualHost): number {
  return compareText(a.virtualHost.id, b.virtualHost.id);
}

function hostOf({ virtualHosts }: CompiledListener, id: string): CompiledVirtualHost | undefined {
  const host = virtualHosts[placeOf(virtualHosts, id)];
  return host?.virtualHost.id === id ? host : undefined;
}

/** Where a virtual host is, or would be. */
function placeOf(hosts: readonly CompiledVirtualHost[], id: string): number {
  let low = 0;
  let high = hosts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((hosts[middle] as CompiledVirtualHost).virtualHost.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Up to this many hosts are replaced one by one; more, and everything that is found by is made anew. */
const fewChanges = 64;

function replaceHosts(
  listener: Mutable<CompiledListener>,
  gone: readonly CompiledVirtualHost[],
  made: readonly CompiledVirtualHost[],
): void {
  if (gone.length + made.length === 0) return;
  if (gone.length + made.length > fewChanges || ![...gone, ...made].every(isPlain) || !isPlainListener(listener)) {
    const all = new Set(gone);
    const stayed = listener.virtualHosts.filter((host) => !all.has(host));
    setHosts(listener, [...stayed, ...made].sort(compareHosts));
    return;
  }
  const hosts = listener.virtualHosts.slice();
  for (const host of gone) hosts.splice(placeOf(hosts, host.virtualHost.id), 1);
  for (const host of made) hosts.splice(placeOf(hosts, host.virtualHost.id), 0, host);
  listener.virtualHosts = hosts;
  listener.answeringPlain += made.filter(hostAnswersPlain).length - gone.filter(hostAnswersPlain).length;
  changeHostIndex(listener.virtualHostsByHost, {
    removed: gone.map(({ virtualHost }) => virtualHost.hostname),
    added: made.map((host) => [host.virtualHost.hostname, host] as const),
  });
}

/** It is found by its hostname alone, which no other has. */
function isPlain({ virtualHost }: CompiledVirtualHost): boolean {
  return virtualHost.isDefaultPort === undefined && virtualHost.serverName === undefined;
}

/** All its hosts are plain: those of outbound ports have ports in their names and stand for other names too. */
function isPlainListener({ listener, virtualHosts, virtualHostsByServerName }: CompiledListener): boolean {
  const [first] = virtualHosts;
  return (
    listener.pinned === undefined &&
    virtualHostsByServerName === undefined &&
    (first === undefined || first.virtualHost.listener === listener.id)
  );
}

/** Whose virtual hosts a listener has: its own, or on an outbound port those of the scope. */
function parentOf({ listener }: CompiledListener, { proxy, ports }: Pick<CompiledProxy, 'proxy' | 'ports'>): string {
  const isOutbound = ports.get(listener.port)?.port.direction === 'outbound';
  return isOutbound ? (proxy.outbound?.scope ?? listener.id) : listener.id;
}

/** What follows from the hosts of its listeners. */
function refreshed(port: CompiledPort): CompiledPort {
  const { listeners } = port;
  return {
    ...port,
    answersPlain: listeners.some(answersPlain),
    asksServerName: listeners.some(asksServerName),
    hosts: new BoundedCache(maxCachedHosts),
  };
}

import {
  applyPlanChange,
  byId,
  certificatesOf,
  elementIn,
  emptyListing,
  isOfRoutes,
  listById,
  listingsOf,
  planOf,
  withListings,
  type Listing,
  type Plan,
  type PlanChange,
  type Port,
} from '../plan/index.ts';

/**
 * The part of the plan that one proxy needs: a proxy process never sees the listeners, policies and keys of others, and
 * a change elsewhere does not reach it. `peers` stay where a port takes mutual TLS, for the labels of its metrics.
 */
export function slicePlan(plan: Plan, proxyId: string): Plan {
  const all = listingsOf(plan);
  const proxy = elementIn(all.proxies, proxyId);
  const scope = proxy?.outbound?.scope;
  const owners = scope === undefined ? [proxyId] : [proxyId, scope];
  const ports = below(all.ports, 'proxy', [proxyId]);
  const listeners = below(all.listeners, 'port', ports.ids);
  const virtualHosts = below(all.virtualHosts, 'listener', [...listeners.ids, ...owners.slice(1)]);
  const clusters = below(all.clusters, 'proxy', owners);
  const endpoints = below(all.endpoints, 'cluster', clusters.ids);
  const certificateIds = new Set([
    ...listeners.elements.flatMap((listener) => listener.certificates),
    ...endpoints.elements.flatMap(certificatesOf),
  ]);
  const hasMutualTls = ports.elements.some((port) => port.security.mode === 'mtls');
  return planOf(plan.mesh, {
    proxies: listById(proxy === undefined ? [] : [proxy]),
    ports,
    listeners,
    virtualHosts,
    routes: below(all.routes, 'virtualHost', virtualHosts.ids),
    clusters,
    endpoints,
    policies: below(all.policies, 'proxy', [proxyId]),
    requestAuthentications: below(all.requestAuthentications, 'proxy', [proxyId]),
    certificates: listById([...certificateIds].flatMap((id) => elementIn(all.certificates, id) ?? [])),
    peers: hasMutualTls ? all.peers : emptyListing,
  });
}

/** From one plan to the next. */
export interface PlanStep {
  readonly before: Plan;
  readonly plan: Plan;
  /** Undefined: none. */
  readonly change: PlanChange | undefined;
}

/** The slice of the next plan for a proxy that had `slice`; the very same where the change does not concern it. */
export function nextSlice(slice: Plan, { before, plan, change }: PlanStep): Plan {
  const [proxy] = Object.values(slice.proxies);
  if (proxy === undefined || change === undefined) return slice;
  if (!isOfRoutes(change)) return slicePlan(plan, proxy.id);
  const own = changeWithin(slice, change, proxy.outbound?.scope);
  if (own === undefined) return slice;
  // The only proxy with routes, before and now.
  const [had, was] = [listingsOf(slice), listingsOf(before)];
  const hadAll = had.virtualHosts === was.virtualHosts && had.routes === was.routes;
  if (hadAll && sizeOf(own) === sizeOf(change)) {
    const { virtualHosts, routes } = listingsOf(plan);
    return withListings(slice, { virtualHosts, routes });
  }
  return applyPlanChange(slice, own);
}

/** Of a change of routes: how many elements it is about. */
function sizeOf({ set, removed }: PlanChange): number {
  return [...Object.values(set).map((elements) => Object.keys(elements)), ...Object.values(removed)].flat().length;
}

/** A change of routes, as far as it is about hosts of a slice. */
function changeWithin(slice: Plan, { set, removed }: PlanChange, scope: string | undefined): PlanChange | undefined {
  const { listeners, virtualHosts: had, routes: hadRoutes } = listingsOf(slice);
  const hosts = Object.values((set.virtualHosts ?? {}) as Plan['virtualHosts']).filter(
    ({ listener }) => listener === scope || elementIn(listeners, listener) !== undefined,
  );
  const added = byId(hosts);
  const routes = Object.values((set.routes ?? {}) as Plan['routes']).filter(
    ({ virtualHost }) => Object.hasOwn(added, virtualHost) || elementIn(had, virtualHost) !== undefined,
  );
  const gone = {
    virtualHosts: (removed.virtualHosts ?? []).filter((id) => elementIn(had, id) !== undefined),
    routes: (removed.routes ?? []).filter((id) => elementIn(hadRoutes, id) !== undefined),
  };
  const isEmpty = hosts.length + routes.length + gone.virtualHosts.length + gone.routes.length === 0;
  return isEmpty ? undefined : { set: { virtualHosts: added, routes: byId(routes) }, removed: gone };
}

/** The slice with ports bound to given numbers where the plan leaves the number open. */
export function pinPorts(slice: Plan, pins: ReadonlyMap<string, number>): Plan {
  if (pins.size === 0) return slice;
  const ports = listingsOf(slice).ports.elements.map((port) => {
    const pin = port.bind.port === 0 ? pins.get(port.id) : undefined;
    return pin === undefined ? port : { ...port, bind: { ...port.bind, port: pin } };
  });
  return withListings(slice, { ports: listById(ports) });
}

/** A port as the plan wants it bound, and as one process was told to. */
export interface ToldBind {
  readonly wanted: Port['bind'];
  readonly told: Port['bind'];
}

/** What decides where one process of a proxy binds. */
export interface SharedPorts {
  /** Ports that this process has bound, which stay as they are while the plan wants the same. */
  readonly bound: ReadonlyMap<string, ToldBind>;
  /** Numbers of the ports that others hold. */
  readonly held: ReadonlyMap<string, number>;
  /** Whether it opens those that nobody holds. */
  readonly opensOthers: boolean;
}

/**
 * The slice for one process of a proxy: ports that others hold are joined where those have them; the rest is opened by one process
 * only.
 */
export function sharePorts(slice: Plan, { bound, held, opensOthers }: SharedPorts): Plan {
  const all = listingsOf(slice).ports.elements;
  const ports = all.flatMap((port) => {
    const own = bound.get(port.id);
    if (own !== undefined && isSameBind(own.wanted, port.bind)) return [withBind(port, own.told)];
    const number = held.get(port.id);
    if (number === undefined) return opensOthers ? [port] : [];
    return [withBind(port, { ...port.bind, port: number, isHeld: true })];
  });
  const isSame = ports.length === all.length && ports.every((port, index) => port === all[index]);
  return isSame ? slice : withListings(slice, { ports: listById(ports) });
}

function withBind(port: Port, bind: Port['bind']): Port {
  return isSameBind(port.bind, bind) ? port : { ...port, bind };
}

function isSameBind(a: Port['bind'], b: Port['bind']): boolean {
  return a.host === b.host && a.port === b.port && a.isHeld === b.isHeld;
}

/** The elements whose parent, named by a field, is one of these. */
function below<T extends { readonly id: string }>(
  elements: Listing<T>,
  field: keyof T,
  parents: readonly string[],
): Listing<T> {
  const groups = groupsOf(elements, field);
  const own = parents.flatMap((parent) => groups.get(parent) ?? []);
  return own.length === elements.ids.length ? elements : listById(own);
}

/** A mesh has many proxies, and each asks for its own elements of the same collections. */
const groupsBefore = new WeakMap<Listing, ReadonlyMap<unknown, readonly unknown[]>>();

function groupsOf<T>(elements: Listing<T>, field: keyof T): ReadonlyMap<unknown, readonly T[]> {
  const known = groupsBefore.get(elements);
  if (known !== undefined) return known as ReadonlyMap<unknown, readonly T[]>;
  const groups = new Map<unknown, T[]>();
  for (const element of elements.elements) {
    const group = groups.get(element[field]);
    if (group === undefined) groups.set(element[field], [element]);
    else group.push(element);
  }
  groupsBefore.set(elements, groups);
  return groups;
}

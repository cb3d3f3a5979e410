import {
  applyPlanChange,
  byId,
  certificatesOf,
  isOfRoutes,
  listingOf,
  type Plan,
  type PlanChange,
} from '../plan/index.ts';

/**
 * The part of the plan that one proxy needs: a proxy process never sees the listeners, policies and keys of others, and
 * a change elsewhere does not reach it. `peers` stay where a port takes mutual TLS, for the labels of its metrics.
 */
export function slicePlan(plan: Plan, proxyId: string): Plan {
  const proxy = plan.proxies[proxyId];
  const scope = proxy?.outbound?.scope;
  const owners = scope === undefined ? [proxyId] : [proxyId, scope];
  const ports = below(plan.ports, 'proxy', [proxyId]);
  const listeners = below(plan.listeners, 'port', Object.keys(ports));
  const virtualHosts = below(plan.virtualHosts, 'listener', [...Object.keys(listeners), ...owners.slice(1)]);
  const clusters = below(plan.clusters, 'proxy', owners);
  const endpoints = below(plan.endpoints, 'cluster', Object.keys(clusters));
  const certificateIds = new Set([
    ...Object.values(listeners).flatMap((listener) => listener.certificates),
    ...Object.values(endpoints).flatMap(certificatesOf),
  ]);
  const hasMutualTls = Object.values(ports).some((port) => port.security.mode === 'mtls');
  return {
    mesh: plan.mesh,
    proxies: byId(proxy === undefined ? [] : [proxy]),
    ports,
    listeners,
    virtualHosts,
    routes: below(plan.routes, 'virtualHost', listingOf(virtualHosts).ids),
    clusters,
    endpoints,
    policies: below(plan.policies, 'proxy', [proxyId]),
    requestAuthentications: below(plan.requestAuthentications, 'proxy', [proxyId]),
    certificates: byId([...certificateIds].flatMap((id) => plan.certificates[id] ?? [])),
    peers: hasMutualTls ? plan.peers : {},
  };
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
  const hadAll = slice.virtualHosts === before.virtualHosts && slice.routes === before.routes;
  if (hadAll && sizeOf(own) === sizeOf(change)) {
    return { ...slice, virtualHosts: plan.virtualHosts, routes: plan.routes };
  }
  return applyPlanChange(slice, own);
}

/** Of a change of routes: how many elements it is about. */
function sizeOf({ set, removed }: PlanChange): number {
  return [...Object.values(set).map((elements) => Object.keys(elements)), ...Object.values(removed)].flat().length;
}

/** A change of routes, as far as it is about hosts of a slice. */
function changeWithin(slice: Plan, { set, removed }: PlanChange, scope: string | undefined): PlanChange | undefined {
  const hosts = Object.values((set.virtualHosts ?? {}) as Plan['virtualHosts']).filter(
    ({ listener }) => listener === scope || Object.hasOwn(slice.listeners, listener),
  );
  const added = byId(hosts);
  const routes = Object.values((set.routes ?? {}) as Plan['routes']).filter(
    ({ virtualHost }) => Object.hasOwn(added, virtualHost) || Object.hasOwn(slice.virtualHosts, virtualHost),
  );
  const gone = {
    virtualHosts: (removed.virtualHosts ?? []).filter((id) => Object.hasOwn(slice.virtualHosts, id)),
    routes: (removed.routes ?? []).filter((id) => Object.hasOwn(slice.routes, id)),
  };
  const isEmpty = hosts.length + routes.length + gone.virtualHosts.length + gone.routes.length === 0;
  return isEmpty ? undefined : { set: { virtualHosts: added, routes: byId(routes) }, removed: gone };
}

/** The slice with ports bound to given numbers where the plan leaves the number open. */
export function pinPorts(slice: Plan, pins: ReadonlyMap<string, number>): Plan {
  if (pins.size === 0) return slice;
  const ports = Object.entries(slice.ports).map(([id, port]) => {
    const pin = port.bind.port === 0 ? pins.get(id) : undefined;
    return [id, pin === undefined ? port : { ...port, bind: { ...port.bind, port: pin } }] as const;
  });
  return { ...slice, ports: Object.fromEntries(ports) };
}

/**
 * The slice for one of several processes: ports that others hold are joined where those have them; the rest is opened by
 * one process only.
 */
export function sharePorts(
  slice: Plan,
  { held, opensOthers }: { readonly held: ReadonlyMap<string, number>; readonly opensOthers: boolean },
): Plan {
  const ports = Object.entries(slice.ports).flatMap(([id, port]) => {
    const number = held.get(id);
    if (number === undefined) return opensOthers ? [[id, port] as const] : [];
    return [[id, { ...port, bind: { ...port.bind, port: number, isHeld: true as const } }] as const];
  });
  return { ...slice, ports: Object.fromEntries(ports) };
}

/** The elements whose parent, named by a field, is one of these. */
function below<T extends { readonly id: string }>(
  elements: Readonly<Record<string, T>>,
  field: keyof T,
  parents: readonly string[],
): Readonly<Record<string, T>> {
  const groups = groupsOf(elements, field);
  const own = parents.flatMap((parent) => groups.get(parent) ?? []);
  return own.length === listingOf(elements).ids.length ? elements : byId(own);
}

/** A mesh has many proxies, and each asks for its own elements of the same collections. */
const groupsBefore = new WeakMap<object, ReadonlyMap<unknown, readonly unknown[]>>();

function groupsOf<T>(elements: Readonly<Record<string, T>>, field: keyof T): ReadonlyMap<unknown, readonly T[]> {
  const known = groupsBefore.get(elements);
  if (known !== undefined) return known as ReadonlyMap<unknown, readonly T[]>;
  const groups = new Map<unknown, T[]>();
  for (const element of listingOf(elements).elements) {
    const group = groups.get(element[field]);
    if (group === undefined) groups.set(element[field], [element]);
    else group.push(element);
  }
  groupsBefore.set(elements, groups);
  return groups;
}

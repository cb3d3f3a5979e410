/** From one plan of a proxy to the next: where only routes are different, only their virtual hosts are made anew. */
import { compareText } from '../base/index.ts';
import { isOfRoutes, planChange, type Plan, type PlanChange, type Route, type VirtualHost } from '../plan/index.ts';
import { BoundedCache } from './bounded-cache.ts';
import {
  answersPlain,
  asksServerName,
  cachedPathsPerHost,
  compileProxy,
  compileVirtualHost,
  setHosts,
  type HostPlace,
} from './compile-proxy.ts';
import { maxCachedHosts } from './limits.ts';
import type { CompiledListener, CompiledPort, CompiledProxy, CompiledVirtualHost } from './types.ts';

/**
 * As `compileProxy`, of which `before` is the newest result for this proxy. Listeners of `before` that get other virtual
 * hosts are brought up to date themselves, because the decisions of those that stay name them: `before` is not to be decided
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
  const updates = [...before.ports.values()].flatMap(({ listeners }) =>
    listeners.map((listener) => ({
      listener,
      virtualHosts: updateHosts(listener, {
        changes,
        plan,
        place: { ...before, maxCachedPaths: cachedPathsPerHost(plan) },
      }),
    })),
  );
  for (const { listener, virtualHosts } of updates) {
    if (virtualHosts !== undefined) setHosts(listener, virtualHosts);
  }
  const ports = new Map([...before.ports].map(([id, port]) => [id, refreshed(port)] as const));
  return { ...before, plan, ports };
}

/** Nothing but routes is different, and each virtual host may still remember as many paths. */
function canUpdate(before: Plan, after: Plan, change: PlanChange): boolean {
  return isOfRoutes(change) && cachedPathsPerHost(before) === cachedPathsPerHost(after);
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
  for (const id of removed.routes ?? []) changeOf((before.routes[id] as Route).virtualHost).removed.add(id);
  return changes;
}

/** The virtual hosts that a listener has from now on, in order of id; undefined where they are the ones it had. */
function updateHosts(
  listener: CompiledListener,
  next: {
    readonly changes: ReadonlyMap<string, HostChange>;
    readonly plan: Plan;
    readonly place: Omit<HostPlace, 'listener'> & Pick<CompiledProxy, 'proxy' | 'ports'>;
  },
): readonly CompiledVirtualHost[] | undefined {
  const { changes, plan, place } = next;
  const had = new Map<string, CompiledVirtualHost>();
  const stayed: CompiledVirtualHost[] = [];
  for (const host of listener.virtualHosts) {
    if (changes.has(host.virtualHost.id)) had.set(host.virtualHost.id, host);
    else stayed.push(host);
  }
  const parent = parentOf(listener, place);
  const isOwn = ({ id, listener: of }: VirtualHost): boolean =>
    listener.listener.pinned === undefined ? of === parent : id === listener.listener.pinned;
  const made = new Map<string, CompiledVirtualHost>();
  let differs = false;
  for (const [id, { set, removed }] of changes) {
    const known = had.get(id);
    const virtualHost = plan.virtualHosts[id];
    if (known === undefined && (virtualHost === undefined || !isOwn(virtualHost))) continue;
    differs = true;
    if (virtualHost === undefined) continue;
    const kept = (known?.routes.routes ?? []).map(({ route }) => route).filter((route) => !removed.has(route.id));
    const routes = new Map([...kept.map((route) => [route.id, route] as const), ...set]);
    made.set(id, compileVirtualHost(virtualHost, [...routes.values()], { ...place, listener }));
  }
  if (!differs) return undefined;
  return [...stayed, ...made.values()].sort((a, b) => compareText(a.virtualHost.id, b.virtualHost.id));
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

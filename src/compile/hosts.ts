import type { GatewayModel, VirtualHostModel } from '../analysis/index.ts';
import { compareText } from '../base/index.ts';
import { gatewayId, listenerId } from './ids.ts';
import type { LoweredHost, LoweredListener, LoweredListeners } from './lowered-hosts.ts';
import { lowerRoutes } from './routes.ts';

export interface HostsChange {
  readonly listeners: LoweredListeners;
  readonly added: readonly LoweredHost[];
  readonly removed: readonly LoweredHost[];
  /** Of listeners whose hosts are worked out each time; two of these may have the same id. */
  readonly others: readonly LoweredHost[];
}

/** Lowers the hosts of all gateways but those that `before` has lowered already, and says which are other than there. */
export function lowerHosts(gateways: readonly GatewayModel[], before: LoweredListeners): HostsChange {
  const listeners = new Map<string, LoweredListener>();
  const change = { added: [] as LoweredHost[], removed: [] as LoweredHost[] };
  const others: LoweredHost[] = [];
  const ids = gateways.map(gatewayId);
  for (const [index, gateway] of gateways.entries()) {
    const proxy = ids[index] as string;
    const isOnly = ids.indexOf(proxy) === ids.lastIndexOf(proxy);
    for (const listener of gateway.listeners) {
      const id = listenerId(proxy, listener);
      const { virtualHosts, kept } = listener;
      if (kept === undefined || !isOnly)
        others.push(...virtualHosts.map((host) => lowerHost(host, { proxy, listener: id })));
      else listeners.set(id, lowerListener({ proxy, id, models: virtualHosts }, { ...change, before: before.get(id) }));
    }
  }
  for (const [id, { hosts }] of before) if (!listeners.has(id)) for (const host of hosts) change.removed.push(host);
  return { listeners, ...change, others };
}

function lowerListener(
  next: { readonly proxy: string; readonly id: string; readonly models: readonly VirtualHostModel[] },
  change: {
    readonly before: LoweredListener | undefined;
    readonly added: LoweredHost[];
    readonly removed: LoweredHost[];
  },
): LoweredListener {
  const { before, added, removed } = change;
  const { proxy, id, models } = next;
  if (before?.models === models) return before;
  const old = before?.models ?? [];
  const hosts: LoweredHost[] = [];
  let i = 0;
  for (const model of models) {
    // Both are sorted by hostname.
    while (
      i < old.length &&
      old[i] !== model &&
      compareText((old[i] as VirtualHostModel).hostname, model.hostname) <= 0
    )
      removed.push(before?.hosts[i++] as LoweredHost);
    if (old[i] === model) {
      hosts.push(before?.hosts[i++] as LoweredHost);
      continue;
    }
    const host = lowerHost(model, { proxy, listener: id });
    added.push(host);
    hosts.push(host);
  }
  while (i < old.length) removed.push(before?.hosts[i++] as LoweredHost);
  return { proxy, models, hosts };
}

function lowerHost(
  host: VirtualHostModel,
  { proxy, listener }: { readonly proxy: string; readonly listener: string },
): LoweredHost {
  const { hostname, origin } = host;
  const id = `${listener}/${hostname}`;
  return { virtualHost: { id, origin, listener, hostname }, routes: lowerRoutes({ proxy, host, virtualHost: id }) };
}

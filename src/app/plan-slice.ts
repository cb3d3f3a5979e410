import { certificatesOf, type Plan } from '../plan/index.ts';

/**
 * The part of the plan that one proxy needs: a proxy process never sees the listeners, policies and keys of others, and
 * a change elsewhere does not reach it. `peers` stay where a port takes mutual TLS, for the labels of its metrics.
 */
export function slicePlan(plan: Plan, proxyId: string): Plan {
  const ports = pick(plan.ports, (port) => port.proxy === proxyId);
  const listeners = pick(plan.listeners, (listener) => Object.hasOwn(ports, listener.port));
  const scope = plan.proxies[proxyId]?.outbound?.scope;
  const virtualHosts = pick(
    plan.virtualHosts,
    (host) => host.listener === scope || Object.hasOwn(listeners, host.listener),
  );
  const clusters = pick(plan.clusters, (cluster) => cluster.proxy === proxyId || cluster.proxy === scope);
  const endpoints = pick(plan.endpoints, (endpoint) => Object.hasOwn(clusters, endpoint.cluster));
  const certificateIds = new Set([
    ...Object.values(listeners).flatMap((listener) => listener.certificates),
    ...Object.values(endpoints).flatMap(certificatesOf),
  ]);
  const hasMutualTls = Object.values(ports).some((port) => port.security.mode === 'mtls');
  return {
    mesh: plan.mesh,
    proxies: pick(plan.proxies, (proxy) => proxy.id === proxyId),
    ports,
    listeners,
    virtualHosts,
    routes: pick(plan.routes, (route) => Object.hasOwn(virtualHosts, route.virtualHost)),
    clusters,
    endpoints,
    policies: pick(plan.policies, (policy) => policy.proxy === proxyId),
    requestAuthentications: pick(plan.requestAuthentications, (one) => one.proxy === proxyId),
    certificates: pick(plan.certificates, (certificate) => certificateIds.has(certificate.id)),
    peers: hasMutualTls ? plan.peers : {},
  };
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

function pick<T>(elements: Readonly<Record<string, T>>, keep: (element: T) => boolean): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(elements).filter(([, element]) => keep(element)));
}

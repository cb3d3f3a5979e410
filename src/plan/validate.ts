import { planCollections } from './collections.ts';
import type { Endpoint } from './cluster.ts';
import type { WeightedBackend } from './route.ts';
import type { Plan, Route } from './types.ts';

/**
 * Checks what the types cannot say: keys equal ids, every parent and every referenced element exists and belongs to the
 * same proxy, orders and numbers make sense. A finding here is a fault of the compiler, not of anyone's YAML; the list
 * is empty for every plan that `compileAll` makes.
 */
export function validatePlan(plan: Plan): readonly string[] {
  return [
    ...checkIds(plan),
    ...checkParents(plan),
    ...checkPorts(plan),
    ...checkListeners(plan),
    ...checkRoutes(plan),
    ...checkClusters(plan),
  ];
}

function checkIds(plan: Plan): string[] {
  return planCollections
    .filter((collection) => collection !== 'peers')
    .flatMap((collection) =>
      Object.entries(plan[collection])
        .filter(([key, element]) => key !== element.id)
        .map(([key, element]) => `${collection}: key "${key}" holds the element with id "${element.id}"`),
    );
}

const parents = [
  { child: 'ports', field: 'proxy', parent: 'proxies' },
  { child: 'listeners', field: 'port', parent: 'ports' },
  { child: 'virtualHosts', field: 'listener', parent: 'listeners' },
  { child: 'routes', field: 'virtualHost', parent: 'virtualHosts' },
  { child: 'clusters', field: 'proxy', parent: 'proxies' },
  { child: 'endpoints', field: 'cluster', parent: 'clusters' },
  { child: 'policies', field: 'proxy', parent: 'proxies' },
  { child: 'requestAuthentications', field: 'proxy', parent: 'proxies' },
] as const;

/** Fields that may name an outbound scope in place of a proxy or a listener. */
const scopeFields: ReadonlySet<string> = new Set(['clusters', 'virtualHosts']);

function checkParents(plan: Plan): string[] {
  const scopes = new Set(Object.values(plan.proxies).map(({ outbound }) => outbound?.scope));
  const isScope = (child: string, value: unknown) => scopeFields.has(child) && scopes.has(String(value));
  return parents.flatMap(({ child, field, parent }) =>
    Object.entries<Readonly<Record<string, unknown>>>(
      plan[child] as unknown as Record<string, Readonly<Record<string, unknown>>>,
    )
      .filter(([, element]) => !Object.hasOwn(plan[parent], String(element[field])) && !isScope(child, element[field]))
      .map(([id, element]) => `${child} "${id}": ${field} "${String(element[field])}" does not exist`),
  );
}

const highestPort = 65535;

function isPort(number: number, lowest: number): boolean {
  return Number.isInteger(number) && number >= lowest && number <= highestPort;
}

function checkPorts(plan: Plan): string[] {
  return Object.values(plan.ports).flatMap((port) => [
    ...(isPort(port.number, 1) ? [] : [`ports "${port.id}": number ${port.number} is not a port`]),
    // 0 asks the system for any free port.
    ...(isPort(port.bind.port, 0) ? [] : [`ports "${port.id}": bind port ${port.bind.port} is not a port`]),
  ]);
}

function checkListeners(plan: Plan): string[] {
  return Object.values(plan.listeners).flatMap((listener) => [
    ...listener.certificates
      .filter((id) => !Object.hasOwn(plan.certificates, id))
      .map((id) => `listeners "${listener.id}": certificate "${id}" does not exist`),
    ...(listener.pinned === undefined || Object.hasOwn(plan.virtualHosts, listener.pinned)
      ? []
      : [`listeners "${listener.id}": virtual host "${listener.pinned}" does not exist`]),
    ...(plan.ports[listener.port]?.security.mode === 'tls' &&
    listener.relay !== 'passthrough' &&
    listener.certificates.length === 0
      ? [`listeners "${listener.id}": no certificate on a tls port`]
      : []),
  ]);
}

function checkRoutes(plan: Plan): string[] {
  const orders = new Set<string>();
  return Object.values(plan.routes).flatMap((route) => {
    const place = `${route.virtualHost} ${route.order}`;
    const taken = orders.has(place);
    orders.add(place);
    return [
      ...(taken ? [`routes "${route.id}": order ${route.order} is taken in its virtual host`] : []),
      ...(route.action.type === 'forward' ? checkBackends(plan, route, route.action.backends) : []),
      ...checkMirrors(plan, route),
    ];
  });
}

function checkBackends(plan: Plan, route: Route, backends: readonly WeightedBackend[]): string[] {
  const proxy = proxyOfRoute(plan, route);
  const total = backends.reduce((sum, backend) => sum + backend.weight, 0);
  return [
    ...(total > 0 ? [] : [`routes "${route.id}": the weights of its backends sum to ${total}`]),
    ...backends.flatMap((backend) =>
      'cluster' in backend && (proxy === undefined || plan.clusters[backend.cluster]?.proxy !== proxy)
        ? [`routes "${route.id}": cluster "${backend.cluster}" is not of proxy "${proxy}"`]
        : [],
    ),
  ];
}

function checkMirrors(plan: Plan, route: Route): string[] {
  const proxy = proxyOfRoute(plan, route);
  return (route.mirrors ?? [])
    .filter(({ cluster }) => proxy === undefined || plan.clusters[cluster]?.proxy !== proxy)
    .map(({ cluster }) => `routes "${route.id}": mirror cluster "${cluster}" is not of proxy "${proxy}"`);
}

/** The proxy, or the outbound scope, whose clusters the route may name. */
function proxyOfRoute(plan: Plan, route: Route): string | undefined {
  const parent = plan.virtualHosts[route.virtualHost]?.listener;
  const listener = plan.listeners[parent ?? ''];
  return listener === undefined ? parent : plan.ports[listener.port]?.proxy;
}

function checkClusters(plan: Plan): string[] {
  return Object.values(plan.endpoints).flatMap((endpoint) => [
    ...(isPort(endpoint.address.port, 1)
      ? []
      : [`endpoints "${endpoint.id}": port ${endpoint.address.port} is not a port`]),
    ...(Number.isInteger(endpoint.weight) && endpoint.weight > 0
      ? []
      : [`endpoints "${endpoint.id}": weight ${endpoint.weight} is not a positive integer`]),
    ...certificatesOf(endpoint)
      .filter((id) => !Object.hasOwn(plan.certificates, id))
      .map((id) => `endpoints "${endpoint.id}": certificate "${id}" does not exist`),
  ]);
}

/** What a client of this endpoint needs for TLS. */
export function certificatesOf({ security }: Endpoint): readonly string[] {
  if (security.mode !== 'tls') return [];
  return [security.authorities, security.clientCertificate].filter((id) => id !== undefined);
}

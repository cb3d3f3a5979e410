import { compareText, formatOrigin, qualifiedName, type Origin } from '../base/index.ts';
import {
  listingsOf,
  type Listener,
  type NamedMatch,
  type Plan,
  type Port,
  type Route,
  type TextMatch,
} from '../plan/index.ts';
import { formatTable, type TableLayout } from './table.ts';

/** Where a proxy really bound a port of the plan: `HOST:PORT` by port id. */
export type BoundAddresses = ReadonlyMap<string, string>;

/** Rows of routes shown at the start; a mesh with thousands is read with `sallyport get`. */
const maxRouteRows = 20;

export interface MeshLayout extends TableLayout {
  /** Workloads that get no calls, by `namespace/name`. */
  readonly unready?: ReadonlyMap<string, string>;
}

/** What `run` says once it serves: gateways with their listeners, routes, workloads with their identities. */
export function formatMesh(plan: Plan, addresses: BoundAddresses, layout: MeshLayout = {}): string {
  return [formatGateways(plan, addresses, layout), routeTable(plan, layout), workloadTable(plan, addresses, layout)]
    .filter((table) => table !== '')
    .join('\n');
}

/** Gateways with the addresses they really listen on, in the order of their ports. */
export function formatGateways(plan: Plan, addresses: BoundAddresses, layout: TableLayout = {}): string {
  const portOf = ({ port }: Listener) => plan.ports[port]?.number ?? 0;
  const listeners = Object.values(plan.listeners).sort(
    (a, b) => compareText(gatewayOf(plan, a), gatewayOf(plan, b)) || portOf(a) - portOf(b),
  );
  const rows = listeners.flatMap((listener) => {
    const port = plan.ports[listener.port];
    const proxy = port === undefined ? undefined : plan.proxies[port.proxy];
    if (port === undefined || proxy?.role !== 'gateway') return [];
    return [
      [
        qualified(proxy.origin),
        listener.name,
        protocolOf(listener, port),
        listener.hostname,
        addresses.get(port.id) ?? 'not bound',
        proxy.labels.principal,
      ],
    ];
  });
  return rows.length === 0
    ? ''
    : formatTable(['GATEWAY', 'LISTENER', 'PROTOCOL', 'HOSTNAME', 'ADDRESS', 'IDENTITY'], rows, layout);
}

function protocolOf({ relay }: Listener, { security }: Port): string {
  if (relay === 'passthrough') return 'TLS (passed through)';
  if (security.mode === 'plaintext') return relay === undefined ? 'HTTP' : 'TCP';
  return relay === undefined ? 'HTTPS' : 'TLS';
}

function gatewayOf(plan: Plan, { port }: Listener): string {
  return plan.ports[port]?.proxy ?? '';
}

function routeTable(plan: Plan, layout: TableLayout): string {
  const seen = new Set<string>();
  const rows: string[][] = [];
  let left = 0;
  const { routes, virtualHosts } = listingsOf(plan);
  const hosts = new Map(virtualHosts.elements.map((host) => [host.id, host]));
  for (const route of routes.elements) {
    const virtualHost = hosts.get(route.virtualHost);
    const listener = plan.listeners[virtualHost?.listener ?? ''];
    const port = plan.ports[listener?.port ?? ''];
    if (virtualHost === undefined || port === undefined || port.direction !== 'gateway') continue;
    // The same rule stands once for each listener it is attached to.
    const key = `${virtualHost.hostname} ${route.id.slice(route.virtualHost.length)}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (rows.length === maxRouteRows) {
      left += 1;
      continue;
    }
    rows.push([
      `${route.origin.kind} ${qualified(route.origin)}`,
      virtualHost.hostname,
      listener?.relay === undefined ? matchOf(route) : 'any connection',
      backendsOf(plan, route),
      sourceOf(route.origin),
    ]);
  }
  if (rows.length === 0) return '';
  const more = left === 0 ? '' : `… and ${left} more (\`sallyport get httproutes\`)\n`;
  return formatTable(['ROUTE', 'HOSTNAME', 'MATCH', 'BACKEND', 'SOURCE'], rows, layout) + more;
}

function workloadTable(plan: Plan, addresses: BoundAddresses, layout: MeshLayout): string {
  const rows = Object.values(plan.ports).flatMap((port) => {
    const proxy = plan.proxies[port.proxy];
    if (proxy?.role !== 'sidecar' || port.direction !== 'inbound') return [];
    const policies = Object.values(plan.policies)
      .filter((policy) => policy.proxy === proxy.id)
      .map(({ namespace, name }) => `${namespace}/${name}`);
    return [
      [
        qualified(proxy),
        proxy.labels.principal,
        String(port.number),
        `${appOf(plan, port)}${layout.unready?.has(qualified(proxy)) === true ? ' (not ready)' : ''}`,
        mtlsOf(port),
        policies.join(',') || '-',
        outboundOf(plan, proxy.id, addresses),
      ],
    ];
  });
  return rows.length === 0
    ? ''
    : formatTable(['WORKLOAD', 'IDENTITY', 'PORT', 'APPLICATION', 'MTLS', 'POLICIES', 'OUTBOUND'], rows, layout);
}

/** `PathPrefix /a POST x-env=prod`, as short as it can be told apart. */
function matchOf({ match }: Route): string {
  const { path, method, scheme, authority, headers, queryParams = [] } = match;
  return [
    path.type,
    path.value,
    ...('ignoreCase' in path ? ['(any case)'] : []),
    ...(method === undefined ? [] : [valueOf(method)]),
    ...(scheme === undefined ? [] : [`scheme=${valueOf(scheme)}`]),
    ...(authority === undefined ? [] : [`authority=${valueOf(authority)}`]),
    ...headers.map((header) => `${header.invert === true ? 'not ' : ''}${header.name}=${valueOf(header)}`),
    ...queryParams.map((parameter) => `?${parameter.name}=${valueOf(parameter)}`),
  ].join(' ');
}

/** `a`, `a*` for a prefix, `~a.b` for a regular expression, `*` for any. */
function valueOf({ type, value }: NamedMatch | TextMatch): string {
  switch (type) {
    case 'Exact':
      return value;
    case 'Prefix':
      return `${value}*`;
    case 'RegularExpression':
      return `~${value}`;
    case 'Present':
      return '*';
  }
}

function backendsOf(plan: Plan, { action }: Route): string {
  if (action.type === 'fail') return `none (${action.reason})`;
  if (action.type !== 'forward') return `${action.type} ${action.status}`;
  return action.backends
    .map((backend) => {
      const cluster = 'cluster' in backend ? plan.clusters[backend.cluster] : undefined;
      const name = cluster === undefined ? 'invalid' : `${qualifiedName(cluster.service)}:${cluster.port}`;
      return action.backends.length === 1 ? name : `${name} (weight ${backend.weight})`;
    })
    .join(', ');
}

/** The application's own address: the only endpoint of the port's inbound cluster. */
function appOf(plan: Plan, port: Port): string {
  const cluster = Object.values(plan.clusters).find(
    (entry) => entry.proxy === port.proxy && entry.port === port.number,
  );
  const endpoint = Object.values(plan.endpoints).find((entry) => entry.cluster === cluster?.id);
  return endpoint === undefined ? 'unknown' : `${endpoint.address.host}:${endpoint.address.port}`;
}

/** Where the app calls other Services: the port that takes any authority. */
function outboundOf(plan: Plan, proxy: string, addresses: BoundAddresses): string {
  const listener = Object.values(plan.listeners).find(
    ({ port, pinned }) => pinned === undefined && plan.ports[port]?.proxy === proxy && isOutbound(plan, port),
  );
  if (listener === undefined) return '-';
  return addresses.get(listener.port) ?? 'not bound';
}

function isOutbound(plan: Plan, port: string): boolean {
  return plan.ports[port]?.direction === 'outbound';
}

function mtlsOf({ security }: Port): string {
  return security.mode === 'mtls' ? security.peerAuthentication : '-';
}

function qualified({
  namespace,
  name,
  id,
}: {
  readonly namespace: string;
  readonly name?: string;
  readonly id?: string;
}): string {
  return name === undefined ? (id ?? '').replace(/^[^/]*\//, '') : `${namespace}/${name}`;
}

function sourceOf(origin: Origin): string {
  return formatOrigin(origin).split(' ').at(-1) ?? '';
}

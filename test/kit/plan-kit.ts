/** Small plans for tests of the deciders: one proxy, one port, and whatever a test adds. */
import type { Origin } from '../../src/base/index.ts';
import type {
  AuthorizationPolicy,
  Cluster,
  Endpoint,
  Listener,
  Plan,
  PolicyRule,
  Port,
  Proxy,
  Route,
  RouteMatch,
  VirtualHost,
  WorkloadLabels,
} from '../../src/plan/index.ts';

/** An origin whose line tells elements apart. */
export function testOrigin(kind: string, name: string, line: number): Origin {
  return { kind, namespace: 'default', name, file: `${kind.toLowerCase()}.yaml`, line };
}

const labels: WorkloadLabels = {
  workload: 'asset',
  namespace: 'default',
  app: 'asset',
  version: 'v1',
  canonicalService: 'asset',
  canonicalRevision: 'v1',
  cluster: 'Kubernetes',
  principal: 'spiffe://cluster.local/ns/default/sa/asset',
};

export const testProxyId = 'gateway/gateway/public';
export const testPortId = `${testProxyId}/8080`;

/** A listener with hostname `*` unless given. */
export interface TestListener {
  readonly name?: string;
  readonly hostname?: string;
  readonly virtualHosts: readonly TestVirtualHost[];
}

export interface TestVirtualHost {
  readonly hostname: string;
  /** In precedence order. */
  readonly routes: readonly TestRoute[];
}

export interface TestRoute {
  readonly name?: string;
  readonly match: RouteMatch;
  readonly action?: Route['action'];
}

export interface TestPlan {
  readonly listeners?: readonly TestListener[];
  readonly clusters?: readonly Cluster[];
  readonly endpoints?: readonly Endpoint[];
  readonly policies?: readonly AuthorizationPolicy[];
  readonly trustedProxies?: number;
}

export function buildPlan(plan: TestPlan): Plan {
  const { listeners = [], clusters = [], endpoints = [], policies = [], trustedProxies = 0 } = plan;
  const proxy: Proxy = {
    id: testProxyId,
    origin: testOrigin('Gateway', 'public', 1),
    role: 'gateway',
    namespace: 'gateway',
    serviceAccount: 'gateway',
    labels,
    trustedProxies,
    reflection: true,
  };
  const port: Port = {
    id: testPortId,
    origin: testOrigin('Gateway', 'public', 8),
    proxy: testProxyId,
    direction: 'gateway',
    number: 8080,
    bind: { host: '127.0.0.1', port: 0 },
    security: { mode: 'plaintext' },
  };
  const children = listeners.map(buildListener);
  return {
    mesh: { trustDomain: 'cluster.local', trustDomainAliases: [] },
    proxies: { [proxy.id]: proxy },
    ports: { [port.id]: port },
    listeners: byId(children.map(({ listener }) => listener)),
    virtualHosts: byId(children.flatMap(({ virtualHosts }) => virtualHosts)),
    routes: byId(children.flatMap(({ routes }) => routes)),
    clusters: byId(clusters),
    endpoints: byId(endpoints),
    policies: byId(policies),
    requestAuthentications: {},
    certificates: {},
    peers: {},
  };
}

function buildListener({ name = 'http', hostname = '*', virtualHosts }: TestListener): {
  readonly listener: Listener;
  readonly virtualHosts: readonly VirtualHost[];
  readonly routes: readonly Route[];
} {
  const id = `${testPortId}/${name}`;
  const origin = testOrigin('Gateway', 'public', 10);
  const listener: Listener = { id, origin, port: testPortId, name, hostname, certificates: [] };
  const hosts = virtualHosts.map((host) => ({
    id: `${id}/${host.hostname}`,
    origin: testOrigin('HTTPRoute', 'asset', 9),
    listener: id,
    hostname: host.hostname,
  }));
  const routes = virtualHosts.flatMap((host) =>
    host.routes.map((route, order): Route => ({
      id: `${id}/${host.hostname}/HTTPRoute/default/${route.name ?? 'asset'}/${order}/0`,
      origin: testOrigin('HTTPRoute', route.name ?? 'asset', 11 + order),
      virtualHost: `${id}/${host.hostname}`,
      order,
      match: route.match,
      action: route.action ?? { type: 'forward', backends: [] },
    })),
  );
  return { listener, virtualHosts: hosts, routes };
}

function byId<T extends { readonly id: string }>(elements: readonly T[]): Record<string, T> {
  return Object.fromEntries(elements.map((element) => [element.id, element]));
}

/** A cluster of the test proxy, named by the service. */
export function testCluster(service: string, overrides: Partial<Cluster> = {}): Cluster {
  const host = `${service}.default.svc.cluster.local`;
  return {
    id: `${testProxyId}/outbound|8080||${host}`,
    origin: testOrigin('Service', service, 1),
    proxy: testProxyId,
    name: `outbound|8080||${host}`,
    service: { host, name: service, namespace: 'default' },
    port: 8080,
    loadBalancer: 'LEAST_REQUEST',
    connectionPool: { connectTimeoutMs: 10_000 },
    ...overrides,
  };
}

/** A plaintext endpoint of a cluster. */
export function testEndpoint(cluster: Cluster, port: number): Endpoint {
  return {
    id: `${cluster.id}/asset/${port}`,
    origin: testOrigin('Deployment', 'asset', 3),
    cluster: cluster.id,
    address: { host: '127.0.0.1', port },
    weight: 1,
    security: { mode: 'plaintext' },
    labels,
  };
}

/** An enforced policy of the test proxy; rules get their index and a line of their own. */
export function testPolicy(
  name: string,
  policy: {
    readonly action: AuthorizationPolicy['action'];
    readonly rules: readonly Partial<Pick<PolicyRule, 'from' | 'to' | 'when'>>[];
    readonly dryRun?: boolean;
  },
): AuthorizationPolicy {
  return {
    id: `${testProxyId}/default/${name}`,
    origin: testOrigin('AuthorizationPolicy', name, 4),
    proxy: testProxyId,
    namespace: 'default',
    name,
    action: policy.action,
    dryRun: policy.dryRun ?? false,
    rules: policy.rules.map((rule, index) => ({
      origin: testOrigin('AuthorizationPolicy', name, 10 + index),
      index,
      from: rule.from ?? [],
      to: rule.to ?? [],
      when: rule.when ?? [],
    })),
  };
}

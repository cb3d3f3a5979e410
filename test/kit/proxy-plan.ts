/** Plans for tests of the data plane: one gateway and, when asked for, one sidecar in front of an application. */
import type { Origin } from '../../src/base/index.ts';
import type {
  AuthorizationPolicy,
  Cluster,
  ConnectionPool,
  Endpoint,
  Listener,
  Plan,
  Port,
  PortSecurity,
  Proxy,
  ProxyTelemetry,
  RequestAuthentication,
  Route,
  VirtualHost,
  WorkloadLabels,
} from '../../src/plan/index.ts';
import type { Address } from '../../src/proxy/index.ts';

export const gatewayId = 'gateway/gateway/public';
export const sidecarId = 'sidecar/default/echo';
export const gatewayPortId = `${gatewayId}/8080`;
export const sidecarPortId = `${sidecarId}/50051`;
export const serviceHost = 'echo.default.svc.cluster.local';
export const publicHost = 'api.example.com';
export const gatewaySpiffeId = 'spiffe://cluster.local/ns/gateway/sa/public';
export const sidecarSpiffeId = 'spiffe://cluster.local/ns/default/sa/echo';

export interface ProxyPlanSpec {
  /** What the gateway's cluster points at. */
  readonly gatewayEndpoints: readonly Address[];
  /** The gateway uses mutual TLS and wants one of these; absent: plaintext. */
  readonly gatewayMtls?: readonly string[];
  readonly gatewayPool?: Partial<ConnectionPool>;
  readonly gatewayBind?: Address;
  readonly gatewayPolicies?: readonly AuthorizationPolicy[];
  /** The host that the gateway serves; default: `publicHost`. */
  readonly hostname?: string;
  /** The route's match; default: everything under `/test.Echo`. */
  readonly pathPrefix?: string;
  readonly routeTimeoutMs?: number;
  readonly reflection?: boolean;
  /** Where the sidecar's application listens; absent: no sidecar. */
  readonly application?: Address;
  readonly peerAuthentication?: 'STRICT' | 'PERMISSIVE' | 'DISABLE';
  readonly sidecarPool?: Partial<ConnectionPool>;
  readonly sidecarPolicies?: readonly AuthorizationPolicy[];
  readonly requestAuthentications?: readonly RequestAuthentication[];
  /** Of the gateway. */
  readonly trustedProxies?: number;
  /** Of both proxies. */
  readonly telemetry?: ProxyTelemetry;
  readonly trustDomain?: string;
}

export function proxyOrigin(kind: string, name: string, line: number): Origin {
  return { kind, namespace: 'default', name, file: `${kind.toLowerCase()}.yaml`, line };
}

function labelsOf(workload: string, principal: string): WorkloadLabels {
  return {
    workload,
    namespace: 'default',
    app: workload,
    version: 'v1',
    canonicalService: workload,
    canonicalRevision: 'v1',
    cluster: 'Kubernetes',
    principal,
  };
}

/** A policy of one proxy that lets only one principal call one path; empty principal: nobody. */
export function allowPolicy(proxy: string, principal: string, path?: string): AuthorizationPolicy {
  const origin = proxyOrigin('AuthorizationPolicy', 'echo-policy', 7);
  return {
    id: `${proxy}/default/echo-policy`,
    origin,
    proxy,
    namespace: 'default',
    name: 'echo-policy',
    action: 'ALLOW',
    dryRun: false,
    rules: [
      {
        origin: { ...origin, line: 12 },
        index: 0,
        from: [{ principals: [{ type: 'exact', value: principal }] }],
        to: path === undefined ? [] : [{ paths: [{ type: 'exact', value: path }] }],
        when: [],
      },
    ],
  };
}

export function proxyPlan(spec: ProxyPlanSpec): Plan {
  const { telemetry } = spec;
  const gateway = gatewayParts(spec);
  const sidecar = spec.application === undefined ? undefined : sidecarParts(spec, spec.application);
  const parts = sidecar === undefined ? [gateway] : [gateway, sidecar];
  return {
    mesh: { trustDomain: spec.trustDomain ?? 'cluster.local', trustDomainAliases: [] },
    proxies: byId(parts.map(({ proxy }) => (telemetry === undefined ? proxy : { ...proxy, telemetry }))),
    ports: byId(parts.map((part) => part.port)),
    listeners: byId(parts.map((part) => part.listener)),
    virtualHosts: byId(parts.map((part) => part.virtualHost)),
    routes: byId(parts.map((part) => part.route)),
    clusters: byId(parts.map((part) => part.cluster)),
    endpoints: byId(parts.flatMap((part) => part.endpoints)),
    policies: byId([...(spec.gatewayPolicies ?? []), ...(spec.sidecarPolicies ?? [])]),
    requestAuthentications: byId(spec.requestAuthentications ?? []),
    certificates: {},
    peers: { [gatewaySpiffeId]: labelsOf('public', gatewaySpiffeId) },
  };
}

interface Parts {
  readonly proxy: Proxy;
  readonly port: Port;
  readonly listener: Listener;
  readonly virtualHost: VirtualHost;
  readonly route: Route;
  readonly cluster: Cluster;
  readonly endpoints: readonly Endpoint[];
}

function gatewayParts(spec: ProxyPlanSpec): Parts {
  const cluster = clusterOf(gatewayId, `outbound|8080||${serviceHost}`, spec.gatewayPool);
  return {
    proxy: {
      id: gatewayId,
      origin: proxyOrigin('Gateway', 'public', 1),
      role: 'gateway',
      ...(spec.trustedProxies === undefined ? {} : { trustedProxies: spec.trustedProxies }),
      namespace: 'gateway',
      serviceAccount: 'public',
      labels: labelsOf('public', gatewaySpiffeId),
      reflection: spec.reflection ?? false,
    },
    ...doors(gatewayPortId, {
      direction: 'gateway',
      security: { mode: 'plaintext' },
      hostname: spec.hostname ?? publicHost,
      clusterId: cluster.id,
      number: 8080,
      ...(spec.gatewayBind === undefined ? {} : { bind: spec.gatewayBind }),
      pathPrefix: spec.pathPrefix ?? '/test.Echo',
      ...(spec.routeTimeoutMs === undefined ? {} : { timeoutMs: spec.routeTimeoutMs }),
    }),
    cluster,
    endpoints: spec.gatewayEndpoints.map((address, index) => ({
      id: `${cluster.id}/echo/${index}`,
      origin: proxyOrigin('Deployment', 'echo', 3),
      cluster: cluster.id,
      address,
      weight: 1,
      security:
        spec.gatewayMtls === undefined
          ? { mode: 'plaintext' }
          : {
              mode: 'mtls',
              sni: `outbound_.8080_._.${serviceHost}`,
              spiffeIds: spec.gatewayMtls,
              origin: proxyOrigin('DestinationRule', 'echo', 9),
            },
      labels: labelsOf('echo', sidecarSpiffeId),
    })),
  };
}

function sidecarParts(spec: ProxyPlanSpec, application: Address): Parts {
  const cluster = clusterOf(sidecarId, 'inbound|50051||', spec.sidecarPool);
  return {
    proxy: {
      id: sidecarId,
      origin: proxyOrigin('Deployment', 'echo', 1),
      role: 'sidecar',
      namespace: 'default',
      serviceAccount: 'echo',
      labels: labelsOf('echo', sidecarSpiffeId),
      reflection: false,
    },
    ...doors(sidecarPortId, {
      direction: 'inbound',
      security: {
        mode: 'mtls',
        peerAuthentication: spec.peerAuthentication ?? 'STRICT',
        origin: proxyOrigin('PeerAuthentication', 'default', 5),
      },
      hostname: '*',
      clusterId: cluster.id,
      number: 50051,
      pathPrefix: '/',
    }),
    cluster,
    endpoints: [
      {
        id: `${cluster.id}/echo/0`,
        origin: proxyOrigin('Deployment', 'echo', 3),
        cluster: cluster.id,
        address: application,
        weight: 1,
        security: { mode: 'plaintext' },
        labels: labelsOf('echo', sidecarSpiffeId),
      },
    ],
  };
}

function doors(
  portId: string,
  door: {
    readonly direction: Port['direction'];
    readonly security: PortSecurity;
    readonly hostname: string;
    readonly clusterId: string;
    readonly number: number;
    readonly bind?: Address;
    readonly pathPrefix: string;
    readonly timeoutMs?: number;
  },
): Pick<Parts, 'port' | 'listener' | 'virtualHost' | 'route'> {
  const listener = `${portId}/main`;
  const virtualHost = `${listener}/${door.hostname}`;
  return {
    port: {
      id: portId,
      origin: proxyOrigin('Gateway', 'public', 8),
      proxy: portId.slice(0, portId.lastIndexOf('/')),
      direction: door.direction,
      number: door.number,
      bind: door.bind ?? { host: '127.0.0.1', port: 0 },
      security: door.security,
    },
    listener: {
      id: listener,
      origin: proxyOrigin('Gateway', 'public', 9),
      port: portId,
      name: 'main',
      hostname: '*',
      certificates: [],
    },
    virtualHost: {
      id: virtualHost,
      origin: proxyOrigin('HTTPRoute', 'echo', 9),
      listener,
      hostname: door.hostname,
    },
    route: {
      id: `${virtualHost}/HTTPRoute/default/echo/0/0`,
      origin: proxyOrigin('HTTPRoute', 'echo', 11),
      virtualHost,
      order: 0,
      match: { path: { type: 'PathPrefix', value: door.pathPrefix }, headers: [] },
      action: { type: 'forward', backends: [{ weight: 1, cluster: door.clusterId }] },
      ...(door.timeoutMs === undefined ? {} : { timeoutMs: door.timeoutMs }),
    },
  };
}

function clusterOf(proxy: string, name: string, pool: Partial<ConnectionPool> = {}): Cluster {
  return {
    id: `${proxy}/${name}`,
    origin: proxyOrigin('Service', 'echo', 1),
    proxy,
    name,
    service: { host: serviceHost, name: 'echo', namespace: 'default' },
    port: 8080,
    loadBalancer: 'LEAST_REQUEST',
    connectionPool: { connectTimeoutMs: 2_000, ...pool },
  };
}

function byId<T extends { readonly id: string }>(elements: readonly T[]): Record<string, T> {
  return Object.fromEntries(elements.map((element) => [element.id, element]));
}

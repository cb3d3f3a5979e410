/** Plans whose ports relay bytes, made from those of `proxyPlan`. */
import type { Endpoint, Listener, Plan, Port, Route, VirtualHost } from '../../src/plan/index.ts';
import type { Address } from '../../src/proxy/index.ts';
import { gatewayPortId, proxyPlan, type ProxyPlanSpec } from './proxy-plan.ts';

/** The gateway's port, and the sidecar's where there is one, relay whatever comes. */
export function tcpPlan(spec: ProxyPlanSpec): Plan {
  const base = proxyPlan({ ...spec, hostname: '*' });
  const relays = ([id, listener]: readonly [string, Listener]): [string, Listener] => [
    id,
    { ...listener, relay: 'tcp' },
  ];
  return { ...base, listeners: Object.fromEntries(Object.entries(base.listeners).map(relays)) };
}

export interface TlsListenerSpec {
  readonly name: string;
  /** Server names of the listener, and of the one route on it. */
  readonly hostname: string;
  readonly routeHostname?: string;
  readonly relay?: 'tcp' | 'passthrough';
  /** Ids in `Plan.certificates`. */
  readonly certificates?: readonly string[];
  readonly backend: Address;
}

/** A gateway port with TLS whose listeners lead to different backends. */
export function tlsPlan(listeners: readonly TlsListenerSpec[], certificates: Plan['certificates'] = {}): Plan {
  const base = proxyPlan({ gatewayEndpoints: [] });
  const port = base.ports[gatewayPortId] as Port;
  const [cluster] = Object.values(base.clusters);
  const [template] = Object.values(base.routes);
  const [host] = Object.values(base.virtualHosts);
  const [listenerTemplate] = Object.values(base.listeners);
  const [endpoint] = Object.values(proxyPlan({ gatewayEndpoints: [{ host: '127.0.0.1', port: 1 }] }).endpoints);
  if (!cluster || !template || !host || !listenerTemplate || !endpoint) throw new Error('an empty plan');
  const made = listeners.map((spec) => {
    const id = `${gatewayPortId}/${spec.name}`;
    const { relay, certificates: ids = [] } = spec;
    const listener: Listener = {
      ...listenerTemplate,
      id,
      name: spec.name,
      hostname: spec.hostname,
      certificates: ids,
      ...(relay === undefined ? {} : { relay }),
    };
    const hostname = spec.routeHostname ?? spec.hostname;
    const virtualHost: VirtualHost = { ...host, id: `${id}/${hostname}`, listener: id, hostname };
    const ownCluster = { ...cluster, id: `${cluster.id}#${spec.name}` };
    const ownEndpoint: Endpoint = {
      ...endpoint,
      id: `${ownCluster.id}/0`,
      cluster: ownCluster.id,
      address: spec.backend,
    };
    const route: Route = {
      ...template,
      id: `${virtualHost.id}/TLSRoute/default/${spec.name}/0/0`,
      virtualHost: virtualHost.id,
      action: { type: 'forward', backends: [{ weight: 1, cluster: ownCluster.id }] },
    };
    return { listener, virtualHost, cluster: ownCluster, endpoint: ownEndpoint, route };
  });
  return {
    ...base,
    ports: { [port.id]: { ...port, security: { mode: 'tls' } } },
    listeners: Object.fromEntries(made.map(({ listener }) => [listener.id, listener])),
    virtualHosts: Object.fromEntries(made.map(({ virtualHost }) => [virtualHost.id, virtualHost])),
    routes: Object.fromEntries(made.map(({ route }) => [route.id, route])),
    clusters: Object.fromEntries(made.map((one) => [one.cluster.id, one.cluster])),
    endpoints: Object.fromEntries(made.map((one) => [one.endpoint.id, one.endpoint])),
    certificates,
  };
}

import type { Resources, Service, ServicePort } from '../resource/index.ts';
import { portProtocol } from './protocol.ts';
import { fullHostName, hostOfService, noRelayedKeys, serviceHost, type RelayedKeys, type World } from './world.ts';

/** Which Service ports whole connections are routed to, so that what they speak is nobody's business. */
export interface RelayedPorts {
  /** Some route of connections leads there. */
  readonly isRouted: (service: Service, port: ServicePort) => boolean;
  /**
   * Nothing may be read of what comes: the port declares that it speaks no HTTP, or declares nothing and only routes of
   * connections lead there, where Istio would look at the first bytes.
   */
  readonly isOpaque: (service: Service, port: ServicePort) => boolean;
}

export function findRelayedPorts(world: World): RelayedPorts {
  const { connections, requests } = world.relayed;
  const isIn = (keys: ReadonlySet<string>, service: Service, port: ServicePort): boolean => {
    const host = hostOfService(world, service);
    return keys.has(`${host}:${port.port}`) || keys.has(host);
  };
  return {
    isRouted: (service, port) => isIn(connections, service, port),
    isOpaque: (service, port) => {
      const protocol = portProtocol(port);
      if (protocol !== 'unknown') return protocol === 'other';
      return isIn(connections, service, port) && !isIn(requests, service, port);
    },
  };
}

/** All that the destinations of routes say about this; requests only of hosts that connections are routed to as well. */
export function findRelayedKeys(resources: Resources): RelayedKeys {
  const { tlsRoutes, tcpRoutes, httpRoutes, grpcRoutes, virtualServices } = resources;
  const connections = new Set([
    ...[...tlsRoutes, ...tcpRoutes].flatMap(({ spec }) => spec.rules.flatMap(backendKeys)),
    ...virtualServices.flatMap(({ metadata, spec }) =>
      [...spec.tls, ...spec.tcp].flatMap((route) => destinationKeys(route, metadata.namespace)),
    ),
  ]);
  if (connections.size === 0) return noRelayedKeys;
  const requests = [
    ...[...httpRoutes, ...grpcRoutes].flatMap(({ spec }) =>
      spec.rules.flatMap(({ backendRefs }) => backendKeys({ backendRefs })),
    ),
    ...virtualServices.flatMap(({ metadata, spec }) =>
      spec.http.flatMap((route) => destinationKeys(route, metadata.namespace)),
    ),
  ];
  const hosts = new Set([...connections].map(hostOfKey));
  return { connections, requests: new Set(requests.filter((key) => hosts.has(hostOfKey(key)))) };
}

function hostOfKey(key: string): string {
  const colon = key.indexOf(':');
  return colon === -1 ? key : key.slice(0, colon);
}

/** By full host name and port, or by host name alone where a route names no port. */
function keyOfPort(host: string, port: number | undefined): string {
  return port === undefined ? host : `${host}:${port}`;
}

interface Backends {
  readonly backendRefs: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly port?: number | undefined;
  }[];
}

function backendKeys({ backendRefs }: Backends): readonly string[] {
  return backendRefs.map(({ port, ...service }) => keyOfPort(serviceHost(service).toLowerCase(), port));
}

interface Destinations {
  readonly destinations: readonly { readonly destination: { readonly host: string; readonly port?: number } }[];
}

function destinationKeys({ destinations }: Destinations, namespace: string): readonly string[] {
  return destinations.map(({ destination: { host, port } }) => keyOfPort(fullHostName(host, namespace), port));
}

import type { Service, ServicePort } from '../resource/index.ts';
import { portProtocol } from './protocol.ts';
import { fullHostName, hostOfService, serviceHost, type World } from './world.ts';

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
  const { tlsRoutes, tcpRoutes, httpRoutes, grpcRoutes, virtualServices } = world.resources;
  const connections = new Set([
    ...[...tlsRoutes, ...tcpRoutes].flatMap(({ spec }) => spec.rules.flatMap(backendKeys)),
    ...virtualServices.flatMap(({ metadata, spec }) =>
      [...spec.tls, ...spec.tcp].flatMap((route) => destinationKeys(route, metadata.namespace)),
    ),
  ]);
  // Asked for seldom, and large.
  const requests = once(
    () =>
      new Set([
        ...[...httpRoutes, ...grpcRoutes].flatMap(({ spec }) =>
          spec.rules.flatMap(({ backendRefs }) => backendKeys({ backendRefs })),
        ),
        ...virtualServices.flatMap(({ metadata, spec }) =>
          spec.http.flatMap((route) => destinationKeys(route, metadata.namespace)),
        ),
      ]),
  );
  const isIn = (keys: ReadonlySet<string>, service: Service, port: ServicePort): boolean => {
    const host = hostOfService(world, service);
    return keys.has(`${host}:${port.port}`) || keys.has(host);
  };
  return {
    isRouted: (service, port) => isIn(connections, service, port),
    isOpaque: (service, port) => {
      const protocol = portProtocol(port);
      if (protocol !== 'unknown') return protocol === 'other';
      return isIn(connections, service, port) && !isIn(requests(), service, port);
    },
  };
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
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

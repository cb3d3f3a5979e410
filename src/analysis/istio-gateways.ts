import { automaticHostname, automaticHosts } from './automatic-servers.ts';
import type { DestinationLookup } from './destinations.ts';
import { intersectHostnames } from './hostname.ts';
import { connectionHosts, tcpListener } from './istio-byte-servers.ts';
import { istioGatewayProxies, type IstioGatewayProxy } from './istio-gateway-proxies.ts';
import { serverCredentials, type ServerCredentials } from './istio-credentials.ts';
import { placeServers, type PlacedServer } from './istio-servers.ts';
import type { GatewayModel, ListenerModel, MatchedRule, VirtualHostModel } from './model.ts';
import type { PolicyLookup } from './policies.ts';
import type { AuthenticationLookup } from './request-authentications.ts';
import { commonHosts } from './server-hosts.ts';
import { telemetryPart, type TelemetryLookup } from './telemetry.ts';
import { anyPath, isCatchAll } from './virtual-rules.ts';
import type { BoundVirtualService, VirtualServices } from './virtual-services.ts';
import type { WorkloadSources } from './workload-sources.ts';
import type { ServedWorkloads } from './workloads.ts';
import { keyOf, type World } from './world.ts';

/** What serves the Istio Gateways, beside what serves those of the Gateway API. */
export interface IstioGateways {
  readonly gateways: readonly GatewayModel[];
  readonly proxies: readonly IstioGatewayProxy[];
}

export function serveIstioGateways(
  world: World,
  input: {
    readonly sources: WorkloadSources;
    readonly served: ServedWorkloads;
    readonly virtualServices: VirtualServices;
    readonly destinations: DestinationLookup;
    readonly policiesOf: PolicyLookup;
    readonly authenticationsOf: AuthenticationLookup;
    readonly telemetryOf: TelemetryLookup;
  },
): IstioGateways {
  const proxies = istioGatewayProxies(world, input.sources);
  return {
    proxies,
    gateways: proxies.map((proxy) => {
      const { identity, name, gateways, workload } = proxy;
      const [oldest] = gateways;
      const ports = [...placeServers(world, proxy)].sort(([a], [b]) => a - b);
      return {
        origin: workload?.origin ?? (oldest as IstioGatewayProxy['gateways'][number]).origin,
        name,
        identity,
        listeners: ports.flatMap(([, servers]) => listenersOf(world, { proxy, servers, ...input })),
        policies: input.policiesOf({ identity }),
        requestAuthentications: input.authenticationsOf({ identity }),
        ...telemetryPart(input.telemetryOf({ identity })),
      };
    }),
  };
}

interface PortInput {
  readonly proxy: IstioGatewayProxy;
  readonly servers: readonly PlacedServer[];
  readonly sources: WorkloadSources;
  readonly served: ServedWorkloads;
  readonly virtualServices: VirtualServices;
  readonly destinations: DestinationLookup;
}

/** Plaintext servers of a port have one route table; each TLS server has its own, chosen by server name (istio.md 4.6). */
function listenersOf(world: World, input: PortInput): readonly ListenerModel[] {
  const [first] = input.servers;
  if (first === undefined) return [];
  if (first.kind === 'tcp') return [tcpListener(world, { ...input, placed: first })];
  if (first.kind === 'plaintext') {
    const { origin, port } = first.server;
    return [
      {
        origin,
        name: port.name,
        port: port.number,
        protocol: 'HTTP',
        hostname: '*',
        certificates: [],
        virtualHosts: virtualHostsOf(input, input.servers),
      },
    ];
  }
  return input.servers.flatMap((placed) => tlsListeners(world, input, placed));
}

/** One listener for each host of the server; requests for one may come over a connection of another. */
function tlsListeners(world: World, input: PortInput, placed: PlacedServer): readonly ListenerModel[] {
  const { server, gateway, relay } = placed;
  const credentials = credentialsOf(world, input, placed);
  if (credentials === undefined) return [];
  const hostsFor = hostsOf(world, input, placed);
  const hosts = [...new Set(server.hosts.map(({ host }) => host))];
  const group = `${keyOf(gateway)}/${server.port.name}`;
  return hosts.map((hostname) => ({
    origin: server.origin,
    name: hosts.length === 1 ? listenerName(input, placed) : `${listenerName(input, placed)}/${hostname}`,
    port: server.port.number,
    protocol: protocolOf(placed),
    ...(relay === undefined ? {} : { relay }),
    ...(placed.isAutomatic === true ? { unguarded: true } : {}),
    hostname: placed.isAutomatic === true ? automaticHostname(hostname) : hostname,
    ...(server.tls?.wantsTls13 === true ? { wantsTls13: true } : {}),
    ...(hosts.length === 1 || relay !== undefined ? {} : { group }),
    ...credentials,
    virtualHosts: hostsFor(hostname),
  }));
}

function hostsOf(
  world: World,
  input: PortInput,
  placed: PlacedServer,
): (hostname: string) => readonly VirtualHostModel[] {
  if (placed.isAutomatic === true) {
    return automaticHosts(world, { ...input, placed, namespace: input.proxy.identity.namespace });
  }
  if (placed.relay !== undefined) return connectionHosts(world, { ...input, placed });
  return requestHosts(virtualHostsOf(input, [placed]));
}

function credentialsOf(world: World, { proxy }: PortInput, placed: PlacedServer): ServerCredentials | undefined {
  // Of the mesh the proxy has its own; TLS that passes through needs none.
  if (placed.kind === 'mesh' || placed.relay === 'passthrough') return { certificates: [] };
  return serverCredentials(world, { server: placed.server, proxy });
}

function protocolOf({ kind, relay }: PlacedServer): ListenerModel['protocol'] {
  if (kind === 'mesh') return 'MESH';
  return relay === undefined ? 'HTTPS' : 'TLS';
}

function requestHosts(virtualHosts: readonly VirtualHostModel[]): (hostname: string) => readonly VirtualHostModel[] {
  return (hostname) =>
    virtualHosts.flatMap((host) => {
      const common = intersectHostnames(hostname, host.hostname);
      return common === undefined ? [] : [{ ...host, hostname: common }];
    });
}

/** Names of ports are unique in one Gateway only. */
function listenerName({ servers }: PortInput, { gateway, server }: PlacedServer): string {
  const { name } = server.port;
  const first = servers.find((other) => other.server.port.name === name);
  return first?.server === server ? name : `${keyOf(gateway)}/${name}`;
}

/** What is known of a virtual host while the routes of its VirtualServices come together. */
interface Gathering {
  readonly origin: VirtualHostModel['origin'];
  readonly matches: Map<string, MatchedRule>;
  redirect?: MatchedRule;
}

/**
 * The virtual hosts of servers that share a route table: for each host the routes of all VirtualServices that bind it,
 * oldest first, and then those that take everything (istio.md 4.6). There is no other order between VirtualServices.
 */
function virtualHostsOf(input: PortInput, servers: readonly PlacedServer[]): readonly VirtualHostModel[] {
  const hosts = new Map<string, Gathering>();
  const gather = (hostname: string, origin: Gathering['origin']): Gathering => {
    const gathering = hosts.get(hostname) ?? { origin, matches: new Map<string, MatchedRule>() };
    hosts.set(hostname, gathering);
    return gathering;
  };
  for (const placed of servers) {
    const redirect = placed.server.tls?.httpsRedirect === true ? redirectRule(placed) : undefined;
    for (const service of input.virtualServices.atGateway(keyOf(placed.gateway), input.proxy.identity)) {
      // One with routes for connections alone has no part here, and must not hide another with a wider host.
      if (service.source.spec.http.length === 0) continue;
      for (const hostname of commonHosts(placed.server, service)) {
        const gathering = gather(hostname, service.source.origin);
        if (redirect !== undefined) gathering.redirect = redirect;
        for (const match of matchesOf(input, placed, service)) {
          // A VirtualService may be bound by several servers of the port; its routes count once.
          const key = `${keyOf(service.source)} ${match.ruleIndex} ${match.matchIndex}`;
          if (!gathering.matches.has(key)) gathering.matches.set(key, match);
        }
      }
    }
    if (redirect === undefined) continue;
    for (const { host } of placed.server.hosts) {
      gather(host, placed.server.origin).redirect = redirect;
    }
  }
  return [...hosts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([hostname, { origin, matches, redirect }]) => ({
      hostname,
      origin,
      matches: redirect === undefined ? catchAllLast([...matches.values()]) : [redirect],
    }));
}

function matchesOf(
  { proxy, virtualServices }: PortInput,
  { gateway, server }: PlacedServer,
  service: BoundVirtualService,
): readonly MatchedRule[] {
  return virtualServices.matchesFor(service, {
    gateway: keyOf(gateway),
    client: proxy.identity,
    port: server.port.number,
  });
}

function catchAllLast(matches: readonly MatchedRule[]): readonly MatchedRule[] {
  return [...matches.filter(({ match }) => !isCatchAll(match)), ...matches.filter(({ match }) => isCatchAll(match))];
}

/** `httpsRedirect`: everything that comes to the host, whether a VirtualService binds it or not. */
function redirectRule({ gateway, server }: PlacedServer): MatchedRule {
  const { namespace, name, creationTimestamp } = gateway.metadata;
  const origin = server.tls?.origin ?? server.origin;
  const match = { path: anyPath, headers: [] };
  return {
    route: { kind: 'Gateway', namespace, name, creationTimestamp },
    match,
    matchIndex: 0,
    ruleIndex: gateway.spec.servers.indexOf(server),
    rule: {
      origin,
      index: 0,
      matches: [match],
      backends: [],
      answer: { type: 'redirect', origin, status: 301, scheme: 'https', port: 'request' },
      filters: {},
      mirrors: [],
    },
  };
}

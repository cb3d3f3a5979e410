/** Servers of Istio Gateways whose connections are relayed without reading HTTP (istio.md 4.5, 4.6). */
import { diagnose, formatOrigin } from '../base/index.ts';
import { codes } from './codes.ts';
import type { DestinationLookup } from './destinations.ts';
import { intersectHostnames } from './hostname.ts';
import type { IstioGatewayProxy } from './istio-gateway-proxies.ts';
import type { PlacedServer } from './istio-servers.ts';
import type { ListenerModel, VirtualHostModel } from './model.ts';
import { bindsServer } from './server-hosts.ts';
import { tcpRouteAt, tlsRoutesAt, type ServerNameRule } from './virtual-connections.ts';
import type { BoundVirtualService, VirtualServices } from './virtual-services.ts';
import { keyOf, type World } from './world.ts';

export interface ByteServerInput {
  readonly proxy: IstioGatewayProxy;
  readonly placed: PlacedServer;
  readonly virtualServices: VirtualServices;
  readonly destinations: DestinationLookup;
}

/** A plain TCP server has its port alone, whatever its hosts: nothing in a connection names one. */
export function tcpListener(world: World, input: ByteServerInput): ListenerModel {
  const { origin, port } = input.placed.server;
  return {
    origin,
    name: port.name,
    port: port.number,
    protocol: 'TCP',
    relay: 'tcp',
    hostname: '*',
    certificates: [],
    virtualHosts: tcpHosts(world, input)('*'),
  };
}

/**
 * The virtual hosts of a TLS server's listener, by its hostname. Where TLS ends here one `tcp` route has all of the server's
 * connections; where it passes through, `tls` routes have them by server name.
 */
export function connectionHosts(
  world: World,
  input: ByteServerInput,
): (hostname: string) => readonly VirtualHostModel[] {
  return input.placed.relay === 'passthrough' ? tlsHosts(world, input) : tcpHosts(world, input);
}

function boundServices({ proxy, placed, virtualServices }: ByteServerInput): readonly BoundVirtualService[] {
  const { gateway, server } = placed;
  return virtualServices.atGateway(keyOf(gateway), proxy.identity).filter((service) => bindsServer(server, service));
}

function placeOf({ placed, destinations }: ByteServerInput) {
  return { gateway: keyOf(placed.gateway), port: placed.server.port.number, destinations };
}

function tcpHosts(world: World, input: ByteServerInput): (hostname: string) => readonly VirtualHostModel[] {
  const matched = tcpRouteAt(world, boundServices(input), placeOf(input));
  return (hostname) => (matched === undefined ? [] : [{ hostname, origin: matched.rule.origin, matches: [matched] }]);
}

function tlsHosts(world: World, input: ByteServerInput): (hostname: string) => readonly VirtualHostModel[] {
  const rules = withoutRepeated(world, tlsRoutesAt(world, boundServices(input), placeOf(input)));
  return (hostname) => {
    const hosts = new Map<string, ServerNameRule>();
    for (const rule of rules) {
      const common = intersectHostnames(hostname, rule.serverName.value);
      if (common === undefined) continue;
      // Of two that come to the same within this listener the narrower counts, as everywhere among server names.
      const other = hosts.get(common);
      if (other === undefined || rule.serverName.value.length > other.serverName.value.length) hosts.set(common, rule);
    }
    return [...hosts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { matched }]) => ({ hostname: name, origin: matched.rule.origin, matches: [matched] }));
  };
}

/** One server name has one route: the first of the oldest VirtualService. */
function withoutRepeated(world: World, rules: readonly ServerNameRule[]): readonly ServerNameRule[] {
  const first = new Map<string, ServerNameRule>();
  for (const rule of rules) {
    const { value, origin } = rule.serverName;
    const other = first.get(value);
    if (other === undefined) first.set(value, rule);
    else {
      world.report(
        diagnose(codes.connectionRouteShadowed, {
          origin,
          message: `gets no connections for server name "${value}": the route of ${formatOrigin(other.serverName.origin)} comes before it`,
          remedy: 'Give the routes different server names, or put their destinations into one route.',
        }),
      );
    }
  }
  return [...first.values()];
}

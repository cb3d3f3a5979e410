import { diagnose, formatOrigin } from '../base/index.ts';
import type { GatewayServer, IstioGateway } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { IstioGatewayProxy } from './istio-gateway-proxies.ts';
import { failureOf } from './route-rules.ts';
import { keyOf, type World } from './world.ts';

/** A server of an Istio Gateway that has its place on a port. */
export interface PlacedServer {
  readonly gateway: IstioGateway;
  readonly server: GatewayServer;
  readonly kind: 'plaintext' | 'tls' | 'mesh';
}

/**
 * The servers of one proxy by port, oldest Gateway first (pilot/pkg/model/gateway.go, MergeGateways): plaintext servers
 * share a port, and so do TLS servers without a host in common; of others the older keeps the port.
 */
export function placeServers(
  world: World,
  { gateways }: IstioGatewayProxy,
): ReadonlyMap<number, readonly PlacedServer[]> {
  const ports = new Map<number, PlacedServer[]>();
  for (const gateway of gateways) {
    for (const server of gateway.spec.servers) {
      const kind = kindOf(world, server);
      if (kind === undefined) continue;
      const placed = ports.get(server.port.number) ?? [];
      const other = findConflict({ gateway, server, kind }, placed);
      if (other !== undefined) {
        reportConflict(world, { server, other });
        continue;
      }
      placed.push({ gateway, server, kind });
      ports.set(server.port.number, placed);
    }
  }
  return ports;
}

const plaintext: ReadonlySet<string> = new Set(['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB']);

function kindOf(world: World, server: GatewayServer): PlacedServer['kind'] | undefined {
  const { protocol, tls, unsupported } = server;
  // The decoder has reported it.
  if (failureOf(unsupported).failure !== undefined) return undefined;
  if (plaintext.has(protocol.value)) return 'plaintext';
  if (protocol.value !== 'HTTPS' || tls === undefined) {
    return reportUnsupported(world, server, `protocol ${protocol.value} is not supported`);
  }
  if (tls.mode === 'PASSTHROUGH' || tls.mode === 'AUTO_PASSTHROUGH') {
    return reportUnsupported(world, server, `tls.mode ${tls.mode} is not supported`);
  }
  return tls.mode === 'ISTIO_MUTUAL' ? 'mesh' : 'tls';
}

function findConflict(wanted: PlacedServer, placed: readonly PlacedServer[]): PlacedServer | undefined {
  const [first] = placed;
  if (first === undefined) return undefined;
  if (first.kind !== wanted.kind) return first;
  if (wanted.kind === 'plaintext') return undefined;
  const hosts = new Set(wanted.server.hosts.map(({ host }) => host));
  return placed.find(({ server }) => server.hosts.some(({ host }) => hosts.has(host)));
}

function reportUnsupported(world: World, server: GatewayServer, why: string): undefined {
  world.report(
    diagnose(codes.serverUnsupported, {
      origin: server.protocol.origin,
      message: `server "${server.port.name}" (port ${server.port.number}) is not opened: ${why}`,
      remedy: 'Use HTTP, HTTP2, GRPC, or HTTPS with SIMPLE, MUTUAL, OPTIONAL_MUTUAL or ISTIO_MUTUAL.',
    }),
  );
  return undefined;
}

function reportConflict(world: World, clash: { readonly server: GatewayServer; readonly other: PlacedServer }): void {
  const { server, other } = clash;
  const { number, name } = server.port;
  world.report(
    diagnose(codes.serverConflict, {
      origin: server.origin,
      message: `server "${name}" is left out: port ${number} is taken by server "${other.server.port.name}" of Gateway "${keyOf(other.gateway)}" (${formatOrigin(other.server.origin)}), ${
        other.kind === 'plaintext' || server.protocol.value !== 'HTTPS'
          ? 'of another protocol'
          : 'with a host of it or another TLS mode'
      }`,
      remedy: 'Give the servers different ports or, with TLS, hosts of their own.',
    }),
  );
}

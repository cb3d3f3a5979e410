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
  /** Servers of one kind may share a port, but for `tcp`. */
  readonly kind: 'plaintext' | 'tcp' | 'tls' | 'mesh';
  /** As `Listener.relay` of the plan. */
  readonly relay?: 'tcp' | 'passthrough';
  /** `AUTO_PASSTHROUGH`: server names say themselves where the bytes go. */
  readonly isAutomatic?: true;
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
      const carriage = carriageOf(world, server);
      if (carriage === undefined) continue;
      const placed = ports.get(server.port.number) ?? [];
      const other = findConflict({ gateway, server, ...carriage }, placed);
      if (other !== undefined) {
        reportConflict(world, { server, other });
        continue;
      }
      placed.push({ gateway, server, ...carriage });
      ports.set(server.port.number, placed);
    }
  }
  return ports;
}

const http: ReadonlySet<string> = new Set(['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB']);

/** Protocols that Istio relays as bytes, without TLS. */
const opaque: ReadonlySet<string> = new Set(['TCP', 'MONGO', 'MYSQL', 'REDIS']);

/** The routes of a VirtualService that count for what comes to a server; `none` do at AUTO_PASSTHROUGH. Undefined: it is not opened. */
export function routesOf({ protocol, tls }: GatewayServer): 'http' | 'tls' | 'tcp' | 'none' | undefined {
  if (http.has(protocol.value)) return 'http';
  if (opaque.has(protocol.value)) return 'tcp';
  if (tls === undefined) return undefined;
  if (tls.mode === 'AUTO_PASSTHROUGH') return 'none';
  if (tls.mode === 'PASSTHROUGH') return 'tls';
  return protocol.value === 'HTTPS' ? 'http' : 'tcp';
}

function carriageOf(
  world: World,
  server: GatewayServer,
): Pick<PlacedServer, 'kind' | 'relay' | 'isAutomatic'> | undefined {
  const { protocol, tls, unsupported } = server;
  // The decoder has reported it.
  if (failureOf(unsupported).failure !== undefined) return undefined;
  if (http.has(protocol.value)) return { kind: 'plaintext' };
  if (opaque.has(protocol.value)) return { kind: 'tcp', relay: 'tcp' };
  if ((protocol.value !== 'HTTPS' && protocol.value !== 'TLS') || tls === undefined) {
    return reportUnsupported(world, server, `protocol ${protocol.value} is not supported`);
  }
  if (tls.mode === 'AUTO_PASSTHROUGH') return { kind: 'tls', relay: 'passthrough', isAutomatic: true };
  if (tls.mode === 'PASSTHROUGH') return { kind: 'tls', relay: 'passthrough' };
  const kind = tls.mode === 'ISTIO_MUTUAL' ? 'mesh' : 'tls';
  return protocol.value === 'HTTPS' ? { kind } : { kind, relay: 'tcp' };
}

function findConflict(wanted: PlacedServer, placed: readonly PlacedServer[]): PlacedServer | undefined {
  const [first] = placed;
  if (first === undefined) return undefined;
  if (first.kind !== wanted.kind || first.kind === 'tcp') return first;
  if (wanted.kind === 'plaintext') return undefined;
  const hosts = new Set(wanted.server.hosts.map(({ host }) => host));
  return placed.find(({ server }) => server.hosts.some(({ host }) => hosts.has(host)));
}

function reportUnsupported(world: World, server: GatewayServer, why: string): undefined {
  world.report(
    diagnose(codes.serverUnsupported, {
      origin: server.protocol.origin,
      message: `server "${server.port.name}" (port ${server.port.number}) is not opened: ${why}`,
      remedy: 'Use HTTP, HTTP2, GRPC or TCP, or HTTPS or TLS with a block tls.',
    }),
  );
  return undefined;
}

interface Clash {
  readonly server: GatewayServer;
  readonly other: PlacedServer;
}

function whyNot({ server, other }: Clash): string {
  if (other.kind === 'tcp') return 'whose connections name no host to tell servers apart by';
  const isTls = server.protocol.value === 'HTTPS' || server.protocol.value === 'TLS';
  return other.kind === 'plaintext' || !isTls ? 'of another protocol' : 'with a host of it or another TLS mode';
}

function reportConflict(world: World, clash: Clash): void {
  const { server, other } = clash;
  const { number, name } = server.port;
  world.report(
    diagnose(codes.serverConflict, {
      origin: server.origin,
      message: `server "${name}" is left out: port ${number} is taken by server "${other.server.port.name}" of Gateway "${keyOf(other.gateway)}" (${formatOrigin(other.server.origin)}), ${whyNot(clash)}`,
      remedy: 'Give the servers different ports or, with TLS, hosts of their own.',
    }),
  );
}

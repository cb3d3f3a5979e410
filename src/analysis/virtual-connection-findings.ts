import { diagnose } from '../base/index.ts';
import type { IstioGateway, VirtualByteMatch } from '../resource/index.ts';
import { codes } from './codes.ts';
import { routesOf } from './istio-servers.ts';
import { bindsServer } from './server-hosts.ts';
import type { BoundVirtualService } from './virtual-services.ts';
import { keyOf, type World } from './world.ts';

const wants = {
  http: 'protocol HTTP, HTTP2 or GRPC, or HTTPS where TLS ends',
  tls: 'tls.mode PASSTHROUGH',
  tcp: 'protocol TCP, or TLS where TLS ends',
} as const;

/** Routes that no server of a Gateway takes, though its hosts are there. */
export function findIdleRoutes(
  world: World,
  { service, gateway }: { readonly service: BoundVirtualService; readonly gateway: IstioGateway },
): void {
  const taken = new Set(gateway.spec.servers.filter((server) => bindsServer(server, service)).map(routesOf));
  // No host in common, or none that is opened, is reported already.
  if ([...taken].every((kind) => kind === undefined)) return;
  const useful = [...taken].filter((one) => one !== undefined && one !== 'none');
  for (const kind of ['http', 'tls', 'tcp'] as const) {
    const [first] = service.source.spec[kind];
    if (first === undefined || taken.has(kind)) continue;
    world.report(
      diagnose(codes.routesOfOtherProtocol, {
        origin: first.origin,
        message: `the ${kind} routes have no effect at Gateway "${keyOf(gateway)}": no server with the VirtualService's hosts has ${wants[kind]}`,
        remedy: `${useful.length === 0 ? 'Take them away' : `Write ${useful.join(' or ')} routes`}, or correct the server.`,
      }),
    );
  }
}

/** `tcp` routes behind one that takes every connection. */
export function findUnreachableConnections(world: World, { source }: BoundVirtualService): void {
  const { tcp } = source.spec;
  const last = tcp.findIndex(({ matches }) => matches.length === 0 || matches.some(isUnconditional));
  if (last === -1) return;
  for (const { origin } of tcp.slice(last + 1)) {
    world.report(
      diagnose(codes.unreachableRule, {
        origin,
        message: `never reached: tcp route ${last} (line ${tcp[last]?.origin.line}) takes all connections`,
        remedy: 'Write the narrower route before the wider one, or take it away; the first match counts.',
      }),
    );
  }
}

function isUnconditional(match: VirtualByteMatch): boolean {
  return (
    match.port === undefined &&
    match.sourceNamespace === undefined &&
    match.destinationSubnets.length + match.gateways.length + Object.keys(match.sourceLabels).length === 0
  );
}

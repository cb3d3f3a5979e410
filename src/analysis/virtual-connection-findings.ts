import { diagnose } from '../base/index.ts';
import type { IstioGateway } from '../resource/index.ts';
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
  for (const kind of ['http', 'tls', 'tcp'] as const) {
    const [first] = service.source.spec[kind];
    if (first === undefined || taken.has(kind)) continue;
    world.report(
      diagnose(codes.routesOfOtherProtocol, {
        origin: first.origin,
        message: `the ${kind} routes have no effect at Gateway "${keyOf(gateway)}": no server with the VirtualService's hosts has ${wants[kind]}`,
        remedy: `Write ${[...taken].filter((one) => one !== undefined).join(' or ')} routes, or correct the server.`,
      }),
    );
  }
}

import { diagnose, formatOrigin } from '../base/index.ts';
import type { GatewayServer } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { IstioGatewayProxy } from './istio-gateway-proxies.ts';
import { hasLabels } from './labels.ts';
import { keyOf, type World } from './world.ts';

/** What is wrong with the servers of one gateway beside its Service and beside each other; they are opened all the same. */
export function findGatewayFaults(world: World, proxy: IstioGatewayProxy): void {
  findUnexposedPorts(world, proxy);
  findSharedCertificates(world, proxy);
}

/** On a cluster clients come through the Service. Only where one is written. */
function findUnexposedPorts(world: World, { workload, gateways }: IstioGatewayProxy): void {
  if (workload === undefined) return;
  const services = world.resources.services.filter(
    ({ metadata, spec }) =>
      metadata.namespace === workload.namespace &&
      Object.keys(spec.selector).length > 0 &&
      hasLabels(workload.labels, spec.selector),
  );
  const [service] = services;
  if (service === undefined) return;
  const ports = new Set(services.flatMap(({ spec }) => spec.ports.map(({ port }) => port)));
  for (const { port, origin } of gateways.flatMap(({ spec }) => spec.servers)) {
    if (ports.has(port.number)) continue;
    world.report(
      diagnose(codes.gatewayPortNotOnService, {
        origin,
        message: `port ${port.number} of server "${port.name}" is no port of Service "${keyOf(service)}", so that nobody reaches it on a cluster`,
        remedy: `Add port ${port.number} to the Service.`,
      }),
    );
  }
}

function findSharedCertificates(world: World, { gateways }: IstioGatewayProxy): void {
  const first = new Map<string, GatewayServer>();
  for (const server of gateways.flatMap(({ spec }) => spec.servers)) {
    for (const name of server.tls?.credentialNames ?? []) {
      const key = `${server.port.number} ${name.value}`;
      const other = first.get(key);
      if (other === undefined) first.set(key, server);
      else {
        world.report(
          diagnose(codes.duplicateCertificate, {
            origin: name.origin,
            message: `certificate "${name.value}" is also that of server "${other.port.name}" (${formatOrigin(other.origin)}): a client that uses one connection for the hosts of both is misdirected`,
            remedy: 'Write the hosts in one server, or give each its own certificate.',
          }),
        );
      }
    }
  }
}

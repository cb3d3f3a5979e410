import { diagnose, formatOrigin } from '../base/index.ts';
import type { IstioGateway } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { IstioGatewayProxy } from './istio-gateway-proxies.ts';
import { commonHosts } from './istio-gateways.ts';
import type { BoundVirtualService, VirtualServices } from './virtual-services.ts';
import { groupBy, isRejected, keyOf, type World } from './world.ts';

interface Found {
  readonly virtualServices: VirtualServices;
  readonly proxies: readonly IstioGatewayProxy[];
}

/** What keeps VirtualServices from having an effect where they are meant to (istioctl analyze, istio.md 8.1). */
export function findVirtualFaults(world: World, found: Found): void {
  const gateways = new Map(world.resources.istioGateways.map((gateway) => [keyOf(gateway), gateway]));
  for (const service of found.virtualServices.all) {
    for (const { value, origin } of service.source.spec.gateways) {
      if (value === 'mesh') continue;
      const gateway = gateways.get(value);
      if (gateway === undefined) reportNoGateway(world, { name: value, origin });
      else findUnboundHosts(world, { service, gateway, origin, proxies: found.proxies });
    }
  }
  findMeshConflicts(world, found.virtualServices);
}

function reportNoGateway(
  world: World,
  ref: { readonly name: string; readonly origin: BoundVirtualService['source']['origin'] },
): void {
  const [namespace = '', name = ''] = ref.name.split('/');
  const ofGatewayApi = world.gateways.has(ref.name);
  const broken = isRejected(world, { kind: 'Gateway', namespace, name });
  const elsewhere = world.resources.istioGateways
    .filter(({ metadata }) => metadata.name === name)
    .map(keyOf)
    .sort();
  const why = ofGatewayApi
    ? 'is a Gateway of the Gateway API, to which VirtualServices do not bind'
    : broken
      ? 'has an error and is left out'
      : 'does not exist';
  world.report(
    diagnose(codes.virtualGatewayNotFound, {
      origin: ref.origin,
      message: `Gateway "${ref.name}" ${why}: the VirtualService has no effect there`,
      remedy: ofGatewayApi
        ? 'Write an HTTPRoute or GRPCRoute for it, or a Gateway of networking.istio.io.'
        : broken
          ? 'Correct the Gateway.'
          : elsewhere.length > 0
            ? `Write ${elsewhere.join(' or ')}.`
            : 'Add the file with the Gateway (networking.istio.io), or write its namespace in front of the name.',
    }),
  );
}

interface Binding {
  readonly service: BoundVirtualService;
  readonly gateway: IstioGateway;
  readonly origin: BoundVirtualService['source']['origin'];
  readonly proxies: readonly IstioGatewayProxy[];
}

function findUnboundHosts(world: World, { service, gateway, origin, proxies }: Binding): void {
  const { exportTo } = service.source.spec;
  const { namespace } = service.source.metadata;
  const hidden = proxies.filter(
    ({ gateways, identity }) =>
      gateways.includes(gateway) && exportTo.length > 0 && !exportTo.includes(identity.namespace),
  );
  for (const { identity } of hidden) {
    world.report(
      diagnose(codes.virtualHostNotInGateway, {
        origin,
        message: `the VirtualService is not exported to namespace "${identity.namespace}", where Gateway "${keyOf(gateway)}" runs`,
        remedy: `Add "${identity.namespace}" to exportTo.`,
      }),
    );
  }
  const { servers } = gateway.spec;
  for (const host of service.hosts) {
    if (servers.some((server) => commonHosts({ server }, { ...service, hosts: [host] }).length > 0)) continue;
    const offered = servers.flatMap((server) => server.hosts.map((one) => `${one.namespace}/${one.host}`));
    world.report(
      diagnose(codes.virtualHostNotInGateway, {
        origin: host.origin,
        message: `host "${host.value}" is no host of Gateway "${keyOf(gateway)}" for namespace "${namespace}", which has ${[...new Set(offered)].join(', ')}`,
        remedy: 'Correct the host, or add it to the hosts of a server of the Gateway.',
      }),
    );
  }
}

/** Sidecars do not merge: who came later has no effect (istio.md 4.6). Only where the two are seen by one caller. */
function findMeshConflicts(world: World, { all }: VirtualServices): void {
  const bound = all
    .filter(({ source }) => source.spec.gateways.some(({ value }) => value === 'mesh'))
    .flatMap((service) => service.hosts.map((host) => ({ service, host })));
  for (const [name, group] of groupBy(bound, ({ host }) => host.value)) {
    for (const [index, { service, host }] of group.entries()) {
      const older = group.slice(0, index).find((other) => areSeenTogether(other.service, service));
      if (older === undefined) continue;
      world.report(
        diagnose(codes.meshHostConflict, {
          origin: host.origin,
          message: `host "${name}" is bound to the mesh by ${formatOrigin(older.service.source.origin)}, which is older: this VirtualService is ignored for it`,
          remedy: 'Merge the two; sidecars use one VirtualService for each host.',
        }),
      );
    }
  }
}

function areSeenTogether(a: BoundVirtualService, b: BoundVirtualService): boolean {
  const [ofA, ofB] = [a.source.spec.exportTo, b.source.spec.exportTo];
  return ofA.length === 0 || ofB.length === 0 || ofA.some((namespace) => ofB.includes(namespace));
}

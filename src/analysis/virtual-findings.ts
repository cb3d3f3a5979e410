import { diagnose, formatOrigin } from '../base/index.ts';
import type { IstioGateway } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { IstioGatewayProxy } from './istio-gateway-proxies.ts';
import { findGatewayFaults } from './istio-gateway-findings.ts';
import { bindsServer } from './server-hosts.ts';
import { findIdleRoutes, findUnreachableConnections } from './virtual-connection-findings.ts';
import { findUnreachableRules } from './virtual-rule-findings.ts';
import type { BoundVirtualService, VirtualServices } from './virtual-services.ts';
import { fullHostName, isRejected, keyOf, type World } from './world.ts';

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
      else {
        findUnboundHosts(world, { service, gateway, origin, proxies: found.proxies });
        findIdleRoutes(world, { service, gateway });
      }
    }
    findUnreachableRules(world, service);
    findUnreachableConnections(world, service);
  }
  findMeshOnlyRoutes(world, found.virtualServices);
  findUnusedDelegates(world);
  for (const proxy of found.proxies) findGatewayFaults(world, proxy);
}

/** A gateway applies the VirtualServices bound to it, and not those of the hosts it sends to (istio.md 4.6). */
function findMeshOnlyRoutes(world: World, { all }: VirtualServices): void {
  const isMesh = ({ source }: BoundVirtualService): boolean =>
    source.spec.gateways.some(({ value }) => value === 'mesh');
  const meshOnly = all.filter((service) => isMesh(service) && service.source.spec.gateways.length === 1);
  const byHost = new Map(
    meshOnly.toReversed().flatMap((service) => service.hosts.map(({ value }) => [value, service] as const)),
  );
  for (const service of all) {
    if (service.source.spec.gateways.every(({ value }) => value === 'mesh')) continue;
    const { namespace } = service.source.metadata;
    const told = new Set<BoundVirtualService>();
    for (const { destination } of service.routes.flatMap(({ destinations }) => destinations)) {
      const other = byHost.get(fullHostName(destination.host, namespace));
      if (other === undefined || told.has(other) || destination.subset !== undefined) continue;
      told.add(other);
      world.report(
        diagnose(codes.meshRoutesNotAtGateway, {
          origin: destination.origin,
          message: `the routes of ${formatOrigin(other.source.origin)} for host "${destination.host}" are for the mesh and do not apply to what a gateway sends there`,
          remedy: 'Bind them to the gateway too, or name a subset here.',
        }),
      );
    }
  }
}

function findUnusedDelegates(world: World): void {
  const { virtualServices } = world.resources;
  const used = new Set(
    virtualServices.flatMap(({ spec }) =>
      spec.http.flatMap(({ delegate }) => (delegate === undefined ? [] : [`${delegate.namespace}/${delegate.name}`])),
    ),
  );
  for (const service of virtualServices) {
    if (service.spec.hosts.length > 0 || used.has(keyOf(service))) continue;
    world.report(
      diagnose(codes.delegateUnused, {
        origin: service.origin,
        message: 'without hosts it is a delegate, and no VirtualService delegates to it',
        remedy: 'Add hosts, or delegate to it.',
      }),
    );
  }
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
    if (servers.some((server) => bindsServer(server, { ...service, hosts: [host] }))) continue;
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

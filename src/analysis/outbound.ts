import { compareText, diagnose, formatOrigin, qualifiedName } from '../base/index.ts';
import type { Service, ServicePort, Sidecar } from '../resource/index.ts';
import { codes } from './codes.ts';
import { makeDestinationLookup, type DestinationLookup } from './destinations.ts';
import { firstRoutes } from './mesh-candidates.ts';
import { connectionsInMesh } from './mesh-connections.ts';
import type { MeshRoutes } from './mesh-routes.ts';
import type {
  ClientModel,
  MatchedRule,
  OutboundHostModel,
  OutboundModel,
  ServiceLinkModel,
  WorkloadModel,
} from './model.ts';
import { makeScopes } from './outbound-scopes.ts';
import { portProtocol, speaksTls } from './protocol.ts';
import { pickService } from './service-hosts.ts';
import { importsRoutes, isImported, reportSidecars } from './sidecars.ts';
import type { VirtualClient, VirtualServices } from './virtual-services.ts';
import type { WorkloadSources } from './workload-sources.ts';
import type { ServedWorkloads } from './workloads.ts';
import { hostOfService, keyOf, type World } from './world.ts';

export interface OutboundInput {
  readonly sources: WorkloadSources;
  readonly served: ServedWorkloads;
  readonly virtualServices: VirtualServices;
  readonly meshRoutes: MeshRoutes;
  readonly destinations: DestinationLookup;
}

/**
 * Where the calls go that workloads make through their own proxies: to every Service that something runs behind and every
 * host of a ServiceEntry, as Istio's sidecars know the whole registry. Workloads that nothing tells apart share one
 * scope, so that the cost does not grow with their number.
 */
export function makeOutbound(world: World, input: OutboundInput): OutboundModel {
  if (world.options.outbound !== true) return noOutbound;
  const { served } = input;
  const linkers = linkersOf(world, input.sources);
  const linked = new Set(world.bindings.filter((one) => linkers.has(qualifiedName(one))).map((one) => one.namespace));
  const ports = registryPorts(world, input);
  // What a process is told of is there, whether anything runs behind it or not.
  const isUsed = ({ service, host }: RegistryPort): boolean =>
    host.destination.places.length > 0 || linked.has(service.metadata.namespace);
  const busy = new Set(ports.filter(isUsed).map(({ host }) => host.host));
  const hostFor = (caller: Caller, registryPort: RegistryPort): readonly OutboundHostModel[] => {
    const { service, host } = registryPort;
    const { client } = caller;
    if (pickService(world.hosts, { host: host.host, namespace: client.namespace }) !== service) return [];
    const matches =
      host.relaysBytes === true
        ? connectionsFor(world, input, { caller, ...registryPort })
        : routesFor(input, caller, registryPort);
    if (matches === undefined && !isUsed(registryPort) && !world.hosts.entries.has(service)) return [];
    if (matches !== undefined) busy.add(host.host);
    return [matches === undefined ? host : { ...host, matches }];
  };
  reportSidecars(world, served.values());
  const scopes = makeScopes(world, {
    served,
    routed: input.meshRoutes.namespaces,
    contentFor: (client, sidecar) => ({
      hosts: ports
        .flatMap((port) => hostFor({ client, sidecar }, port))
        .filter((host) => sidecar === undefined || imports(sidecar, client, host)),
      unknownHosts: sidecar?.spec.outboundTrafficPolicy?.mode ?? 'ALLOW_ANY',
      ...(sidecar?.spec.outboundTrafficPolicy === undefined
        ? {}
        : { unknownHostsOrigin: sidecar.spec.outboundTrafficPolicy.origin }),
    }),
  });
  const services = [...world.services.values()].map((service) => hostOfService(world, service));
  return {
    scopes: scopes.all,
    idleHosts: services.filter((host) => !busy.has(host)).sort(compareText),
    scopeOf: (workload) => scopes.of.get(keyOfWorkload(workload)),
    linksOf: (workload) => (linkers.has(keyOfWorkload(workload)) ? linksOf(workload, ports) : []),
  };
}

const noOutbound: OutboundModel = {
  scopes: [],
  idleHosts: [],
  scopeOf: () => undefined,
  linksOf: () => [],
};

interface Caller {
  readonly client: ClientModel;
  readonly sidecar: Sidecar | undefined;
}

/** The caller as VirtualServices are chosen for it, on one port. */
function importer({ client, sidecar }: Caller, port: number): VirtualClient {
  if (sidecar === undefined) return client;
  return {
    ...client,
    imports: ({ source: { metadata }, hosts }) =>
      importsRoutes(sidecar, {
        hosts: hosts.map(({ value }) => value),
        isGatewayApi: false,
        port,
        namespace: metadata.namespace,
        from: client.namespace,
      }),
  };
}

function routesFor(
  { meshRoutes, virtualServices }: OutboundInput,
  caller: Caller,
  { service, host }: RegistryPort,
): readonly MatchedRule[] | undefined {
  const { sidecar } = caller;
  const { namespace } = caller.client;
  const onService = meshRoutes.candidatesFor({ service: keyOf(service), port: host.port }, namespace).filter(
    ({ metadata }) =>
      sidecar === undefined ||
      importsRoutes(sidecar, {
        hosts: [host.host],
        isGatewayApi: true,
        port: host.port,
        namespace: metadata.namespace,
        from: namespace,
      }),
  );
  return firstRoutes([...onService, ...virtualServices.inMesh(importer(caller, host.port), host)], namespace);
}

function connectionsFor(
  world: World,
  { virtualServices, destinations }: OutboundInput,
  { caller, service, port, host }: RegistryPort & { readonly caller: Caller },
): readonly MatchedRule[] | undefined {
  const { address } = service.spec;
  const found = world.hosts.entries.get(service)?.ports.find((one) => one.port.number === port.port);
  const addresses = address === undefined ? (found?.entry.spec.addresses ?? []) : [address];
  return connectionsInMesh(world, {
    client: caller.client,
    host: host.host,
    port: port.port,
    isTls: speaksTls(port),
    addresses: addresses.filter((one) => !one.includes('/')),
    services: virtualServices.forMeshHost(importer(caller, port.port), host.host),
    destinations,
  });
}

function imports(sidecar: Sidecar, client: ClientModel, { host, port, destination }: OutboundHostModel): boolean {
  return isImported(sidecar, { host, port, namespace: destination.service.namespace, from: client.namespace });
}

/** Workloads that are started here and want to be told of Services. */
function linkersOf(world: World, sources: WorkloadSources): ReadonlySet<string> {
  const started = new Set(world.bindings.filter(({ isStarted }) => isStarted === true).map(qualifiedName));
  const linkers = sources.all.filter((source) => source.hasServiceLinks && started.has(qualifiedName(source)));
  return new Set(linkers.map(qualifiedName));
}

interface RegistryPort {
  /** Or the host of a ServiceEntry. */
  readonly service: Service;
  readonly port: ServicePort;
  readonly host: OutboundHostModel;
}

/** What a host without a port means where a Service has several ports, as in any URL. */
const httpPort = 80;
const httpsPort = 443;

/** Protocols of ServiceEntry ports whose requests have an authority to be routed by. */
const httpProtocols: ReadonlySet<string> = new Set(['http', 'http2', 'grpc', 'grpc-web']);

function registryPorts(world: World, workloads: OutboundInput): readonly RegistryPort[] {
  // Nobody has asked for these Services yet, so that what is missing behind them is not an error.
  const quietly = makeDestinationLookup({ ...world, report: () => undefined }, workloads);
  const entries = makeDestinationLookup(world, workloads);
  reportShadowed(world);
  return [...world.hosts.candidates]
    .sort(([a], [b]) => compareText(a, b))
    .flatMap(([host, services]) => services.map((service) => ({ host, service })))
    .flatMap(({ host, service }) => {
      const isEntry = world.hosts.entries.has(service);
      const ports = service.spec.ports.filter((port) => isReached(world, service, port));
      const named = portByServerName(ports);
      return ports.map((port) => ({
        service,
        port,
        host: {
          origin: port.origin,
          host,
          port: port.port,
          isDefaultPort: ports.length === 1 || port.port === httpPort,
          ...(portProtocol(port) === 'other' ? { relaysBytes: true } : {}),
          ...(port === named ? { serverName: isEntry ? 'only' : 'also' } : {}),
          destination: (isEntry ? entries : quietly)(service, port),
        },
      }));
    });
}

/** Where TLS of a host goes, since a server name has no port: to the only port for TLS, or to that of HTTPS. */
function portByServerName(ports: readonly ServicePort[]): ServicePort | undefined {
  const encrypted = ports.filter(speaksTls);
  return encrypted.length === 1 ? encrypted[0] : encrypted.find(({ port }) => port === httpsPort);
}

function isReached(world: World, service: Service, port: ServicePort): boolean {
  if (port.protocol !== 'TCP') return false;
  const { appProtocol = '' } = port;
  if (!world.hosts.entries.has(service) || httpProtocols.has(appProtocol)) return true;
  if (speaksTls(port) && portByServerName(service.spec.ports) === port) return true;
  const why = speaksTls(port)
    ? 'of several ports for TLS a server name means that of 443'
    : 'nothing in its connections says which host they are for';
  world.report(
    diagnose(codes.entryPortUnnamed, {
      origin: port.origin,
      message: `port ${port.port} of host "${hostOfService(world, service)}" is ${appProtocol.toUpperCase()}, and ${why}: apps do not reach it through the outbound port of their sidecars`,
      remedy:
        'Write protocol: TLS where clients begin with TLS, or HTTP2 or GRPC where that is spoken; a DestinationRule with tls.mode SIMPLE adds TLS on the way out.',
    }),
  );
  return false;
}

/** A host that several have: who comes later has it in its own namespace only, or not at all. */
function reportShadowed(world: World): void {
  for (const [host, [first, ...others]] of world.hosts.candidates) {
    if (first === undefined) continue;
    const firstEntry = world.hosts.entries.get(first)?.ports[0]?.entry;
    const isService = firstEntry === undefined;
    for (const service of others) {
      const [found] = world.hosts.entries.get(service)?.ports ?? [];
      const areSeenTogether = [firstEntry, found?.entry].every((entry) => entry?.spec.exportTo.includes('*') ?? true);
      if (found === undefined || !areSeenTogether) continue;
      const { entry } = found;
      const where = isService ? 'is ignored' : `counts in namespace "${entry.metadata.namespace}" only`;
      world.report(
        diagnose(codes.entryHostTaken, {
          origin: entry.spec.hosts.find(({ value }) => value === host)?.origin ?? entry.origin,
          message: `host "${host}" ${where}: ${formatOrigin(first.origin)} has it`,
          remedy: 'Give the host to one of the two.',
        }),
      );
    }
  }
}

/** As a kubelet does: the Services of the pod's own namespace that have an address of their own. */
function linksOf({ identity }: WorkloadModel, ports: readonly RegistryPort[]): readonly ServiceLinkModel[] {
  return ports
    .filter(({ service }) => service.metadata.namespace === identity.namespace && !service.spec.headless)
    .map(({ port, host }) => ({ origin: port.origin, service: host.destination.service, portName: port.name }));
}

function keyOfWorkload({ name, identity }: WorkloadModel): string {
  return `${identity.namespace}/${name}`;
}

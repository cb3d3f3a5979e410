import { compareText, diagnose, qualifiedName, type Diagnostic } from '../base/index.ts';
import type { EndpointSlice, Service, ServicePort } from '../resource/index.ts';
import { codes } from './codes.ts';
import { resolveEntry } from './entry-destinations.ts';
import { aliasOf, resolveExternalName } from './external-names.ts';
import { formatLabels } from './labels.ts';
import { localityOfLabels } from './locality.ts';
import type { DestinationModel, PlaceModel } from './model.ts';
import { portProtocol } from './protocol.ts';
import { expandPrincipal } from './policy-match.ts';
import { findRelayedPorts, type RelayedPorts } from './relayed-ports.ts';
import { targetPortOf, type ServedWorkloads } from './workloads.ts';
import type { WorkloadSource, WorkloadSources } from './workload-sources.ts';
import { hostOfService, keyOf, serviceHost, type World } from './world.ts';

/** The places behind a Service port. Worked out once for each port, complained about each time it is asked for. */
export type DestinationLookup = (service: Service, port: ServicePort, subset?: string) => DestinationModel;

export function makeDestinationLookup(
  world: World,
  workloads: { readonly sources: WorkloadSources; readonly served: ServedWorkloads },
): DestinationLookup {
  const known = new Map<string, Resolved>();
  const relayed = findRelayedPorts(world);
  const lookup: DestinationLookup = (service, port, subset) => {
    const alias = aliasOf(world, service, port);
    if (alias !== undefined) return lookup(alias.service, alias.port, subset);
    const key = `${hostOfService(world, service)}:${port.port}`;
    const whole =
      known.get(key) ?? capture(world, (own) => resolve({ world: own, service, port, relayed, ...workloads }));
    known.set(key, whole);
    for (const finding of whole.findings) world.report(finding);
    if (subset === undefined) return whole.destination;
    const part = known.get(`${key}|${subset}`) ?? { destination: { ...whole.destination, subset }, findings: [] };
    known.set(`${key}|${subset}`, part);
    return part.destination;
  };
  return lookup;
}

interface Resolved {
  readonly destination: DestinationModel;
  readonly findings: readonly Diagnostic[];
}

function capture(world: World, run: (world: World) => DestinationModel): Resolved {
  const findings: Diagnostic[] = [];
  return { destination: run({ ...world, report: (finding) => findings.push(finding) }), findings };
}

interface Resolution {
  readonly relayed: RelayedPorts;
  readonly world: World;
  readonly service: Service;
  readonly port: ServicePort;
  readonly sources: WorkloadSources;
  readonly served: ServedWorkloads;
}

function resolve(input: Resolution): DestinationModel {
  const { world, service, port, sources } = input;
  const { namespace, name } = service.metadata;
  const found = world.hosts.entries.get(service);
  if (found !== undefined) return resolveEntry({ ...input, found });
  if (service.spec.externalName !== undefined) return resolveExternalName(world, { service, port });
  if (!input.relayed.isRouted(service, port)) reportProtocol(world, service, port);
  const hasSelector = Object.keys(service.spec.selector).length > 0;
  const selected = sources.selectedBy(service);
  if (hasSelector && selected.length === 0) reportNothingSelected(world, service);
  if (!hasSelector && !world.slices.has(keyOf(service))) reportNoEndpoints(world, service);
  const places = hasSelector
    ? selected.flatMap((source) => placesOfWorkload(input, source))
    : (world.slices.get(keyOf(service)) ?? []).flatMap((slice) => placesOfSlice(world, slice, port));
  return {
    origin: port.origin,
    service: { namespace, name, host: serviceHost({ namespace, name }), port: port.port },
    places,
    spiffeIds: spiffeIdsOf(world, selected),
    ...(service.spec.publishNotReadyAddresses === true ? { takesUnready: true } : {}),
  };
}

function placesOfWorkload({ world, service, port, served }: Resolution, source: WorkloadSource): readonly PlaceModel[] {
  const containerPort = targetPortOf(source, port);
  if (containerPort === undefined) {
    reportTargetPort(world, { service, port, source });
    return [];
  }
  const workload = served.get(qualifiedName(source));
  if (workload === undefined) {
    reportNoAddress(world, source, service);
    return [];
  }
  // Only a WorkloadEntry can have a weight; the others count as one each.
  const weight = source.entry?.spec.weight ?? 1;
  if (workload.hasProxy) return [{ type: 'proxied', workload, containerPort, weight }];
  const addresses = workload.ports.find(({ number }) => number === containerPort)?.addresses ?? [];
  const { origin, name, identity, locality } = workload;
  const known = {
    type: 'direct',
    origin,
    name,
    identity,
    weight,
    ...(locality === undefined ? {} : { locality }),
  } as const;
  return addresses.map((address) => ({ ...known, ...address }));
}

function placesOfSlice(world: World, slice: EndpointSlice, port: ServicePort): readonly PlaceModel[] {
  const slicePort = slice.ports.find(({ name, protocol }) => name === port.name && protocol === port.protocol);
  const number = slicePort?.port;
  if (number === undefined) return [];
  return slice.endpoints
    .filter(({ ready }) => ready)
    .flatMap(({ addresses, origin, pod, zone }) => {
      const labels = podLabels(world, slice, pod);
      const place = { type: 'direct', origin, name: slice.metadata.name, port: number, weight: 1, labels } as const;
      const locality = zone === undefined ? {} : { locality: { ...localityOfLabels(labels), zone } };
      // Kubernetes: the addresses of one endpoint are fungible, and consumers use the first.
      return addresses.slice(0, 1).map((host) => ({ ...place, ...locality, host }));
    });
}

/** The labels of the Pod behind an endpoint, where that Pod is written too. */
function podLabels(world: World, slice: EndpointSlice, pod: string | undefined): Readonly<Record<string, string>> {
  const { namespace } = slice.metadata;
  const found = world.resources.pods.find(({ metadata }) => metadata.name === pod && metadata.namespace === namespace);
  return found?.metadata.labels ?? {};
}

/** A client with mutual TLS accepts any account behind the Service, under every name of this trust domain. */
function spiffeIdsOf(world: World, selected: readonly WorkloadSource[]): readonly string[] {
  const { trustDomain, trustDomainAliases = [] } = world.options;
  const principals = selected.flatMap(({ namespace, serviceAccount }) =>
    expandPrincipal(`${trustDomain}/ns/${namespace}/sa/${serviceAccount}`, {
      trustDomain,
      aliases: trustDomainAliases,
    }),
  );
  return [...new Set(principals)].map((principal) => `spiffe://${principal}`).sort(compareText);
}

function reportProtocol(world: World, service: Service, port: ServicePort): void {
  const protocol = portProtocol(port);
  if (protocol === 'http2') return;
  const what = `port ${port.port}${port.name === '' ? '' : ` "${port.name}"`} of Service "${keyOf(service)}"`;
  const remedy = `Set appProtocol: grpc on the port, or begin its name with "grpc-".`;
  world.report(
    protocol === 'unknown'
      ? diagnose(codes.protocolUnknown, {
          origin: port.origin,
          message: `${what} declares no protocol: an Istio gateway would speak HTTP/1.1 to it, where gRPC breaks; HTTP/2 is spoken here`,
          remedy,
        })
      : diagnose(codes.protocolNotHttp, {
          origin: port.origin,
          message: `${what} is declared ${protocol === 'http' ? 'as HTTP/1.1' : 'to be no HTTP port'}: gRPC would break on Istio; HTTP/2 is spoken here`,
          remedy,
        }),
  );
}

function reportNothingSelected(world: World, service: Service): void {
  const { namespace, name } = service.metadata;
  world.report(
    diagnose(codes.serviceSelectsNothing, {
      origin: service.origin,
      message: `selector ${formatLabels(service.spec.selector)} matches no workload of namespace "${namespace}"`,
      remedy: `Add the Deployment, or give it these labels in its pod template; --add-missing supplies one called "${name}".`,
    }),
  );
}

function reportNoEndpoints(world: World, service: Service): void {
  const { namespace, name } = service.metadata;
  world.report(
    diagnose(codes.serviceWithoutEndpoints, {
      origin: service.origin,
      message: `Service "${namespace}/${name}" has no selector, and there is no EndpointSlice for it`,
      remedy: `Give it a selector with the labels of its pods, or write an EndpointSlice with label kubernetes.io/service-name: ${name}.`,
    }),
  );
}

function reportTargetPort(
  world: World,
  finding: { readonly service: Service; readonly port: ServicePort; readonly source: WorkloadSource },
): void {
  const { service, port, source } = finding;
  const names = source.containerPorts.map(({ name }) => name).filter((name) => name !== '');
  world.report(
    diagnose(codes.targetPortNotFound, {
      origin: port.origin,
      message: `targetPort "${port.targetPort}" of Service "${keyOf(service)}" is no port of workload "${qualifiedName(source)}"`,
      remedy: `Name a container port${names.length === 0 ? '' : ` (${names.join(', ')})`}, or give its number.`,
    }),
  );
}

function reportNoAddress(world: World, source: WorkloadSource, service: Service): void {
  const name = qualifiedName(source);
  world.report(
    diagnose(codes.workloadWithoutAddress, {
      origin: source.origin,
      message: `nobody said where workload "${name}" listens, which Service "${keyOf(service)}" leads to`,
      remedy: `Start it and run with --workload ${name}=127.0.0.1:PORT.`,
    }),
  );
}

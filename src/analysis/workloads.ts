import { compareText, diagnose, qualifiedName, type Origin } from '../base/index.ts';
import type { Service, ServicePort } from '../resource/index.ts';
import { codes } from './codes.ts';
import { parseLocality } from './locality.ts';
import type { WorkloadModel, WorkloadPortModel } from './model.ts';
import type { WorkloadBinding } from './options.ts';
import { aimProbes, type AimedProbe } from './probes.ts';
import { findRelayedPorts, type RelayedPorts } from './relayed-ports.ts';
import type { MtlsLookup } from './peer-authentication.ts';
import { withIngress } from './sidecar-ingress.ts';
import { sidecarFor } from './sidecars.ts';
import { hasProxy, mountsPart, type WorkloadSource, type WorkloadSources } from './workload-sources.ts';
import { groupBy, keyOf, serviceHost, type World } from './world.ts';

interface PortClaim {
  readonly number: number;
  readonly origin: Origin;
  readonly service?: { readonly object: Service; readonly port: ServicePort };
}

/** Workloads that can be served, by `namespace/name`; policies are bound later. */
export type ServedWorkloads = ReadonlyMap<string, WorkloadModel>;

/**
 * Gives each workload its ports and the addresses of its app. A workload whose app has no address is left out; whoever
 * needs it reports that. Ports are those of the containers, of the Services that select it, and of its binding.
 */
export function serveWorkloads(world: World, sources: WorkloadSources, mtls: MtlsLookup): ServedWorkloads {
  const bindings = groupBy(world.bindings, qualifiedName);
  reportUnknownBindings(world, sources);
  const claims = claimsOfServices(world, sources);
  const relayed = findRelayedPorts(world);
  const served = new Map<string, WorkloadModel>();
  for (const source of [...sources.all].sort((a, b) => compareText(qualifiedName(a), qualifiedName(b)))) {
    const bound = bindings.get(qualifiedName(source)) ?? [];
    const usable = bound.length > 0 || (source.entry !== undefined && source.entry.spec.unsupported.length === 0);
    if (!usable) continue;
    const { ports, addressOf } = portsOf({
      world,
      relayed,
      source,
      bound,
      claims: claims.get(qualifiedName(source)) ?? [],
      mtls,
    });
    served.set(qualifiedName(source), {
      origin: source.origin,
      name: source.name,
      identity: {
        namespace: source.namespace,
        serviceAccount: source.serviceAccount,
        workloadName: source.name,
        labels: source.labels,
        ...mountsPart(source),
      },
      hasProxy: hasProxy(source),
      ...(source.entry?.spec.locality === undefined ? {} : { locality: parseLocality(source.entry.spec.locality) }),
      ports,
      ...(source.probes.length === 0 || isSocket(source) ? {} : { health: aimProbes(source.probes, addressOf) }),
    });
  }
  return served;
}

/** The workload port behind a Service port; undefined when a named target port does not exist there. */
export function targetPortOf(source: WorkloadSource, port: ServicePort): number | undefined {
  const ofEntry = source.entry?.spec.ports[port.name];
  if (ofEntry !== undefined) return ofEntry;
  if (typeof port.targetPort === 'number') return port.targetPort;
  const name = port.targetPort;
  return source.containerPorts.find((candidate) => candidate.name === name)?.port ?? source.entry?.spec.ports[name];
}

function claimsOfServices(world: World, sources: WorkloadSources): ReadonlyMap<string, readonly PortClaim[]> {
  const services = [...world.resources.services].sort((a, b) => compareText(keyOf(a), keyOf(b)));
  const claims = services.flatMap((object) => {
    const selected = sources.selectedBy(object);
    const tcp = object.spec.ports.filter(({ protocol }) => protocol === 'TCP');
    return selected.flatMap((source) =>
      tcp.flatMap((port) => {
        const number = targetPortOf(source, port);
        const key = qualifiedName(source);
        return number === undefined ? [] : [{ key, claim: { number, origin: port.origin, service: { object, port } } }];
      }),
    );
  });
  const all = [...claims, ...claimsOfEntries(world, sources)];
  return new Map([...groupBy(all, ({ key }) => key)].map(([key, group]) => [key, group.map(({ claim }) => claim)]));
}

function portsOf(input: {
  readonly world: World;
  readonly source: WorkloadSource;
  readonly bound: readonly WorkloadBinding[];
  readonly claims: readonly PortClaim[];
  readonly mtls: MtlsLookup;
  readonly relayed: RelayedPorts;
}): { readonly ports: readonly WorkloadPortModel[]; readonly addressOf: (port: number) => AimedProbe['address'] } {
  const { world, relayed, source, bound, claims, mtls } = input;
  const declared: PortClaim[] = [
    ...source.containerPorts.map(({ port, origin }) => ({ number: port, origin })),
    ...Object.values(source.entry?.spec.ports ?? {}).map((number) => ({ number, origin: source.origin })),
  ];
  const ofBindings: PortClaim[] = bound.flatMap(({ addresses, origin }) =>
    addresses.flatMap(({ port }) => (port === undefined ? [] : [{ number: port, origin }])),
  );
  const known = new Set([...declared, ...claims].map(({ number }) => number));
  for (const { number, origin } of ofBindings) {
    if (!known.has(number)) reportUnknownPort(world, { source, number, origin, known });
  }
  const all = [...declared, ...claims, ...ofBindings];
  const main = mainPort({ declared, claims, all }) ?? portOfApp(world, source, bound);
  const numbers = new Set([...all.map(({ number }) => number), ...(main === undefined ? [] : [main])]);
  const ports = [...numbers]
    .sort((a, b) => a - b)
    .map((number): WorkloadPortModel => {
      const claim = claims.find((candidate) => candidate.number === number);
      const origin = all.find((candidate) => candidate.number === number)?.origin ?? source.origin;
      const { namespace, labels } = source;
      return {
        number,
        origin,
        addresses: addressesOf({ source, bound, number, isMain: number === main }),
        mtls: mtls({ namespace, labels, origin: source.origin, port: number }),
        ...(claim?.service === undefined ? {} : { service: serviceOf(world, claim.service) }),
        ...(claim?.service !== undefined && relayed.isOpaque(claim.service.object, claim.service.port)
          ? { relaysBytes: true }
          : {}),
      };
    });
  const { namespace, labels } = source;
  const served = withIngress(sidecarFor(world, source), {
    ports,
    main,
    addressesOf: (number, isMain) => addressesOf({ source, bound, number, isMain }),
    portOf: ({ origin, port }) => ({
      number: port,
      origin,
      mtls: mtls({ namespace, labels, origin: source.origin, port }),
    }),
  });
  // A probe asks the app itself, past what a Sidecar may have put in front of the port.
  const addressOf = (number: number) => addressesOf({ source, bound, number, isMain: number === main })[0];
  return { ports: served, addressOf };
}

/** ServiceEntries that select workloads have ports of theirs as Services do. */
function claimsOfEntries(world: World, sources: WorkloadSources): { key: string; claim: PortClaim }[] {
  return [...world.hosts.entries].flatMap(([object, { ports }]) =>
    ports.flatMap(({ port: { name, number, targetPort }, entry }) => {
      const { workloadSelector } = entry.spec;
      const port = object.spec.ports.find((one) => one.port === number);
      if (workloadSelector === undefined || port?.protocol !== 'TCP') return [];
      return sources.withLabels(workloadSelector, entry.metadata.namespace).map((source) => ({
        key: qualifiedName(source),
        claim: {
          number: source.entry?.spec.ports[name] ?? targetPort ?? number,
          origin: port.origin,
          service: { object, port },
        },
      }));
    }),
  );
}

function serviceOf(
  world: World,
  { object, port }: NonNullable<PortClaim['service']>,
): NonNullable<WorkloadPortModel['service']> {
  const { namespace, name } = object.metadata;
  return {
    namespace,
    name,
    host: world.hosts.entries.get(object)?.host ?? serviceHost({ namespace, name }),
    port: port.port,
  };
}

/**
 * The port that an address without a port stands for: the only one; else the first container port that a Service leads
 * to; else the first of all. (A metrics port that is written first is rarely the one that was meant.)
 */
function mainPort(ports: {
  readonly declared: readonly PortClaim[];
  readonly claims: readonly PortClaim[];
  readonly all: readonly PortClaim[];
}): number | undefined {
  const claimed = new Set(ports.claims.map(({ number }) => number));
  return (ports.declared.find(({ number }) => claimed.has(number)) ?? ports.claims[0] ?? ports.all[0])?.number;
}

/** Without any declared port, the workload port is the number the app itself listens on. */
function portOfApp(world: World, source: WorkloadSource, bound: readonly WorkloadBinding[]): number | undefined {
  const number = bound[0]?.addresses[0]?.portNumber;
  world.report(
    diagnose(codes.workloadWithoutPort, {
      origin: source.origin,
      message: `no container port and no Service port leads here${number === undefined ? '' : `; port ${number} of its address is taken`}`,
      remedy: 'Add the port to containers[].ports, or a Service that selects this workload.',
    }),
  );
  return number;
}

/** Probes are sent to ports. */
function isSocket({ entry }: WorkloadSource): boolean {
  return entry?.spec.address.value.startsWith('unix://') === true;
}

const loopback = '127.0.0.1';

function addressesOf(input: {
  readonly source: WorkloadSource;
  readonly bound: readonly WorkloadBinding[];
  readonly number: number;
  readonly isMain: boolean;
}): WorkloadPortModel['addresses'] {
  const { source, bound, number, isMain } = input;
  const given = bound
    .flatMap(({ addresses }) => addresses)
    .filter(({ port }) => port === number || (port === undefined && isMain))
    .map(({ host, portNumber }) => ({ host, port: portNumber }));
  if (given.length > 0) return given;
  return [{ host: source.entry?.spec.address.value ?? loopback, port: number }];
}

function reportUnknownBindings(world: World, sources: WorkloadSources): void {
  for (const binding of world.bindings) {
    if (sources.byKey.has(qualifiedName(binding))) continue;
    const near = sources.all.filter(({ name, namespace }) => name === binding.name || namespace === binding.namespace);
    const known = near.map(qualifiedName).sort(compareText).slice(0, 5).join(', ');
    world.report(
      diagnose(codes.bindingUnknown, {
        origin: binding.origin,
        message: `no workload "${qualifiedName(binding)}"${known === '' ? '' : `; there is ${known}`}`,
        remedy: 'Name a Deployment, StatefulSet, DaemonSet, Pod or WorkloadEntry, or run with --add-missing.',
      }),
    );
  }
}

function reportUnknownPort(
  world: World,
  finding: { source: WorkloadSource; number: number; origin: Origin; known: ReadonlySet<number> },
): void {
  const known = [...finding.known].sort((a, b) => a - b).join(', ');
  world.report(
    diagnose(codes.bindingPortUnknown, {
      origin: finding.origin,
      message: `workload "${qualifiedName(finding.source)}" has no port ${finding.number}${known === '' ? '' : `, only ${known}`}`,
      remedy: 'Give the container port, which is the target port of the Service, or leave the port out.',
    }),
  );
}

import { compareText, qualifiedName } from '../base/index.ts';
import type { ServiceEntry, ServiceEntryEndpoint, ServiceEntryPort, ServicePort } from '../resource/index.ts';
import { localityOfLabels, parseLocality } from './locality.ts';
import type { DestinationModel, PlaceModel } from './model.ts';
import { expandPrincipal } from './policy-match.ts';
import type { EntryHost } from './service-hosts.ts';
import type { ServedWorkloads } from './workloads.ts';
import type { WorkloadSource, WorkloadSources } from './workload-sources.ts';
import type { World } from './world.ts';

interface Input {
  readonly world: World;
  readonly found: EntryHost;
  readonly port: ServicePort;
  readonly sources: WorkloadSources;
  readonly served: ServedWorkloads;
}

/** The places behind a port of a ServiceEntry's host (istio.md 5, ServiceEntry). */
export function resolveEntry(input: Input): DestinationModel {
  const { found, port } = input;
  const { host } = found;
  const known = found.ports.find((one) => one.port.number === port.port);
  const base = { origin: port.origin, places: [], spiffeIds: [] };
  if (known === undefined) return { ...base, service: { namespace: '', name: host, host, port: port.port } };
  const { entry } = known;
  const { metadata, spec } = entry;
  const selected =
    spec.workloadSelector === undefined ? [] : input.sources.withLabels(spec.workloadSelector, metadata.namespace);
  const context = { ...input, entry, port: known.port };
  return {
    ...base,
    service: { namespace: metadata.namespace, name: host, host, port: port.port },
    places: placesOf(context, selected),
    spiffeIds: spiffeIdsOf(input.world, entry, selected),
    ...(spec.location === 'MESH_EXTERNAL' ? { isExternal: true } : {}),
    ...(spec.subjectAltNames.length === 0 ? {} : { subjectAltNames: spec.subjectAltNames }),
  };
}

interface EntryContext extends Omit<Input, 'port'> {
  readonly entry: ServiceEntry;
  readonly port: ServiceEntryPort;
}

function placesOf(context: EntryContext, selected: readonly WorkloadSource[]): readonly PlaceModel[] {
  const { entry, found, port } = context;
  const { resolution, endpoints, workloadSelector } = entry.spec;
  if (resolution === 'NONE' || resolution === 'DYNAMIC_DNS') return placesByChoiceOfClient(context);
  if (workloadSelector !== undefined) return selected.flatMap((source) => placesOfSource(context, source));
  const byName = resolution === 'DNS' || resolution === 'DNS_ROUND_ROBIN';
  const lookup = byName ? { lookup: resolution === 'DNS' ? ('all' as const) : ('first' as const) } : {};
  if (endpoints.length === 0 && byName) {
    return [{ ...placeAt(entry, found.host), port: port.targetPort ?? port.number, ...lookup }];
  }
  return endpoints.flatMap((endpoint) => placeOfEndpoint(context, endpoint, lookup));
}

function placeAt({ origin, metadata }: ServiceEntry, host: string) {
  return { type: 'direct', origin, name: metadata.name, host, weight: 1 } as const;
}

function placeOfEndpoint(
  { entry, port }: EntryContext,
  endpoint: ServiceEntryEndpoint,
  lookup: { readonly lookup?: 'all' | 'first' },
): readonly PlaceModel[] {
  if (endpoint.unsupported.length > 0) return [];
  const { address, ports, labels, weight = 1, locality, origin } = endpoint;
  // Of the service's identity only what the endpoint itself says: its labels and who it presents itself as.
  const takesMutualTls = labels['security.istio.io/tlsMode'] === 'istio';
  return [
    {
      ...placeAt(entry, address.value),
      origin,
      port: ports[port.name] ?? port.targetPort ?? port.number,
      weight,
      labels,
      locality: locality === undefined ? localityOfLabels(labels) : parseLocality(locality),
      ...(takesMutualTls ? { takesMutualTls } : {}),
      ...lookup,
    },
  ];
}

function placesOfSource({ port, served }: EntryContext, source: WorkloadSource): readonly PlaceModel[] {
  const workload = served.get(qualifiedName(source));
  const number = source.entry?.spec.ports[port.name] ?? port.targetPort ?? port.number;
  if (workload === undefined) return [];
  const weight = source.entry?.spec.weight ?? 1;
  const served_ = workload.ports.find((one) => one.number === number);
  if (workload.hasProxy && served_ !== undefined) {
    return [{ type: 'proxied', workload, containerPort: number, weight }];
  }
  const { origin, name, identity, locality } = workload;
  const known = { type: 'direct', origin, name, identity, weight } as const;
  const where = locality === undefined ? {} : { locality };
  return (served_?.addresses ?? []).map((address) => ({ ...known, ...where, ...address }));
}

/**
 * `NONE` and `DYNAMIC_DNS` send a call to where the client had it going. A client of a sidecar here connects to the sidecar,
 * so that the written addresses, or the name that it calls, stand for what its connection would have said.
 */
function placesByChoiceOfClient({ entry, found, port }: EntryContext): readonly PlaceModel[] {
  const number = port.targetPort ?? port.number;
  const single = entry.spec.addresses.filter((address) => !address.includes('/'));
  if (single.length > 0) return single.map((host) => ({ ...placeAt(entry, host), port: number }));
  const lookup = found.host.startsWith('*') ? 'request' : 'all';
  return [{ ...placeAt(entry, found.host), port: number, lookup }];
}

/** The names of the entry where it has some, else the accounts of its workloads and endpoints, in the entry's namespace. */
function spiffeIdsOf(world: World, entry: ServiceEntry, selected: readonly WorkloadSource[]): readonly string[] {
  const { subjectAltNames, endpoints } = entry.spec;
  if (subjectAltNames.length > 0) return [...subjectAltNames].sort(compareText);
  const { trustDomain, trustDomainAliases: aliases = [] } = world.options;
  const accounts = [
    ...selected.map(({ namespace, serviceAccount }) => `${namespace}/sa/${serviceAccount}`),
    ...endpoints.map(({ serviceAccount }) => `${entry.metadata.namespace}/sa/${serviceAccount}`),
  ];
  const principals = [...new Set(accounts)].flatMap((account) =>
    expandPrincipal(`${trustDomain}/ns/${account}`, { trustDomain, aliases }),
  );
  return [...new Set(principals)].map((principal) => `spiffe://${principal}`).sort(compareText);
}

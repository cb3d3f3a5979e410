import { compareText, qualifiedName } from '../base/index.ts';
import type { DestinationRule, Service, ServicePort } from '../resource/index.ts';
import { makeDestinationLookup, type DestinationLookup } from './destinations.ts';
import type { Labels } from './labels.ts';
import type { OutboundHostModel, OutboundModel, OutboundScopeModel, ServiceLinkModel, WorkloadModel } from './model.ts';
import type { WorkloadSources } from './workload-sources.ts';
import type { ServedWorkloads } from './workloads.ts';
import { keyOf, serviceHost, type World } from './world.ts';

/**
 * Where the calls go that workloads make through their own proxies: to every Service of the YAML that something runs
 * behind, as Istio's sidecars know every Service of the cluster. Namespaces without configuration of their own share one
 * scope, so that the cost does not grow with the number of workloads.
 */
export function makeOutbound(
  world: World,
  workloads: { readonly sources: WorkloadSources; readonly served: ServedWorkloads },
): OutboundModel {
  if (world.options.outbound !== true) return noOutbound;
  const { sources, served } = workloads;
  // Nobody has asked for these Services yet, so that what is missing behind them is not an error.
  const destinations = makeDestinationLookup({ ...world, report: () => undefined }, workloads);
  const started = new Set(world.bindings.filter(({ isStarted }) => isStarted === true).map(qualifiedName));
  const linkers = new Set(
    sources.all.filter((source) => source.hasServiceLinks && started.has(qualifiedName(source))).map(qualifiedName),
  );
  const linked = new Set(world.bindings.filter((one) => linkers.has(qualifiedName(one))).map((one) => one.namespace));
  const services = [...world.services.values()].sort((a, b) => compareText(keyOf(a), keyOf(b)));
  const ports = services.flatMap((service) => portsOf(service, destinations));
  // What a process is told of is there, whether anything runs behind it or not.
  const kept = ports.filter(({ host, service }) => {
    return host.destination.places.length > 0 || linked.has(service.metadata.namespace);
  });
  const hosts = kept.map(({ host }) => host);
  const known = new Set(hosts.map(({ host }) => host));
  const scopes = makeScopes(world, { hosts, served });
  return {
    scopes: scopes.all,
    idleHosts: services.map(hostOf).filter((host) => !known.has(host)),
    scopeOf: (workload) => scopes.of.get(keyOfWorkload(workload)),
    linksOf: (workload) => (linkers.has(keyOfWorkload(workload)) ? linksOf(workload, kept) : []),
  };
}

const noOutbound: OutboundModel = {
  scopes: [],
  idleHosts: [],
  scopeOf: () => undefined,
  linksOf: () => [],
};

interface KnownPort {
  readonly service: Service;
  readonly port: ServicePort;
  readonly host: OutboundHostModel;
}

/** What a host without a port means where a Service has several ports, as in any URL. */
const httpPort = 80;

function portsOf(service: Service, destinations: DestinationLookup): readonly KnownPort[] {
  // An ExternalName leads out of the mesh by DNS, which the decoder has reported.
  if (service.spec.unsupported.length > 0) return [];
  const ports = service.spec.ports.filter(({ protocol }) => protocol === 'TCP');
  return ports.map((port) => ({
    service,
    port,
    host: {
      origin: port.origin,
      host: hostOf(service),
      port: port.port,
      isDefaultPort: ports.length === 1 || port.port === httpPort,
      destination: destinations(service, port),
    },
  }));
}

function hostOf({ metadata }: Service): string {
  return serviceHost(metadata).toLowerCase();
}

/** As a kubelet does: the Services of the pod's own namespace that have an address of their own. */
function linksOf({ identity }: WorkloadModel, ports: readonly KnownPort[]): readonly ServiceLinkModel[] {
  return ports
    .filter(({ service }) => service.metadata.namespace === identity.namespace && !service.spec.headless)
    .map(({ port, host }) => ({ origin: port.origin, service: host.destination.service, portName: port.name }));
}

interface Scopes {
  readonly all: readonly OutboundScopeModel[];
  /** By `namespace/name` of the workload. */
  readonly of: ReadonlyMap<string, OutboundScopeModel>;
}

/**
 * Puts workloads together that nothing tells apart: by namespace where a DestinationRule is there, or is exported there,
 * and by labels where one asks for the labels of the client.
 */
function makeScopes(
  world: World,
  { hosts, served }: { readonly hosts: readonly OutboundHostModel[]; readonly served: ServedWorkloads },
): Scopes {
  const rules = world.resources.destinationRules;
  const special = new Set(rules.flatMap(({ metadata, spec }) => [metadata.namespace, ...spec.exportTo]));
  const byLabels = rules.some(readsClientLabels);
  const scopes = new Map<string, OutboundScopeModel>();
  const of = new Map<string, OutboundScopeModel>();
  for (const [key, { name, identity, hasProxy }] of served) {
    if (!hasProxy) continue;
    const namespace = special.has(identity.namespace) ? identity.namespace : '';
    const alike = JSON.stringify([namespace, byLabels ? sorted(identity.labels) : []]);
    const shared = namespace === '' ? 'mesh' : `namespace/${namespace}`;
    const scope = scopes.get(alike) ?? {
      name: byLabels ? `workload/${identity.namespace}/${name}` : shared,
      client: { namespace, labels: identity.labels },
      hosts,
      unknownHosts: 'ALLOW_ANY',
    };
    scopes.set(alike, scope);
    of.set(key, scope);
  }
  return { all: [...scopes.values()], of };
}

function sorted(labels: Labels): readonly (readonly [string, string])[] {
  return Object.entries(labels).sort(([a], [b]) => compareText(a, b));
}

/** A selector reads them, and locality comes from them. */
function readsClientLabels({ spec }: DestinationRule): boolean {
  const policies = [spec.trafficPolicy, ...spec.subsets.map(({ trafficPolicy }) => trafficPolicy)].flatMap((policy) =>
    policy === undefined ? [] : [policy, ...policy.ports],
  );
  return (
    spec.workloadSelector !== undefined ||
    policies.some(
      ({ outlierDetection, loadBalancer }) => outlierDetection !== undefined || loadBalancer?.locality !== undefined,
    )
  );
}

function keyOfWorkload({ name, identity }: WorkloadModel): string {
  return `${identity.namespace}/${name}`;
}

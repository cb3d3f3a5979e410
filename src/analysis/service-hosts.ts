import type { Resources, Service, ServiceEntry, ServiceEntryPort } from '../resource/index.ts';
import { compareObjects } from './age.ts';

/** One host of a ServiceEntry, with the ports that entries of its namespace give it. */
export interface EntryHost {
  readonly host: string;
  readonly ports: readonly { readonly port: ServiceEntryPort; readonly entry: ServiceEntry }[];
}

/** What the mesh knows by name: Services of Kubernetes, and hosts of ServiceEntries in the same form. */
export interface ServiceHosts {
  /** By full host name, lower case: the Service, else the oldest ServiceEntry, one that all namespaces see first. */
  readonly byHost: ReadonlyMap<string, Service>;
  /** What stands behind those Services that are hosts of ServiceEntries. */
  readonly entries: ReadonlyMap<Service, EntryHost>;
  /** All that have a host, one for each namespace; more than one only where ServiceEntries repeat a host. */
  readonly candidates: ReadonlyMap<string, readonly Service[]>;
}

export function indexServiceHosts(
  resources: Pick<Resources, 'services' | 'serviceEntries'>,
  hostOf: (service: Service['metadata']) => string,
): ServiceHosts {
  const entries = new Map<Service, EntryHost>();
  const candidates = new Map<string, readonly Service[]>(
    resources.services.map((service) => [hostOf(service.metadata).toLowerCase(), [service]]),
  );
  for (const [host, ofHost] of entriesByHost(resources.serviceEntries)) {
    const known = candidates.get(host) ?? [];
    const namespaces = [...new Set(ofHost.map(({ metadata }) => metadata.namespace))];
    const services = namespaces.map((namespace) => {
      const own = ofHost.filter(({ metadata }) => metadata.namespace === namespace);
      const found = { host, ports: mergePorts(own) };
      const service = asService(own[0] as ServiceEntry, found);
      entries.set(service, found);
      return service;
    });
    candidates.set(host, [...known, ...services]);
  }
  const best = (services: readonly Service[]): Service =>
    (services.find((service) => !entries.has(service)) ??
      services.find((service) => exportsOf(service, entries.get(service)).includes('*')) ??
      services[0]) as Service;
  return { byHost: new Map([...candidates].map(([host, services]) => [host, best(services)])), entries, candidates };
}

/**
 * The one of several candidates that a namespace calls: the Service of Kubernetes, else a ServiceEntry of its own, else the
 * oldest that it sees (pilot/pkg/model/sidecar.go).
 */
export function pickService(
  { candidates, entries }: ServiceHosts,
  called: { readonly host: string; readonly namespace: string },
): Service | undefined {
  const all = candidates.get(called.host) ?? [];
  const visible = all.filter((service) => {
    const exported = exportsOf(service, entries.get(service));
    return exported.includes('*') || exported.includes(called.namespace);
  });
  const [first] = visible;
  if (first !== undefined && !entries.has(first)) return first;
  return visible.find(({ metadata }) => metadata.namespace === called.namespace) ?? first;
}

/** Istio's annotation of Services. */
const exportAnnotation = 'networking.istio.io/exportTo';

/** The namespaces whose workloads see a host; `*` for all. */
export function exportsOf({ metadata }: Service, found: EntryHost | undefined): readonly string[] {
  if (found !== undefined) return found.ports.flatMap(({ entry: { spec } }) => spec.exportTo);
  const written = metadata.annotations[exportAnnotation];
  if (written === undefined || written.trim() === '') return ['*'];
  const targets = written.split(',').map((target) => target.trim());
  return targets.map((target) => (target === '.' ? metadata.namespace : target));
}

/** Oldest first. */
function entriesByHost(all: readonly ServiceEntry[]): ReadonlyMap<string, readonly ServiceEntry[]> {
  const byHost = new Map<string, ServiceEntry[]>();
  for (const entry of [...all].sort(compareObjects)) {
    for (const host of new Set(entry.spec.hosts.map(({ value }) => value.replace(/\.$/, '')))) {
      const entries = byHost.get(host);
      if (entries === undefined) byHost.set(host, [entry]);
      else entries.push(entry);
    }
  }
  return byHost;
}

/** Of equal ports the oldest entry's. */
function mergePorts(entries: readonly ServiceEntry[]): EntryHost['ports'] {
  const ports = new Map<number, EntryHost['ports'][number]>();
  for (const entry of entries)
    for (const port of entry.spec.ports) if (!ports.has(port.number)) ports.set(port.number, { port, entry });
  return [...ports.values()];
}

/** The form that everything which looks Services up can work with. Istio, too, names such a service by its host. */
function asService(entry: ServiceEntry, { host, ports }: EntryHost): Service {
  return {
    origin: entry.origin,
    apiVersion: entry.apiVersion,
    metadata: { ...entry.metadata, name: host },
    spec: {
      type: 'ClusterIP',
      headless: true,
      selector: {},
      ports: ports.map(({ port }) => ({
        origin: port.origin,
        name: port.name,
        port: port.number,
        targetPort: port.targetPort ?? port.number,
        protocol: port.protocol === 'UDP' ? 'UDP' : 'TCP',
        appProtocol: port.protocol.toLowerCase(),
      })),
    },
  };
}

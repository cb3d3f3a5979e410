import type { Diagnostic } from '../base/index.ts';
import type { EndpointSlice, Gateway, ReferenceGrant, Resources, SecretObject, Service } from '../resource/index.ts';
import { indexServiceHosts, type ServiceHosts } from './service-hosts.ts';
import type { CompileOptions, FetchedKeySets, WorkloadBinding } from './options.ts';

/** The resources of one run with the indexes that keep lookups cheap, and the place where findings are collected. */
export interface World {
  readonly resources: Resources;
  readonly bindings: readonly WorkloadBinding[];
  readonly options: CompileOptions;
  /** Key sets that have been fetched. */
  readonly jwks?: FetchedKeySets;
  /** Keys of the maps below: `namespace/name`. */
  readonly gateways: ReadonlyMap<string, Gateway>;
  readonly services: ReadonlyMap<string, Service>;
  /** Services and hosts of ServiceEntries. */
  readonly hosts: ServiceHosts;
  readonly secrets: ReadonlyMap<string, SecretObject>;
  /** By the Service they belong to. */
  readonly slices: ReadonlyMap<string, readonly EndpointSlice[]>;
  /** By the namespace they open. */
  readonly grants: ReadonlyMap<string, readonly ReferenceGrant[]>;
  readonly namespaceLabels: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly relayed: RelayedKeys;
  readonly report: (finding: Diagnostic) => void;
}

/** What routes lead to: full host names, with a port where the route names one. */
export interface RelayedKeys {
  /** By routes of connections. */
  readonly connections: ReadonlySet<string>;
  /** By routes of requests. */
  readonly requests: ReadonlySet<string>;
}

export const noRelayedKeys: RelayedKeys = { connections: new Set(), requests: new Set() };

export interface WorldInput {
  readonly resources: Resources;
  readonly bindings: readonly WorkloadBinding[];
  readonly options: CompileOptions;
  /** By url; one that is not there has not been fetched yet. Default: none has. */
  readonly jwks?: FetchedKeySets;
}

export function makeWorld(input: WorldInput, report: (finding: Diagnostic) => void): World {
  const { resources } = input;
  return {
    ...input,
    gateways: byName(resources.gateways),
    services: byName(resources.services),
    hosts: indexServiceHosts(resources, serviceHost),
    secrets: byName(resources.secrets),
    slices: groupBy(resources.endpointSlices, (slice) => `${slice.metadata.namespace}/${slice.serviceName}`),
    grants: groupBy(resources.referenceGrants, (grant) => grant.metadata.namespace),
    namespaceLabels: new Map(resources.namespaces.map(({ metadata }) => [metadata.name, metadata.labels])),
    relayed: noRelayedKeys,
    report,
  };
}

interface Named {
  readonly metadata: { readonly namespace: string; readonly name: string };
}

/** `namespace/name` of a resource. */
export function keyOf({ metadata }: Named): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** The names of objects of one namespace. */
export function namesIn(objects: readonly Named[], namespace: string): readonly string[] {
  return objects.filter(({ metadata }) => metadata.namespace === namespace).map(({ metadata }) => metadata.name);
}

function byName<T extends Named>(objects: readonly T[]): ReadonlyMap<string, T> {
  return new Map(objects.map((object) => [keyOf(object), object]));
}

/** Lists by key, in the order of the input. */
export function groupBy<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return groups;
}

/** The DNS suffix of Services; fixed in Kubernetes as almost everyone runs it, and unrelated to the trust domain. */
const serviceDomain = 'svc.cluster.local';

/** The full host name of a Service. */
export function serviceHost(service: { readonly namespace: string; readonly name: string }): string {
  return `${service.name}.${service.namespace}.${serviceDomain}`;
}

/** A name without a dot is of the own namespace; anything else is taken as it is, `name.namespace` too. */
export function fullHostName(host: string, namespace: string): string {
  return host === '*' || host.includes('.') ? host : serviceHost({ namespace, name: host });
}

/** The full host name of a Service, or the host of a ServiceEntry, lower case. */
export function hostOfService(world: World, service: Service): string {
  return world.hosts.entries.get(service)?.host ?? serviceHost(service.metadata).toLowerCase();
}

/** A namespace's labels; one without an object has the label that every cluster gives it. */
export function labelsOfNamespace(world: World, namespace: string): Readonly<Record<string, string>> {
  return world.namespaceLabels.get(namespace) ?? { 'kubernetes.io/metadata.name': namespace };
}

/** True when an object of this kind was written, but has an error that keeps it out. */
export function isRejected(
  world: World,
  wanted: { readonly kind: string; readonly namespace: string; readonly name: string },
): boolean {
  return world.resources.rejected.some(
    ({ origin }) => origin.kind === wanted.kind && origin.namespace === wanted.namespace && origin.name === wanted.name,
  );
}

import { compareText } from '../base/index.ts';
import type {
  DestinationRule,
  PortTrafficPolicy,
  Sidecar,
  VirtualByteMatch,
  VirtualMatch,
  VirtualService,
} from '../resource/index.ts';
import type { Labels } from './labels.ts';
import type { ClientModel, OutboundScopeModel } from './model.ts';
import { exportsOfRule } from './destination-rules.ts';
import { exportsOf } from './service-hosts.ts';
import { sidecarFor, sidecarKey } from './sidecars.ts';
import type { ServedWorkloads } from './workloads.ts';
import type { World } from './world.ts';

export interface Scopes {
  readonly all: readonly OutboundScopeModel[];
  /** By `namespace/name` of the workload. */
  readonly of: ReadonlyMap<string, OutboundScopeModel>;
}

type PortPolicy = Pick<PortTrafficPolicy, 'tls' | 'outlierDetection' | 'loadBalancer'>;

/** What a scope holds, for a client that stands for all in it, and with their Sidecar. */
export type ScopeContent = (
  client: ClientModel,
  sidecar: Sidecar | undefined,
) => Omit<OutboundScopeModel, 'name' | 'client'>;

/**
 * Puts workloads together that nothing tells apart: by namespace where something is configured for it alone, by their
 * Sidecar, and by labels where something asks for the labels of the client.
 */
export function makeScopes(
  world: World,
  input: {
    readonly served: ServedWorkloads;
    /** Namespaces with routes on Services. */
    readonly routed: ReadonlySet<string>;
    readonly contentFor: ScopeContent;
  },
): Scopes {
  const { served, routed, contentFor } = input;
  const special = specialNamespaces(world);
  const byLabels = asksForLabels(world);
  const byMounts = world.resources.destinationRules.some(readsFiles);
  const scopes = new Map<string, OutboundScopeModel>();
  const of = new Map<string, OutboundScopeModel>();
  for (const [key, { name, identity, hasProxy }] of served) {
    if (!hasProxy) continue;
    const sidecar = sidecarFor(world, identity);
    const isSpecial = special.has(identity.namespace) || routed.has(identity.namespace) || sidecar !== undefined;
    const namespace = isSpecial ? identity.namespace : '';
    const mounts = byMounts ? (identity.mounts ?? []) : [];
    const alike = JSON.stringify([namespace, byLabels ? sorted(identity.labels) : [], sidecarKey(sidecar), mounts]);
    const known = scopes.get(alike);
    const client = { namespace, labels: identity.labels, ...(mounts.length === 0 ? {} : { mounts }) };
    const scope = known ?? {
      name: byLabels || mounts.length > 0 ? `workload/${identity.namespace}/${name}` : nameOf(namespace, sidecar),
      client,
      ...contentFor(client, sidecar),
    };
    scopes.set(alike, scope);
    of.set(key, scope);
  }
  return { all: [...scopes.values()], of };
}

function nameOf(namespace: string, sidecar: Sidecar | undefined): string {
  if (sidecar !== undefined) return `sidecar/${namespace}/${sidecarKey(sidecar)}`;
  return namespace === '' ? 'mesh' : `namespace/${namespace}`;
}

/** Namespaces whose workloads may see something that others do not: they have it, or it is exported to them by name. */
function specialNamespaces({ resources, hosts }: World): ReadonlySet<string> {
  const { destinationRules, virtualServices } = resources;
  return new Set([
    ...destinationRules.flatMap((rule) => [rule.metadata.namespace, ...exportsOfRule(rule)]),
    ...[...hosts.candidates.values()].flat().flatMap((service) => exportsOf(service, hosts.entries.get(service))),
    ...[...hosts.candidates.values()]
      .filter((services) => services.length > 1)
      .flatMap((services) => services.map(({ metadata }) => metadata.namespace)),
    ...virtualServices.flatMap(({ spec }) => [
      ...spec.exportTo,
      ...matchesOf(spec).flatMap(({ sourceNamespace }) => sourceNamespace ?? []),
    ]),
  ]);
}

function asksForLabels({ resources }: World): boolean {
  return (
    resources.destinationRules.some(readsClientLabels) ||
    resources.virtualServices.some(({ spec }) =>
      matchesOf(spec).some(({ sourceLabels }) => Object.keys(sourceLabels).length > 0),
    )
  );
}

function matchesOf({ http, tls, tcp }: VirtualService['spec']): readonly (VirtualMatch | VirtualByteMatch)[] {
  return [...http, ...tls, ...tcp].flatMap<VirtualMatch | VirtualByteMatch>(({ matches }) => matches);
}

function sorted(labels: Labels): readonly (readonly [string, string])[] {
  return Object.entries(labels).sort(([a], [b]) => compareText(a, b));
}

function policiesOf({ spec }: DestinationRule): readonly PortPolicy[] {
  return [spec.trafficPolicy, ...spec.subsets.map(({ trafficPolicy }) => trafficPolicy)].flatMap((policy) =>
    policy === undefined ? [] : [policy, ...policy.ports],
  );
}

/** Paths mean what the client's own pod has there. */
function readsFiles(rule: DestinationRule): boolean {
  return policiesOf(rule).some(({ tls }) => (tls?.clientCertificateFile ?? tls?.caFile) !== undefined);
}

/** A selector reads them, and locality comes from them. */
function readsClientLabels(rule: DestinationRule): boolean {
  return (
    rule.spec.workloadSelector !== undefined ||
    policiesOf(rule).some(
      ({ outlierDetection, loadBalancer }) => outlierDetection !== undefined || loadBalancer?.locality !== undefined,
    )
  );
}

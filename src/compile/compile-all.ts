import { compareText } from '../base/index.ts';
import { analyze, distinct, supplyMissing, type Analysis, type Identity, type Supplied } from '../analysis/index.ts';
import {
  emptyListing,
  listById,
  listingsOf,
  nextListing,
  planOf,
  sameData,
  shareListing,
  type Listing,
  type Plan,
  type PlanListings,
  type PlanSecrets,
  type Route,
  type VirtualHost,
  type WorkloadLabels,
} from '../plan/index.ts';
import { decodeAll, type Resources } from '../resource/index.ts';
import { gatewayBinds, type Binds } from './binds.ts';
import { lowerGateway } from './gateway.ts';
import { lowerHosts, type HostsChange } from './hosts.ts';
import { certificateId } from './ids.ts';
import { commonLabels, spiffeIdOf, workloadLabels } from './labels.ts';
import { lowerOutboundPorts, lowerOutboundScope } from './outbound.ts';
import type { PlanPart } from './plan-part.ts';
import { lowerSidecar } from './sidecar.ts';
import type { CompileMemory, CompileResult, LoweringContext, Readiness, Snapshot, WorkloadHealth } from './snapshot.ts';

/**
 * From manifests to plan: decode, supply what is missing if asked to, analyze, lower. Pure: the same snapshot gives the
 * same bytes. Never throws for anything that is in a manifest; what cannot be served is left out or fails closed, and is
 * among the diagnostics.
 *
 * `before`: of an earlier compilation of whatever snapshot. The result is the same, sooner.
 */
export function compileAll(snapshot: Snapshot, before?: CompileMemory): CompileResult {
  const { documents, bindings, placements, resolved = {}, readiness, options, jwks = {} } = snapshot;
  const written = decodeAll(documents, before?.written);
  const supplied = supplyMissing({ resources: written.resources, bindings, options });
  const added = decodeAdded(supplied, before);
  const resources = withAdded(written.resources, added);
  const analysis = analyze({ resources, bindings, options, jwks }, before?.routes);
  const binds = gatewayBinds(analysis.gateways, options);
  const health = healthOf(analysis);
  const unready = unreadyOf(health, readiness);
  const context = { options, placements, resolved, unready, names: new Set<string>() };
  const parts = lowerAll(analysis, context, binds);
  const hosts = lowerHosts(analysis.gateways, before?.listeners ?? new Map());
  const { plan, others } = join(parts, { analysis, context, hosts, before });
  return {
    plan,
    secrets: secretsOf(analysis, parts),
    get status() {
      return analysis.status;
    },
    diagnostics: distinct([
      ...written.diagnostics,
      ...supplied.diagnostics,
      ...analysis.diagnostics,
      ...binds.diagnostics,
    ]),
    remoteKeys: analysis.remoteKeys,
    names: [...context.names].sort(compareText),
    health,
    added: supplied.added,
    memory: {
      written,
      routes: analysis.memory,
      added: supplied.added,
      supplied: added,
      listeners: hosts.listeners,
      others,
      plan,
    },
  };
}

function healthOf({ workloads }: Analysis): readonly WorkloadHealth[] {
  return workloads.map(({ identity, name, health = [] }) => ({
    workload: `${identity.namespace}/${name}`,
    containers: health,
  }));
}

function unreadyOf(health: readonly WorkloadHealth[], readiness: Readiness | undefined): ReadonlySet<string> {
  if (readiness === undefined) return new Set();
  return new Set(
    health.flatMap(({ workload, containers }) =>
      containers.length === 0 || readiness[workload] === true ? [] : [workload],
    ),
  );
}

/** What is supplied again as it was is the very same, as what is written again is. */
function decodeAdded({ added, documents }: Supplied, before: CompileMemory | undefined): Resources {
  return before !== undefined && sameData(before.added, added) ? before.supplied : decodeAll(documents).resources;
}

/** The kinds that are ever supplied. */
function withAdded(written: Resources, added: Resources): Resources {
  return {
    ...written,
    gateways: joined(written.gateways, added.gateways),
    namespaces: joined(written.namespaces, added.namespaces),
    services: joined(written.services, added.services),
    deployments: joined(written.deployments, added.deployments),
    peerAuthentications: joined(written.peerAuthentications, added.peerAuthentications),
  };
}

/** Where nothing is added, the very list: it is known to be the same as before. */
function joined<T>(written: readonly T[], added: readonly T[]): readonly T[] {
  return added.length === 0 ? written : [...written, ...added];
}

function lowerAll(analysis: Analysis, context: LoweringContext, { bindPort }: Binds): readonly PlanPart[] {
  const { trafficPolicy, outbound } = analysis;
  const sidecars = analysis.workloads.filter(({ hasProxy }) => hasProxy);
  return [
    ...analysis.gateways.map((gateway) => lowerGateway(gateway, { context, trafficPolicy, bindPort })),
    ...sidecars.map((workload) => lowerSidecar(workload, { context, trafficPolicy, outbound })),
    ...outbound.scopes.map((scope) => lowerOutboundScope(scope, { context, trafficPolicy })),
    ...sidecars.map((workload) => lowerOutboundPorts(workload, outbound)),
  ];
}

/** Elements that did not change are the very ones of the plan before. */
function join(
  parts: readonly PlanPart[],
  of: {
    readonly analysis: Analysis;
    readonly context: LoweringContext;
    readonly hosts: HostsChange;
    readonly before: CompileMemory | undefined;
  },
): Pick<CompileMemory, 'plan' | 'others'> {
  const { analysis, context, hosts } = of;
  const { trustDomain, trustDomainAliases = [] } = context.options;
  const mesh = {
    trustDomain,
    trustDomainAliases,
    ...(analysis.outbound.idleHosts.length === 0 ? {} : { idleHosts: analysis.outbound.idleHosts }),
  };
  const before = of.before === undefined ? undefined : listingsOf(of.before.plan);
  const share = <K extends Exclude<keyof PlanListings, 'peers'>>(
    name: K,
    elements: readonly Plan[K][string][],
  ): Listing<Plan[K][string]> => shareListing<Plan[K][string]>(before?.[name] ?? emptyListing, listById(elements));
  const others = othersOf(parts, hosts);
  return {
    others,
    plan: planOf(mesh, {
      proxies: share(
        'proxies',
        parts.flatMap(({ proxies }) => proxies),
      ),
      ports: share(
        'ports',
        parts.flatMap(({ ports }) => ports),
      ),
      listeners: share(
        'listeners',
        parts.flatMap(({ listeners }) => listeners),
      ),
      virtualHosts: nextListing<VirtualHost>(before?.virtualHosts ?? emptyListing, {
        set: listById([...hosts.added.map(({ virtualHost }) => virtualHost), ...others.virtualHosts]),
        removed: [
          ...hosts.removed.map(({ virtualHost }) => virtualHost),
          ...(of.before?.others.virtualHosts ?? []),
        ].map(({ id }) => id),
      }),
      routes: nextListing<Route>(before?.routes ?? emptyListing, {
        set: listById([...hosts.added.flatMap(({ routes }) => routes), ...others.routes]),
        removed: [...hosts.removed.flatMap(({ routes }) => routes), ...(of.before?.others.routes ?? [])].map(
          ({ id }) => id,
        ),
      }),
      clusters: share(
        'clusters',
        parts.flatMap(({ clusters }) => clusters),
      ),
      endpoints: share(
        'endpoints',
        parts.flatMap(({ endpoints }) => endpoints),
      ),
      policies: share(
        'policies',
        parts.flatMap(({ policies }) => policies),
      ),
      requestAuthentications: share(
        'requestAuthentications',
        parts.flatMap(({ requestAuthentications }) => requestAuthentications),
      ),
      certificates: share(
        'certificates',
        parts.flatMap(({ certificates }) => certificates),
      ),
      peers: shareListing(before?.peers ?? emptyListing, peersOf(analysis, context)),
    }),
  };
}

/** Virtual hosts and routes that are worked out each time. */
function othersOf(parts: readonly PlanPart[], { others }: HostsChange): CompileMemory['others'] {
  return {
    virtualHosts: [
      ...others.map(({ virtualHost }) => virtualHost),
      ...parts.flatMap(({ virtualHosts }) => virtualHosts),
    ],
    routes: [...others.flatMap(({ routes }) => routes), ...parts.flatMap(({ routes }) => routes)],
  };
}

/** Who is behind each SPIFFE id. */
function peersOf({ gateways, workloads }: Analysis, { options }: LoweringContext): Listing<WorkloadLabels> {
  const identities: readonly Identity[] = [...gateways, ...workloads].map(({ identity }) => identity);
  const peers = new Map<string, WorkloadLabels>();
  for (const identity of identities) {
    const id = spiffeIdOf(identity, options);
    const labels = workloadLabels(identity, options);
    const present = peers.get(id);
    peers.set(id, present === undefined ? labels : commonLabels(present, labels));
  }
  const ids = [...peers.keys()].sort(compareText);
  return { ids, elements: ids.map((id) => peers.get(id) as WorkloadLabels) };
}

function secretsOf({ gateways }: Analysis, parts: readonly PlanPart[]): PlanSecrets {
  const certificates = gateways.flatMap(({ listeners }) => listeners.flatMap((listener) => listener.certificates));
  return new Map([
    ...certificates.map((certificate) => [certificateId(certificate), certificate.key] as const),
    ...parts.flatMap(({ secrets = [] }) => secrets),
  ]);
}

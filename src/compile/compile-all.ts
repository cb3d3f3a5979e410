import { compareText } from '../base/index.ts';
import { analyze, distinct, supplyMissing, type Analysis, type Identity, type Supplied } from '../analysis/index.ts';
import { byId, sameData, sharePlan, type Plan, type PlanSecrets, type WorkloadLabels } from '../plan/index.ts';
import { decodeAll, type Resources } from '../resource/index.ts';
import { gatewayBinds, type Binds } from './binds.ts';
import { lowerGateway } from './gateway.ts';
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
  const written = decodeAll(documents);
  const supplied = supplyMissing({ resources: written.resources, bindings, options });
  const added = decodeAdded(supplied, before);
  const resources = withAdded(written.resources, added);
  const analysis = analyze({ resources, bindings, options, jwks }, before?.routes);
  const binds = gatewayBinds(analysis.gateways, options);
  const health = healthOf(analysis);
  const unready = unreadyOf(health, readiness);
  const context = { options, placements, resolved, unready, names: new Set<string>() };
  const parts = lowerAll(analysis, context, binds);
  const joined = join(parts, analysis, context);
  const plan = before === undefined ? joined : sharePlan(before.plan, joined);
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
    memory: { routes: analysis.memory, added: supplied.added, supplied: added, plan },
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
    gateways: [...written.gateways, ...added.gateways],
    namespaces: [...written.namespaces, ...added.namespaces],
    services: [...written.services, ...added.services],
    deployments: [...written.deployments, ...added.deployments],
    peerAuthentications: [...written.peerAuthentications, ...added.peerAuthentications],
  };
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

function join(parts: readonly PlanPart[], analysis: Analysis, context: LoweringContext): Plan {
  const { trustDomain, trustDomainAliases = [] } = context.options;
  return {
    mesh: {
      trustDomain,
      trustDomainAliases,
      ...(analysis.outbound.idleHosts.length === 0 ? {} : { idleHosts: analysis.outbound.idleHosts }),
    },
    proxies: byId(parts.flatMap(({ proxies }) => proxies)),
    ports: byId(parts.flatMap(({ ports }) => ports)),
    listeners: byId(parts.flatMap(({ listeners }) => listeners)),
    virtualHosts: byId(parts.flatMap(({ virtualHosts }) => virtualHosts)),
    routes: byId(parts.flatMap(({ routes }) => routes)),
    clusters: byId(parts.flatMap(({ clusters }) => clusters)),
    endpoints: byId(parts.flatMap(({ endpoints }) => endpoints)),
    policies: byId(parts.flatMap(({ policies }) => policies)),
    requestAuthentications: byId(parts.flatMap(({ requestAuthentications }) => requestAuthentications)),
    certificates: byId(parts.flatMap(({ certificates }) => certificates)),
    peers: peersOf(analysis, context),
  };
}

/** Who is behind each SPIFFE id. */
function peersOf({ gateways, workloads }: Analysis, { options }: LoweringContext): Record<string, WorkloadLabels> {
  const identities: readonly Identity[] = [...gateways, ...workloads].map(({ identity }) => identity);
  const peers = new Map<string, WorkloadLabels>();
  for (const identity of identities) {
    const id = spiffeIdOf(identity, options);
    const labels = workloadLabels(identity, options);
    const present = peers.get(id);
    peers.set(id, present === undefined ? labels : commonLabels(present, labels));
  }
  return Object.fromEntries([...peers].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function secretsOf({ gateways }: Analysis, parts: readonly PlanPart[]): PlanSecrets {
  const certificates = gateways.flatMap(({ listeners }) => listeners.flatMap((listener) => listener.certificates));
  return new Map([
    ...certificates.map((certificate) => [certificateId(certificate), certificate.key] as const),
    ...parts.flatMap(({ secrets = [] }) => secrets),
  ]);
}

import { compareDiagnostics, diagnose, qualifiedName, type Diagnostic } from '../base/index.ts';
import { findAdmissionFaults, type Approach } from './admission-findings.ts';
import { checkBackendTls } from './backend-tls.ts';
import { backendTlsStatus } from './backend-tls-status.ts';
import { codes } from './codes.ts';
import { makeStatus } from './conditions.ts';
import { findConnectionPolicies } from './connection-policies.ts';
import { makeTrafficPolicyLookup } from './destination-rules.ts';
import type { ServedGateway } from './gateways.ts';
import { factsOfListener, sortDestinations } from './host-facts.ts';
import type { IstioGatewayProxy } from './istio-gateway-proxies.ts';
import { serveIstioGateways } from './istio-gateways.ts';
import type { CheckedListener } from './listeners.ts';
import type { Analysis, DestinationModel, GatewayModel, ListenerModel } from './model.ts';
import { findMeshConflicts } from './mesh-conflicts.ts';
import { makeMeshRoutes } from './mesh-routes.ts';
import { findMtlsFaults, type Hop } from './mtls-findings.ts';
import { makeOutbound } from './outbound.ts';
import { checkPolicies, makePolicyLookup, type PolicyLookup } from './policies.ts';
import { findPolicyFaults, findScopeFaults, type Population } from './policy-findings.ts';
import { findAuthenticationFaults, findClaimRoutes } from './authentication-findings.ts';
import {
  checkRequestAuthentications,
  makeAuthenticationLookup,
  remoteKeySources,
  type AuthenticationLookup,
} from './request-authentications.ts';
import { analyzeRoutes, type RouteMemory } from './route-memory.ts';
import { makeTelemetryLookup, telemetryPart, type TelemetryLookup } from './telemetry.ts';
import { findSubsetFaults } from './subset-findings.ts';
import { wholeWorld } from './surroundings.ts';
import { trustedProxiesOf } from './trusted-proxies.ts';
import { noHosts, type HostsByListener, type ListenerHosts } from './virtual-hosts.ts';
import { findVirtualFaults } from './virtual-findings.ts';
import { makeVirtualServices } from './virtual-services.ts';
import type { WorkloadSources } from './workload-sources.ts';
import { targetPortOf, type ServedWorkloads } from './workloads.ts';
import { keyOf, type World, type WorldInput } from './world.ts';

/**
 * Works out what the resources mean together. Pure; problems are in the result, sorted, each once. `before`: what an earlier
 * analysis remembers; it saves work, and changes nothing.
 */
export function analyze(input: WorldInput, before?: RouteMemory): Analysis & { readonly memory: RouteMemory } {
  const findings: Diagnostic[] = [];
  const report = (finding: Diagnostic): void => void findings.push(finding);
  const routing = analyzeRoutes(input, { before, report });
  const world = wholeWorld(routing.surroundings, input, report);
  const { sources, served, destinations, orphans } = routing.surroundings;
  const routes = routing.routes.all;
  const backendTls = checkBackendTls(world);
  const trafficPolicy = makeTrafficPolicyLookup(world, backendTls.find);
  const checkedPolicies = checkPolicies(world);
  const policiesOf = makePolicyLookup(world, checkedPolicies);
  const checkedAuthentications = checkRequestAuthentications(world);
  const authenticationsOf = makeAuthenticationLookup(world, checkedAuthentications);
  const telemetryOf = makeTelemetryLookup(world);
  const virtualServices = makeVirtualServices(world, destinations);
  const lookups = { policiesOf, authenticationsOf, telemetryOf };
  const istio = serveIstioGateways(world, { sources, served, virtualServices, destinations, ...lookups });
  findVirtualFaults(world, { virtualServices, proxies: istio.proxies });
  const meshRoutes = makeMeshRoutes(world, routing.routes.onServices);
  findMeshConflicts(world, { virtualServices, groups: meshRoutes.groups });
  const gateways = [
    ...routing.surroundings.gateways.map((gateway) =>
      gatewayModel(gateway, {
        ...lookups,
        hosts: routing.hosts,
        trustedProxies: trustedProxiesOf(world, gateway.source),
      }),
    ),
    ...istio.gateways,
  ];
  const population = populationOf({ world, gateways, sources });
  findPolicyFaults(world, checkedPolicies, population);
  for (const telemetry of world.resources.telemetries) findScopeFaults(world, telemetry, population);
  findAuthenticationFaults(world, { authentications: checkedAuthentications, policies: checkedPolicies, population });
  findClaimRoutes(world, gateways);
  // Who passes bytes of others on is not who calls.
  const approaches = gateways.flatMap((gateway) =>
    destinationsOf(gateway)
      .filter(({ passedThrough }) => passedThrough !== true)
      .map((destination) => ({ gateway, destination })),
  );
  const hops = hopsOf(approaches, trafficPolicy);
  findMtlsFaults(world, hops);
  findSubsetFaults(world, hops);
  findAdmissionFaults(world, approaches, ({ identity }) => policiesOf({ identity }));
  const workloads = [...served.values()].map((workload) => ({
    ...workload,
    policies: policiesOf({ identity: workload.identity }),
    requestAuthentications: authenticationsOf({ identity: workload.identity }),
    ...telemetryPart(telemetryOf({ identity: workload.identity })),
  }));
  findConnectionPolicies(world, { gateways, workloads });
  reportIdle(world, sources, { served, gateways: istio.proxies, reported: [...findings] });
  return {
    gateways,
    workloads,
    trafficPolicy,
    outbound: makeOutbound(world, { sources, served, virtualServices, destinations, meshRoutes }),
    remoteKeys: remoteKeySources(checkedAuthentications),
    diagnostics: distinct(findings),
    // Hardly ever looked at, and as large as the plan.
    get status() {
      return [
        ...makeStatus(world, { gateways: routing.surroundings.gateways, orphans, routes }),
        ...backendTlsStatus(world, backendTls, approaches),
      ];
    },
    memory: routing,
  };
}

function gatewayModel(
  { source, identity, listeners, place }: ServedGateway,
  found: {
    readonly policiesOf: PolicyLookup;
    readonly authenticationsOf: AuthenticationLookup;
    readonly telemetryOf: TelemetryLookup;
    readonly hosts: HostsByListener;
    readonly trustedProxies: number;
  },
): GatewayModel {
  const { name } = source.metadata;
  return {
    origin: source.origin,
    name,
    identity,
    ...(place.bindHost === undefined ? {} : { bindHost: place.bindHost }),
    listeners: listeners
      .filter(({ isServed }) => isServed)
      .map((listener) => listenerModel(listener, found.hosts.get(listener) ?? noHosts)),
    policies: found.policiesOf({ identity, gatewayName: name }),
    requestAuthentications: found.authenticationsOf({ identity, gatewayName: name }),
    ...telemetryPart(found.telemetryOf({ identity, gatewayName: name })),
    ...(found.trustedProxies === 0 ? {} : { trustedProxies: found.trustedProxies }),
  };
}

function listenerModel(listener: CheckedListener, { models, kept }: ListenerHosts): ListenerModel {
  const { source, owner, hostname, certificates, clientValidation, relay } = listener;
  return {
    origin: source.origin,
    name: source.name,
    port: source.port,
    // Others are not served.
    protocol: source.protocol.value as ListenerModel['protocol'],
    hostname,
    certificates,
    ...(clientValidation === undefined ? {} : { clientValidation }),
    ...(relay === undefined ? {} : { relay }),
    ...(owner.kind === 'Gateway' ? {} : { set: keyOf(owner.source) }),
    virtualHosts: models,
    kept,
  };
}

/** The destinations that a gateway's routes lead to, each once. */
export function destinationsOf(gateway: GatewayModel): readonly DestinationModel[] {
  const known = destinationsBefore.get(gateway);
  if (known !== undefined) return known;
  const destinations = sortDestinations(
    new Set(gateway.listeners.flatMap((listener) => factsOfListener(listener).destinations)),
  );
  destinationsBefore.set(gateway, destinations);
  return destinations;
}

/** Whoever lowers the gateway asks again. */
const destinationsBefore = new WeakMap<GatewayModel, readonly DestinationModel[]>();

function hopsOf(approaches: readonly Approach[], trafficPolicy: Analysis['trafficPolicy']): readonly Hop[] {
  return approaches.map(({ gateway, destination }) => ({
    gateway: `${gateway.identity.namespace}/${gateway.name}`,
    destination,
    policy: trafficPolicy(gateway.identity, destination),
  }));
}

function populationOf(input: {
  readonly world: World;
  readonly gateways: readonly GatewayModel[];
  readonly sources: WorkloadSources;
}): Population {
  const { world, gateways, sources } = input;
  const ports = new Map<string, { service: number; target: number }[]>();
  for (const service of world.resources.services) {
    for (const source of sources.selectedBy(service)) {
      const mapped = service.spec.ports.flatMap((port) => {
        const target = targetPortOf(source, port);
        return target === undefined ? [] : [{ service: port.port, target }];
      });
      ports.set(qualifiedName(source), [...(ports.get(qualifiedName(source)) ?? []), ...mapped]);
    }
  }
  return { gateways, workloads: sources, portsOf: (workload) => ports.get(qualifiedName(workload)) ?? [] };
}

/** Workloads of the YAML that do not run; those behind a route have been reported as errors already. */
function reportIdle(
  world: World,
  sources: WorkloadSources,
  idle: {
    readonly served: ServedWorkloads;
    readonly gateways: readonly IstioGatewayProxy[];
    readonly reported: readonly Diagnostic[];
  },
): void {
  const missed = new Set(
    idle.reported.filter(({ code }) => code === codes.workloadWithoutAddress.code).map(({ origin }) => origin),
  );
  const gateways = new Set(idle.gateways.map(({ workload }) => workload));
  for (const source of sources.all) {
    const name = qualifiedName(source);
    if (gateways.has(source)) continue;
    if (idle.served.has(name) || missed.has(source.origin)) continue;
    world.report(
      diagnose(codes.workloadNotRun, {
        origin: source.origin,
        message: `workload "${name}" has no address, so that it takes no part`,
        remedy: `Start it and run with --workload ${name}=127.0.0.1:PORT, if it is needed.`,
      }),
    );
  }
}

/** Sorted, without repetitions: one cause may be met on several ways. */
export function distinct(findings: readonly Diagnostic[]): readonly Diagnostic[] {
  const seen = new Map<string, Diagnostic>();
  for (const finding of findings) {
    const { code, message, origin } = finding;
    seen.set(`${code} ${origin.file}:${origin.line}:${origin.column ?? ''} ${message}`, finding);
  }
  return [...seen.values()].sort(compareDiagnostics);
}

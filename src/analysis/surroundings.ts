/** What routes are judged by: Gateways, Services, workloads and grants, with nothing that changes when only routes do. */
import type { Diagnostic } from '../base/index.ts';
import type { Resources } from '../resource/index.ts';
import { makeDestinationLookup, type DestinationLookup } from './destinations.ts';
import { serveGateways, type ServedGateway } from './gateways.ts';
import { orphanSets, type CheckedListenerSet } from './listener-sets.ts';
import { makeMtlsLookup } from './peer-authentication.ts';
import { findRelayedKeys } from './relayed-ports.ts';
import { makeReporter, type Reporter } from './reporter.ts';
import { collectWorkloads, type WorkloadSources } from './workload-sources.ts';
import { serveWorkloads, type ServedWorkloads } from './workloads.ts';
import { makeWorld, type World, type WorldInput } from './world.ts';

export interface Surroundings {
  /** Without the kinds below; what is wrong with these surroundings themselves is in `findings`, not reported again. */
  readonly world: World;
  readonly reporter: Reporter;
  readonly sources: WorkloadSources;
  readonly served: ServedWorkloads;
  readonly gateways: readonly ServedGateway[];
  /** ListenerSets without a Gateway. */
  readonly orphans: readonly CheckedListenerSet[];
  readonly destinations: DestinationLookup;
  readonly findings: readonly Diagnostic[];
}

/** Kinds that surroundings must not see: they hold none of these, so that a change of one cannot make them wrong. */
const unseen = {
  httpRoutes: [],
  grpcRoutes: [],
  authorizationPolicies: [],
  requestAuthentications: [],
  telemetries: [],
  backendTlsPolicies: [],
  destinationRules: [],
  virtualServices: [],
  istioGateways: [],
} as const satisfies Partial<Resources>;

const unseenKinds: ReadonlySet<string> = new Set([
  'HTTPRoute',
  'GRPCRoute',
  'AuthorizationPolicy',
  'RequestAuthentication',
  'Telemetry',
  'BackendTLSPolicy',
  'DestinationRule',
  'VirtualService',
]);

/** Those of `before`, the very same, where nothing that they hold has changed. */
export function makeSurroundings(input: WorldInput, before: Surroundings | undefined): Surroundings {
  const resources: Resources = {
    ...input.resources,
    ...unseen,
    rejected: input.resources.rejected.filter(({ origin }) => !unseenKinds.has(origin.kind)),
  };
  const { bindings, options } = input;
  const relayed = findRelayedKeys(input.resources);
  if (before !== undefined && isSame(before.world, { resources, bindings, options, relayed })) return before;
  const reporter = makeReporter();
  const world = { ...makeWorld({ resources, bindings, options }, reporter.report), relayed };
  const { value, findings } = reporter.capture(() => {
    const sources = collectWorkloads(world);
    const served = serveWorkloads(world, sources, makeMtlsLookup(world));
    const gateways = serveGateways(world);
    const orphans = orphanSets(world);
    return { sources, served, gateways, orphans };
  });
  const destinations = makeDestinationLookup(world, value);
  return { world, reporter, ...value, destinations, findings };
}

/** The world of these surroundings with all resources: its indexes are the same, as they are of kinds that are seen. */
export function wholeWorld({ world }: Surroundings, input: WorldInput, report: World['report']): World {
  return { ...world, ...input, report };
}

function isSame(before: World, now: Pick<World, 'resources' | 'bindings' | 'options' | 'relayed'>): boolean {
  return (
    before.bindings === now.bindings &&
    before.options === now.options &&
    isSameSet(before.relayed.connections, now.relayed.connections) &&
    isSameSet(before.relayed.requests, now.relayed.requests) &&
    Object.entries(now.resources).every(([list, objects]) =>
      isSameList(before.resources[list as keyof Resources], objects as readonly unknown[]),
    )
  );
}

function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a === b || (a.size === b.size && [...a].every((item) => b.has(item)));
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => item === b[index]));
}

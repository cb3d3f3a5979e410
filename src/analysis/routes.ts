import { compareText, diagnose, formatOrigin } from '../base/index.ts';
import { attachRoute, type Attachment } from './attachment.ts';
import { resolveBackend, type ResolvedBackend } from './backends.ts';
import { codes } from './codes.ts';
import type { DestinationLookup } from './destinations.ts';
import type { ServedGateway } from './gateways.ts';
import type { CheckedListener } from './listeners.ts';
import type { MatchedRule, RuleModel, VirtualHostModel } from './model.ts';
import { compareMatches, compareRouteAge } from './route-precedence.ts';
import { fromGrpcRoute, fromHttpRoute, type RouteSource } from './route-rules.ts';
import { keyOf, type World } from './world.ts';

/** A route with what became of each of its references. */
export interface CheckedRoute {
  readonly source: RouteSource;
  readonly attachments: readonly Attachment[];
  readonly rules: readonly RuleModel[];
  /** The first reference that does not resolve. */
  readonly unresolved?: NonNullable<ResolvedBackend['unresolved']>;
}

/** All routes, oldest first. */
export function checkRoutes(
  world: World,
  input: { readonly gateways: readonly ServedGateway[]; readonly destinations: DestinationLookup },
): readonly CheckedRoute[] {
  const gateways = new Map(input.gateways.map((gateway) => [keyOf(gateway.source), gateway]));
  const sources = [
    ...world.resources.httpRoutes.map(fromHttpRoute),
    ...world.resources.grpcRoutes.map(fromGrpcRoute),
  ].sort((a, b) => compareRouteAge(identityOf(a), identityOf(b)));
  return sources.map((source) => {
    const attachments = source.parentRefs.flatMap(
      (parentRef) => attachRoute({ world, gateways, route: source }, parentRef) ?? [],
    );
    const resolved = source.rules.map((rule) =>
      rule.backendRefs.map((ref) => resolveBackend(world, { route: source, ref, destinations: input.destinations })),
    );
    const unresolved = resolved.flat().find((backend) => backend.unresolved !== undefined)?.unresolved;
    const rules = source.rules.map((rule, index) => makeRule(world, { rule, index, backends: resolved[index] ?? [] }));
    return { source, attachments, rules, ...(unresolved === undefined ? {} : { unresolved }) };
  });
}

function identityOf({ kind, metadata }: RouteSource): MatchedRule['route'] {
  const { namespace, name, creationTimestamp } = metadata;
  return { kind, namespace, name, creationTimestamp };
}

function makeRule(
  world: World,
  input: {
    readonly rule: RouteSource['rules'][number];
    readonly index: number;
    readonly backends: readonly ResolvedBackend[];
  },
): RuleModel {
  const { rule, index } = input;
  const backends = input.backends.map(({ model }) => model);
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0 && rule.failure === undefined) {
    world.report(
      diagnose(codes.ruleWithoutBackend, {
        origin: rule.origin,
        message: `rule ${index} has ${backends.length === 0 ? 'no backendRefs' : 'only backendRefs of weight 0'}: its requests fail`,
        remedy: 'Name a backend, or remove the rule.',
      }),
    );
  }
  const failure =
    rule.failure ?? (total === 0 ? `no backend takes requests (${formatOrigin(rule.origin)})` : undefined);
  return {
    origin: rule.origin,
    index,
    matches: rule.matches,
    backends,
    filters: rule.filters,
    mirrors: [],
    ...(failure === undefined ? {} : { failure }),
  };
}

/** The virtual hosts of each listener, sorted by hostname, their matches in order of precedence. */
export function virtualHostsOf(
  world: World,
  routes: readonly CheckedRoute[],
): ReadonlyMap<CheckedListener, readonly VirtualHostModel[]> {
  const hosts = new Map<CheckedListener, Map<string, Set<CheckedRoute>>>();
  for (const route of routes) {
    for (const { listener, hostnames } of route.attachments.flatMap(({ bonds }) => bonds)) {
      const ofListener = getOrAdd(hosts, listener, () => new Map<string, Set<CheckedRoute>>());
      // A set, since several parentRefs may lead to one listener.
      for (const hostname of hostnames) getOrAdd(ofListener, hostname, () => new Set<CheckedRoute>()).add(route);
    }
  }
  return new Map(
    [...hosts].map(([listener, ofListener]) => [
      listener,
      [...ofListener]
        .sort(([a], [b]) => compareText(a, b))
        .flatMap(([hostname, members]) => makeVirtualHost(world, hostname, [...members])),
    ]),
  );
}

function makeVirtualHost(
  world: World,
  hostname: string,
  members: readonly CheckedRoute[],
): readonly VirtualHostModel[] {
  const [oldest] = members;
  if (oldest === undefined) return [];
  reportMixedKinds(world, hostname, members);
  const matches = members.flatMap(({ source, rules }) =>
    rules.flatMap((rule) =>
      rule.matches.map((match, matchIndex) => ({
        route: identityOf(source),
        match,
        matchIndex,
        ruleIndex: rule.index,
        rule,
      })),
    ),
  );
  return [{ hostname, origin: oldest.source.origin, matches: matches.sort(compareMatches) }];
}

function reportMixedKinds(world: World, hostname: string, members: readonly CheckedRoute[]): void {
  const http = members.find(({ source }) => source.kind === 'HTTPRoute');
  const grpc = members.find(({ source }) => source.kind === 'GRPCRoute');
  if (http === undefined || grpc === undefined) return;
  const newer = members.indexOf(http) < members.indexOf(grpc) ? grpc : http;
  const older = newer === http ? grpc : http;
  world.report(
    diagnose(codes.routeKindsMixed, {
      origin: newer.source.origin,
      message: `hostname "${hostname}" is served together with ${formatOrigin(older.source.origin)}, of the other kind`,
      remedy: 'Use one kind for each hostname: the Gateway API lets a gateway refuse the newer route.',
    }),
  );
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const present = map.get(key);
  if (present !== undefined) return present;
  const made = make();
  map.set(key, made);
  return made;
}

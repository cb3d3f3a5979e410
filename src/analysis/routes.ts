import { compareText, diagnose, formatOrigin } from '../base/index.ts';
import { attachRoute, type Attachment } from './attachment.ts';
import { resolveBackend, resolveMirror, type ResolvedBackend, type UnresolvedRef } from './backends.ts';
import { fromTcpRoute, fromTlsRoute } from './byte-route-rules.ts';
import { codes } from './codes.ts';
import type { DestinationLookup } from './destinations.ts';
import type { ServedGateway } from './gateways.ts';
import type { CheckedListener } from './listeners.ts';
import type { MatchedRule, MirrorModel, RuleModel, VirtualHostModel } from './model.ts';
import { compareMatches, compareRouteAge } from './route-precedence.ts';
import { reportGrpcFacts } from './route-findings.ts';
import type { InvalidRule } from './route-validity.ts';
import { fromGrpcRoute, fromHttpRoute, type RouteSource } from './route-rules.ts';
import { keyOf, type World } from './world.ts';

/** A route with what became of each of its references. */
export interface CheckedRoute {
  readonly source: RouteSource;
  readonly attachments: readonly Attachment[];
  readonly rules: readonly RuleModel[];
  /** The first reference that does not resolve. */
  readonly unresolved?: UnresolvedRef;
  /** Rules with something that is not supported, in order. */
  readonly invalid: readonly InvalidRule[];
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
    ...world.resources.tlsRoutes.map(fromTlsRoute),
    ...world.resources.tcpRoutes.map(fromTcpRoute),
  ].sort((a, b) => compareRouteAge(identityOf(a), identityOf(b)));
  return sources.map((source) => {
    const attachments = source.parentRefs.flatMap(
      (parentRef) => attachRoute({ world, gateways, route: source }, parentRef) ?? [],
    );
    const rules = source.rules.map((_, index) => checkRule(world, { route: source, index, ...input }));
    const unresolved = rules.flatMap((rule) => rule.unresolved)[0];
    return {
      source,
      attachments,
      rules: rules.map(({ model }) => model),
      invalid: rules.flatMap(({ invalid }) => invalid ?? []),
      ...(unresolved === undefined ? {} : { unresolved }),
    };
  });
}

interface CheckedRule {
  readonly model: RuleModel;
  readonly unresolved: readonly UnresolvedRef[];
  readonly invalid: InvalidRule | undefined;
}

function checkRule(
  world: World,
  input: { readonly route: RouteSource; readonly index: number; readonly destinations: DestinationLookup },
): CheckedRule {
  const { route, index } = input;
  const rule = route.rules[index] as RouteSource['rules'][number];
  const backends = rule.backendRefs.map((ref) => resolveBackend(world, { ...input, ref }));
  const mirrors = rule.mirrors.map((mirror) => resolveMirror(world, { ...input, mirror }));
  const message = rule.failure ?? backends.find(({ unsupported }) => unsupported !== undefined)?.unsupported;
  reportGrpcFacts(world, rule, index);
  return {
    model: makeRule(world, {
      rule,
      index,
      backends,
      mirrors: mirrors.flatMap((mirror) => ('model' in mirror ? [mirror.model] : [])),
    }),
    unresolved: [
      ...backends.flatMap(({ unresolved }) => unresolved ?? []),
      ...mirrors.flatMap((mirror) => ('unresolved' in mirror ? [mirror.unresolved] : [])),
    ],
    invalid: message === undefined ? undefined : { index, message, isWhole: rule.failure !== undefined },
  };
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
    readonly mirrors: readonly MirrorModel[];
  },
): RuleModel {
  const { rule, index, mirrors } = input;
  const backends = input.backends.map(({ model }) => model);
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  const isEmpty = total === 0 && rule.answer === undefined;
  if (isEmpty && rule.failure === undefined) {
    world.report(
      diagnose(codes.ruleWithoutBackend, {
        origin: rule.origin,
        message: `rule ${index} has ${backends.length === 0 ? 'no backendRefs' : 'only backendRefs of weight 0'}: its requests fail`,
        remedy: 'Name a backend, or remove the rule.',
      }),
    );
  }
  const failure = rule.failure ?? (isEmpty ? `no backend takes requests (${formatOrigin(rule.origin)})` : undefined);
  return {
    origin: rule.origin,
    index,
    matches: rule.matches,
    backends,
    ...(rule.answer === undefined ? {} : { answer: rule.answer }),
    filters: rule.filters,
    mirrors,
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
        .flatMap(([hostname, members]) =>
          makeVirtualHost(world, hostname, connectionRoute(world, listener, [...members])),
        ),
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
  return [{ hostname, origin: oldest.source.origin, matches: rankedMatches(members) }];
}

/** All matches of routes that share a host, in order of precedence. */
export function rankedMatches(members: readonly CheckedRoute[]): readonly MatchedRule[] {
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
  return matches.sort(compareMatches);
}

/** A connection has no request to choose by, so of the routes that want it the oldest gets it (Gateway API, TCPRoute). */
function connectionRoute(
  world: World,
  { relay, source }: CheckedListener,
  members: readonly CheckedRoute[],
): readonly CheckedRoute[] {
  const [oldest, ...others] = members;
  if (relay === undefined || oldest === undefined) return members;
  for (const other of others) {
    world.report(
      diagnose(codes.connectionRouteShadowed, {
        origin: other.source.origin,
        message: `gets no connections of listener "${source.name}": ${formatOrigin(oldest.source.origin)} is older`,
        remedy: 'Give the routes different hostnames or listeners, or put their backends into one rule.',
      }),
    );
  }
  return [oldest];
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

import { diagnose, formatOrigin, type Diagnostic } from '../base/index.ts';
import type { ResourceObject, Resources } from '../resource/index.ts';
import { attachRoute, type Attachment } from './attachment.ts';
import { resolveBackend, resolveMirror, type ResolvedBackend, type UnresolvedRef } from './backends.ts';
import { fromTcpRoute, fromTlsRoute } from './byte-route-rules.ts';
import { codes } from './codes.ts';
import type { DestinationLookup } from './destinations.ts';
import type { ServedGateway } from './gateways.ts';
import { exact } from './exact.ts';
import { mergeSorted } from './merge-sorted.ts';
import type { MatchedRule, MirrorModel, RuleModel } from './model.ts';
import { compareMatches, compareRouteAge } from './route-precedence.ts';
import { reportGrpcFacts } from './route-findings.ts';
import type { InvalidRule } from './route-validity.ts';
import { fromGrpcRoute, fromHttpRoute, type RouteSource } from './route-rules.ts';
import type { Surroundings } from './surroundings.ts';
import { keyOf, type World } from './world.ts';

/** A route with what became of each of its references. */
export interface CheckedRoute {
  /** The resource, of which this is all that follows. */
  readonly object: ResourceObject;
  readonly source: Pick<RouteSource, 'kind' | 'origin' | 'metadata'>;
  /** For `compareMatches`. */
  readonly identity: MatchedRule['route'];
  readonly attachments: readonly Attachment[];
  readonly rules: readonly RuleModel[];
  /** The first reference that does not resolve. */
  readonly unresolved?: UnresolvedRef;
  /** Rules with something that is not supported, in order. */
  readonly invalid: readonly InvalidRule[];
  /** What is wrong with it, with its references, and with what these lead to. */
  readonly findings: readonly Diagnostic[];
}

export interface CheckedRoutes {
  /** Oldest first. */
  readonly all: readonly CheckedRoute[];
  /** Those of each kind, in the order of the resources. */
  readonly lists: Readonly<Record<RouteList, readonly CheckedRoute[]>>;
  /** Those with a Service among their parents, oldest first. */
  readonly onServices: readonly CheckedRoute[];
  /** Those with findings. */
  readonly faulty: ReadonlySet<CheckedRoute>;
}

type RouteList = 'httpRoutes' | 'grpcRoutes' | 'tlsRoutes' | 'tcpRoutes';

const noRoutes: CheckedRoutes = {
  all: [],
  lists: { httpRoutes: [], grpcRoutes: [], tlsRoutes: [], tcpRoutes: [] },
  onServices: [],
  faulty: new Set(),
};

/** Routes that were not there before, and those that no longer are. */
export interface RouteChange {
  readonly added: readonly CheckedRoute[];
  readonly removed: readonly CheckedRoute[];
}

/** Checks all routes but those that `before`, in the same surroundings, has checked already. */
export function checkRoutes(
  surroundings: Surroundings,
  resources: Resources,
  before: CheckedRoutes = noRoutes,
): { readonly routes: CheckedRoutes; readonly change: RouteChange } {
  const gateways = new Map(surroundings.gateways.map((gateway) => [keyOf(gateway.source), gateway]));
  const added: CheckedRoute[] = [];
  const removed: CheckedRoute[] = [];
  const checkAll = <T extends ResourceObject>(
    known: readonly CheckedRoute[],
    objects: readonly T[],
    sourceOf: (object: T) => RouteSource,
  ): readonly CheckedRoute[] => {
    const check = (object: T): CheckedRoute => checkRoute(surroundings, { gateways, object, source: sourceOf(object) });
    const next = alignRoutes(known, objects, check);
    added.push(...next.added);
    removed.push(...next.removed);
    return next.routes;
  };
  const lists = {
    httpRoutes: checkAll(before.lists.httpRoutes, resources.httpRoutes, fromHttpRoute),
    grpcRoutes: checkAll(before.lists.grpcRoutes, resources.grpcRoutes, fromGrpcRoute),
    tlsRoutes: checkAll(before.lists.tlsRoutes, resources.tlsRoutes, fromTlsRoute),
    tcpRoutes: checkAll(before.lists.tcpRoutes, resources.tcpRoutes, fromTcpRoute),
  };
  const all = mergeSorted(before.all, { added, gone: removed }, compareRoutes);
  const onServices = mergeSorted(
    before.onServices,
    { added: added.filter(isOnService), gone: removed.filter(isOnService) },
    compareRoutes,
  );
  const faulty = new Set(before.faulty);
  for (const route of removed) faulty.delete(route);
  for (const route of added) if (route.findings.length > 0) faulty.add(route);
  return { routes: { all, lists, onServices, faulty }, change: { added, removed } };
}

function isOnService({ attachments }: CheckedRoute): boolean {
  return attachments.some(({ service }) => service !== undefined);
}

/** The routes of these objects, of which some are known; most of the lists is the same, at the begin and at the end. */
function alignRoutes<T extends ResourceObject>(
  known: readonly CheckedRoute[],
  objects: readonly T[],
  check: (object: T) => CheckedRoute,
): RouteChange & { readonly routes: readonly CheckedRoute[] } {
  let from = 0;
  while (from < known.length && from < objects.length && known[from]?.object === objects[from]) from++;
  let [knownEnd, end] = [known.length, objects.length];
  while (knownEnd > from && end > from && known[knownEnd - 1]?.object === objects[end - 1])
    [knownEnd, end] = [knownEnd - 1, end - 1];
  if (from === knownEnd && from === end) return { routes: known, added: [], removed: [] };
  const left = new Map(known.slice(from, knownEnd).map((route) => [route.object, route]));
  const added: CheckedRoute[] = [];
  const between = objects.slice(from, end).map((object) => {
    const route = left.get(object);
    if (route !== undefined) {
      left.delete(object);
      return route;
    }
    const made = check(object);
    added.push(made);
    return made;
  });
  const routes = [known.slice(0, from), between, known.slice(knownEnd)].flat();
  return { routes, added, removed: [...left.values()] };
}

export function compareRoutes(a: CheckedRoute, b: CheckedRoute): number {
  return compareRouteAge(a.identity, b.identity);
}

function checkRoute(
  { world, reporter, destinations }: Surroundings,
  input: {
    readonly gateways: ReadonlyMap<string, ServedGateway>;
    readonly object: ResourceObject;
    readonly source: RouteSource;
  },
): CheckedRoute {
  const { gateways, object, source } = input;
  const { value, findings } = reporter.capture(() => {
    reportIdleRoute(world, source);
    return {
      attachments: source.parentRefs.flatMap(
        (parentRef) => attachRoute({ world, gateways, route: source }, parentRef) ?? [],
      ),
      rules: source.rules.map((_, index) => checkRule(world, { route: source, index, destinations })),
    };
  });
  const { attachments, rules } = value;
  const unresolved = rules.flatMap((rule) => rule.unresolved)[0];
  const { kind, origin, metadata } = source;
  return {
    object,
    source: { kind, origin, metadata },
    identity: identityOf(source),
    attachments: exact(attachments),
    rules: rules.map(({ model }) => model),
    invalid: exact(rules.flatMap(({ invalid }) => invalid ?? [])),
    findings: exact(findings),
    ...(unresolved === undefined ? {} : { unresolved }),
  };
}

/** The CRDs let both pass. */
function reportIdleRoute(world: World, { kind, origin, parentRefs, rules }: RouteSource): void {
  if (parentRefs.length === 0) {
    world.report(
      diagnose(codes.routeWithoutParent, {
        origin,
        message: `the ${kind} names no parent: no request or connection gets to it`,
        remedy: 'Name a Gateway in spec.parentRefs.',
      }),
    );
  }
  if (rules.length === 0) {
    world.report(
      diagnose(codes.ruleWithoutBackend, {
        origin,
        message: `the ${kind} has no rules: nothing matches it`,
        remedy: 'Write spec.rules with a backend.',
      }),
    );
  }
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
        remedy: backends.length === 0 ? 'Name a backend, or remove the rule.' : 'Give one of them a weight above 0.',
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

/** All matches of routes that share a host, in order of precedence. */
export function rankedMatches(members: readonly CheckedRoute[]): readonly MatchedRule[] {
  const matches = members.flatMap(({ identity, rules }) =>
    rules.flatMap((rule) =>
      rule.matches.map((match, matchIndex) => ({
        route: identity,
        match,
        matchIndex,
        ruleIndex: rule.index,
        rule,
      })),
    ),
  );
  return exact(matches.sort(compareMatches));
}

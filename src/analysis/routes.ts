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
  readonly byObject: ReadonlyMap<ResourceObject, CheckedRoute>;
}

/** Routes that were not there before, and those that no longer are. */
export interface RouteChange {
  readonly added: readonly CheckedRoute[];
  readonly removed: readonly CheckedRoute[];
}

/** Checks all routes but those that `before`, in the same surroundings, has checked already. */
export function checkRoutes(
  surroundings: Surroundings,
  resources: Resources,
  before: CheckedRoutes | undefined,
): { readonly routes: CheckedRoutes; readonly change: RouteChange } {
  const gateways = new Map(surroundings.gateways.map((gateway) => [keyOf(gateway.source), gateway]));
  const byObject = new Map<ResourceObject, CheckedRoute>();
  const added: CheckedRoute[] = [];
  const checkAll = <T extends ResourceObject>(objects: readonly T[], sourceOf: (object: T) => RouteSource): void => {
    for (const object of objects) {
      const known = before?.byObject.get(object);
      const route = known ?? checkRoute(surroundings, { gateways, object, source: sourceOf(object) });
      if (known === undefined) added.push(route);
      byObject.set(object, route);
    }
  };
  checkAll(resources.httpRoutes, fromHttpRoute);
  checkAll(resources.grpcRoutes, fromGrpcRoute);
  checkAll(resources.tlsRoutes, fromTlsRoute);
  checkAll(resources.tcpRoutes, fromTcpRoute);
  const isGone = ({ object }: CheckedRoute): boolean => !byObject.has(object);
  const removed = before?.all.filter(isGone) ?? [];
  const all = mergeSorted(
    before?.all ?? [],
    { added, isGone: removed.length === 0 ? undefined : isGone },
    compareRoutes,
  );
  return { routes: { all, byObject }, change: { added, removed } };
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

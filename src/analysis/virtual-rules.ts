import type {
  HeaderMatch,
  HeaderOperations,
  PathRewrite,
  RetryCondition,
  RetryPolicy,
  RouteFilters,
} from '../plan/index.ts';
import type {
  NamedStringMatch,
  RouteHeaders,
  StringMatch,
  VirtualHttpRoute,
  VirtualMatch,
  VirtualRetries,
  VirtualRouteDestination,
  VirtualService,
} from '../resource/index.ts';
import type { BackendModel, MatchModel, MirrorModel, RuleModel } from './model.ts';
import type { DestinationLookup } from './destinations.ts';
import { defaultRetry } from './default-retry.ts';
import { failureOf } from './route-rules.ts';
import { resolveVirtualDestination } from './virtual-destinations.ts';
import type { World } from './world.ts';

/** What one route of a VirtualService means on one port. */
export interface VirtualRuleInput {
  readonly service: VirtualService;
  readonly route: VirtualHttpRoute;
  /** Among the routes of the VirtualService, delegates put in their places. */
  readonly index: number;
  /** The port that clients call. */
  readonly port: number;
  /** How the path is matched: `rewrite.uri` replaces a matched prefix, else the whole path. */
  readonly replaces: 'prefix' | 'path';
  readonly destinations: DestinationLookup;
}

export function virtualRule(world: World, input: VirtualRuleInput): RuleModel {
  const { route, index } = input;
  const answer = answerOf(input);
  const backends = answer === undefined ? backendsOf(world, input) : [];
  const { failure } = failureOf(route.unsupported);
  return {
    origin: route.origin,
    index,
    matches: [],
    backends,
    ...(answer === undefined ? {} : { answer }),
    filters: filtersOf(input, answer === undefined),
    mirrors: answer === undefined ? mirrorsOf(world, input) : [],
    ...(failure === undefined ? {} : { failure }),
  };
}

function answerOf({ route, port, replaces }: VirtualRuleInput): RuleModel['answer'] {
  const { redirect, directResponse } = route;
  if (redirect === undefined) return directResponse === undefined ? undefined : { type: 'direct', ...directResponse };
  const { origin, status, scheme, authority, uri, prefixRewrite } = redirect;
  const path = uri === undefined ? prefixPath(prefixRewrite, replaces) : fullPath(uri);
  return {
    type: 'redirect',
    origin,
    status,
    ...(scheme === undefined ? {} : { scheme }),
    ...(authority === undefined ? {} : { host: authority }),
    // Without a port Envoy keeps that of the request's authority; "from the request" is the port of the listener.
    port: redirect.port === 'request' ? port : (redirect.port ?? 'request'),
    ...(path === undefined ? {} : { path }),
  };
}

function fullPath(value: string): PathRewrite {
  return { type: 'ReplaceFullPath', value };
}

function prefixPath(value: string | undefined, replaces: VirtualRuleInput['replaces']): PathRewrite | undefined {
  if (value === undefined) return undefined;
  return replaces === 'prefix' ? { type: 'ReplacePrefixMatch', value } : fullPath(value);
}

function backendsOf(world: World, input: VirtualRuleInput): readonly BackendModel[] {
  return input.route.destinations.map((entry): BackendModel => {
    const found = resolveVirtualDestination(world, { ...input, wanted: entry.destination });
    if ('invalid' in found) return { weight: entry.weight, invalid: found.invalid };
    return { weight: entry.weight, destination: found.destination, ...backendHeaders(entry) };
  });
}

function backendHeaders({
  headers,
}: VirtualRouteDestination): Partial<Extract<BackendModel, { destination: unknown }>> {
  if (headers === undefined) return {};
  const requestHeaders = operations(headers.request);
  const responseHeaders = operations(headers.response);
  return {
    ...(requestHeaders === undefined ? {} : { requestHeaders }),
    ...(responseHeaders === undefined ? {} : { responseHeaders }),
  };
}

function operations(changes: RouteHeaders['request']): HeaderOperations | undefined {
  const { set, add, remove } = changes;
  return set.length + add.length + remove.length === 0 ? undefined : { set, add, remove };
}

function mirrorsOf(world: World, input: VirtualRuleInput): readonly MirrorModel[] {
  return (input.route.mirrors ?? []).flatMap((mirror) => {
    const found = resolveVirtualDestination(world, { ...input, wanted: mirror.destination });
    if ('invalid' in found) return [];
    return [{ origin: mirror.origin, destination: found.destination, percent: mirror.percent }];
  });
}

function filtersOf(input: VirtualRuleInput, forwards: boolean): Omit<RouteFilters, 'mirrors'> {
  const { route } = input;
  const requestHeaders = route.headers === undefined ? undefined : operations(route.headers.request);
  const responseHeaders = route.headers === undefined ? undefined : operations(route.headers.response);
  const rewrite = forwards ? rewriteOf(input) : undefined;
  const retry = forwards ? retryOf(route) : undefined;
  return {
    ...(route.timeoutMs === undefined ? {} : { timeoutMs: route.timeoutMs }),
    ...(requestHeaders === undefined ? {} : { requestHeaders }),
    ...(responseHeaders === undefined ? {} : { responseHeaders }),
    ...(rewrite === undefined ? {} : { rewrite }),
    ...(retry === undefined ? {} : { retry }),
    ...(route.fault === undefined ? {} : { fault: route.fault }),
    ...(route.cors === undefined ? {} : { cors: corsOf(route.cors) }),
  };
}

function corsOf(cors: NonNullable<VirtualHttpRoute['cors']>): NonNullable<RouteFilters['cors']> {
  return {
    ...cors,
    // `{}` is any origin; to Envoy an exact `*` is too.
    allowOrigins: cors.allowOrigins.map(({ type, value }) =>
      type === 'Present' ? { type: 'Exact', value: '*' } : { type, value },
    ),
  };
}

/** The authority: `rewrite`, else the headers of the route, else those of its only destination. */
function rewriteOf({ route, replaces }: VirtualRuleInput): RouteFilters['rewrite'] {
  const { rewrite, headers, destinations } = route;
  const host =
    rewrite?.authority ??
    headers?.authority ??
    (destinations.length === 1 ? destinations[0]?.headers?.authority : undefined);
  const path =
    rewrite?.regex === undefined
      ? prefixPath(rewrite?.uri, replaces)
      : { type: 'ReplaceRegex' as const, ...rewrite.regex };
  if (host === undefined && path === undefined) return undefined;
  return {
    origin: rewrite?.origin ?? route.origin,
    ...(host === undefined ? {} : { host }),
    ...(path === undefined ? {} : { path }),
  };
}

/** A route without `retries` is retried by Istio's default policy, one with `attempts: 0` never (istio.md 4.3). */
function retryOf({ retries, origin, destinations }: VirtualHttpRoute): RetryPolicy | undefined {
  const inherited = defaultRetry(origin, destinations.length);
  if (retries === undefined) return inherited;
  return retries.attempts === 0 ? undefined : { ...inherited, ...writtenRetry(retries) };
}

function writtenRetry(retries: VirtualRetries): Partial<RetryPolicy> {
  const { on, perTryTimeoutMs, backoffMs, origin, attempts, statusCodes, avoidTried, remoteLocalities } = retries;
  return {
    origin,
    attempts,
    statusCodes,
    ...(avoidTried === undefined ? {} : { avoidTried }),
    ...(remoteLocalities === undefined ? {} : { remoteLocalities }),
    // The decoder has let no other names pass.
    ...(on === undefined ? {} : { on: on as readonly RetryCondition[] }),
    ...(perTryTimeoutMs === undefined ? {} : { perTryTimeoutMs }),
    ...(backoffMs === undefined ? {} : { backoffMs }),
  };
}

/** Any path. By characters, so that a rewrite of it does what Envoy does: `/v1` in place of `/` makes `/v1a` of `/a`. */
export const anyPath = { type: 'StringPrefix', value: '/' } as const;

/** A route without `match`, or a match without conditions. */
export function isCatchAll(match: MatchModel): boolean {
  const { path } = match;
  const isAnyPath =
    (path.type === 'StringPrefix' && path.value === '/') || (path.type === 'RegularExpression' && path.value === '.*');
  return (
    isAnyPath &&
    match.headers.length === 0 &&
    (match.queryParams ?? []).length === 0 &&
    match.method === undefined &&
    match.authority === undefined &&
    match.scheme === undefined
  );
}

/** The conditions that depend on the request; those on the caller and the port are `appliesTo`'s. */
export function virtualMatch(match: VirtualMatch | undefined): MatchModel {
  if (match === undefined) return { path: anyPath, headers: [] };
  const { method, authority, scheme } = match;
  return {
    path: pathOf(match),
    headers: [
      ...match.headers.map(headerMatch),
      ...match.withoutHeaders.map((header) => ({ ...headerMatch(header), invert: true as const })),
    ],
    ...(match.queryParams.length === 0 ? {} : { queryParams: match.queryParams }),
    ...(method === undefined ? {} : { method: textOf(method) }),
    ...(authority === undefined ? {} : { authority: textOf(authority) }),
    ...(scheme === undefined ? {} : { scheme: textOf(scheme) }),
    ...failureOf(match.unsupported),
  };
}

function headerMatch({ name, type, value }: NamedStringMatch): HeaderMatch {
  return { name, type, value };
}

/** The decoder leaves out what matches anything. */
function textOf({ type, value }: StringMatch): NonNullable<MatchModel['method']> {
  return { type: type === 'Present' ? 'Prefix' : type, value };
}

function pathOf({ uri, ignoreUriCase }: VirtualMatch): MatchModel['path'] {
  if (uri === undefined || uri.type === 'Present') return anyPath;
  if (uri.type === 'RegularExpression') return { type: 'RegularExpression', value: uri.value };
  return {
    type: uri.type === 'Exact' ? 'Exact' : 'StringPrefix',
    value: uri.value,
    ...(ignoreUriCase ? { ignoreCase: true } : {}),
  };
}

/** Whether `rewrite.uri` of a route would replace what this match's prefix matched, or the whole path. */
export function replacedBy({ path }: MatchModel): VirtualRuleInput['replaces'] {
  return path.type === 'StringPrefix' ? 'prefix' : 'path';
}

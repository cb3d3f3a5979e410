import { formatOrigin, type Origin } from '../base/index.ts';
import type {
  BackendRef,
  GrpcMethodMatch,
  GrpcRoute,
  GrpcRouteMatch,
  HttpRoute,
  HttpRouteMatch,
  Located,
  MirrorFilter,
  NamedMatch,
  ObjectMeta,
  ParentRef,
  Unsupported,
} from '../resource/index.ts';
import { defaultRetry } from './default-retry.ts';
import type { MatchModel, RuleModel } from './model.ts';
import { quoteRegex } from './quote-regex.ts';
import { lowerFilters, lowerLimits } from './route-filters.ts';

/** HTTPRoute and GRPCRoute in one form: from here on their kind is only a name. */
export interface RouteSource {
  readonly kind: 'HTTPRoute' | 'GRPCRoute' | 'TLSRoute' | 'TCPRoute';
  readonly origin: Origin;
  readonly metadata: ObjectMeta;
  readonly parentRefs: readonly ParentRef[];
  readonly hostnames: readonly Located<string>[];
  readonly rules: readonly RuleSource[];
}

interface RuleSource {
  readonly origin: Origin;
  readonly matches: readonly MatchModel[];
  readonly backendRefs: readonly BackendRef[];
  readonly filters: RuleModel['filters'];
  readonly answer?: NonNullable<RuleModel['answer']>;
  readonly mirrors: readonly MirrorFilter[];
  /** Not empty: what the rule wants and cannot get. */
  readonly unsupported: readonly Unsupported[];
  readonly failure?: string;
}

export function fromHttpRoute({ origin, metadata, spec }: HttpRoute): RouteSource {
  const rules = spec.rules.map((rule) => ({
    origin: rule.origin,
    matches: rule.matches.map(httpMatch),
    backendRefs: rule.backendRefs,
    ...ruleFilters(rule, lowerLimits(rule)),
    ...unsupportedOf(rule),
  }));
  return { kind: 'HTTPRoute', origin, metadata, parentRefs: spec.parentRefs, hostnames: spec.hostnames, rules };
}

export function fromGrpcRoute({ origin, metadata, spec }: GrpcRoute): RouteSource {
  const rules = spec.rules.map((rule) => ({
    origin: rule.origin,
    matches: rule.matches.length === 0 ? [{ path: catchAll, headers: [] }] : rule.matches.map(grpcMatch),
    backendRefs: rule.backendRefs,
    ...ruleFilters(rule),
    ...unsupportedOf(rule),
  }));
  return { kind: 'GRPCRoute', origin, metadata, parentRefs: spec.parentRefs, hostnames: spec.hostnames, rules };
}

function ruleFilters(
  rule: HttpRoute['spec']['rules'][number] | GrpcRoute['spec']['rules'][number],
  limits: ReturnType<typeof lowerLimits> = {},
): Pick<RuleSource, 'filters' | 'answer' | 'mirrors'> {
  const { filters, answer } = lowerFilters(rule.filters);
  const { mirrors } = rule.filters;
  if (answer !== undefined) return { filters: { ...filters, ...limits }, mirrors, answer };
  return { filters: { retry: defaultRetry(rule.origin, rule.backendRefs.length), ...filters, ...limits }, mirrors };
}

function unsupportedOf({
  unsupported,
}: {
  readonly unsupported: readonly Unsupported[];
}): Pick<RuleSource, 'unsupported' | 'failure'> {
  return { unsupported, ...failureOf(unsupported) };
}

/** The reason for a failing action, from what the decoder could not take; nothing when all is supported. */
export function failureOf(unsupported: readonly Unsupported[]): { failure?: string } {
  const [first] = unsupported;
  return first === undefined ? {} : { failure: `${first.field} is not supported (${formatOrigin(first.origin)})` };
}

const catchAll = { type: 'PathPrefix', value: '/' } as const;

function httpMatch({ path, method, headers, queryParams }: HttpRouteMatch): MatchModel {
  return {
    path: { type: path.type, value: path.type === 'PathPrefix' ? normalPrefix(path.value) : path.value },
    ...(method === undefined ? {} : { method: { type: 'Exact', value: method } }),
    headers: headers.map(namedMatch),
    ...(queryParams.length === 0 ? {} : { queryParams: queryParams.map(namedMatch) }),
  };
}

/** The Gateway API ignores a trailing slash of a prefix: `/abc/` is `/abc`. */
function normalPrefix(value: string): string {
  return value.length > 1 && value.endsWith('/') ? value.slice(0, -1) : value;
}

/** As Istio lowers them (reference: GRPCRouteMatch); a service alone is the prefix of its methods. */
function grpcMatch({ method, headers }: GrpcRouteMatch): MatchModel {
  return { path: method === undefined ? catchAll : methodPath(method), headers: headers.map(namedMatch) };
}

/** One path segment: what stands for a service or a method that is not named. */
const anySegment = '[^/]+';

function methodPath({ type, service, method }: GrpcMethodMatch): MatchModel['path'] {
  if (type === 'RegularExpression') {
    return { type, value: `/${group(service)}/${group(method)}` };
  }
  if (service === undefined) return { type: 'RegularExpression', value: `/${anySegment}/${quoteRegex(method ?? '')}` };
  return method === undefined
    ? { type: 'PathPrefix', value: `/${service}` }
    : { type: 'Exact', value: `/${service}/${method}` };
}

function group(pattern: string | undefined): string {
  return pattern === undefined ? anySegment : `(?:${pattern})`;
}

function namedMatch({ name, type, value }: NamedMatch): MatchModel['headers'][number] {
  return { name, type, value };
}

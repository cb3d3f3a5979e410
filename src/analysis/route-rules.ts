import { formatOrigin, type Origin } from '../base/index.ts';
import type {
  BackendRef,
  GrpcMethodMatch,
  GrpcRoute,
  GrpcRouteMatch,
  HeaderMatch,
  HttpRoute,
  HttpRouteMatch,
  Located,
  ObjectMeta,
  ParentRef,
  Unsupported,
} from '../resource/index.ts';
import type { MatchModel, RuleModel } from './model.ts';

/** HTTPRoute and GRPCRoute in one form: from here on their kind is only a name. */
export interface RouteSource {
  readonly kind: 'HTTPRoute' | 'GRPCRoute';
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
  readonly failure?: string;
}

export function fromHttpRoute({ origin, metadata, spec }: HttpRoute): RouteSource {
  const rules = spec.rules.map((rule) => ({
    origin: rule.origin,
    matches: rule.matches.map(httpMatch),
    backendRefs: rule.backendRefs,
    filters: rule.requestTimeout === undefined ? {} : { timeoutMs: rule.requestTimeout.value },
    ...failureOf(rule.unsupported),
  }));
  return { kind: 'HTTPRoute', origin, metadata, parentRefs: spec.parentRefs, hostnames: spec.hostnames, rules };
}

export function fromGrpcRoute({ origin, metadata, spec }: GrpcRoute): RouteSource {
  const rules = spec.rules.map((rule) => ({
    origin: rule.origin,
    matches: rule.matches.length === 0 ? [{ path: catchAll, headers: [] }] : rule.matches.map(grpcMatch),
    backendRefs: rule.backendRefs,
    filters: {},
    ...failureOf(rule.unsupported),
  }));
  return { kind: 'GRPCRoute', origin, metadata, parentRefs: spec.parentRefs, hostnames: spec.hostnames, rules };
}

/** The reason for a failing action, from what the decoder could not take; nothing when all is supported. */
export function failureOf(unsupported: readonly Unsupported[]): { failure?: string } {
  const [first] = unsupported;
  return first === undefined ? {} : { failure: `${first.field} is not supported (${formatOrigin(first.origin)})` };
}

const catchAll = { type: 'PathPrefix', value: '/' } as const;

function httpMatch({ path, method, headers, unsupported }: HttpRouteMatch): MatchModel {
  return {
    path: { type: path.type, value: path.type === 'PathPrefix' ? normalPrefix(path.value) : path.value },
    ...(method === undefined ? {} : { method: { type: 'Exact', value: method } }),
    headers: headers.map(headerMatch),
    ...failureOf(unsupported),
  };
}

/** The Gateway API ignores a trailing slash of a prefix: `/abc/` is `/abc`. */
function normalPrefix(value: string): string {
  return value.length > 1 && value.endsWith('/') ? value.slice(0, -1) : value;
}

/** As Istio lowers them (reference: GRPCRouteMatch); a service alone is the prefix of its methods. */
function grpcMatch({ method, headers }: GrpcRouteMatch): MatchModel {
  return { path: method === undefined ? catchAll : methodPath(method), headers: headers.map(headerMatch) };
}

/** One path segment: what stands for a service or a method that is not named. */
const anySegment = '[^/]+';

function methodPath({ type, service, method }: GrpcMethodMatch): MatchModel['path'] {
  if (type === 'RegularExpression') {
    return { type, value: `/${group(service)}/${group(method)}` };
  }
  if (service === undefined) return { type: 'RegularExpression', value: `/${anySegment}/${quote(method ?? '')}` };
  return method === undefined
    ? { type: 'PathPrefix', value: `/${service}` }
    : { type: 'Exact', value: `/${service}/${method}` };
}

function group(pattern: string | undefined): string {
  return pattern === undefined ? anySegment : `(?:${pattern})`;
}

/** Makes a text a regular expression for itself. */
function quote(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}

function headerMatch({ name, type, value }: HeaderMatch): MatchModel['headers'][number] {
  return { name, type, value };
}

import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { durationMs, gatewayDuration, headerValue, present, subdomainName } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { checkRegex } from '../regex.ts';
import { ignored, refused } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject, Unsupported } from '../object.ts';
import {
  backendRefs,
  checkRules,
  decodeBackendRefs,
  decodeHeaderMatches,
  decodeHostnames,
  decodeParentRefs,
  headerMatches,
  hostnames,
  parentRefs,
  type BackendRef,
  type HeaderMatch,
  type ParentRef,
} from './references.ts';

export interface HttpRoute extends ResourceObject {
  readonly spec: HttpRouteSpec;
}

export interface HttpRouteSpec {
  readonly parentRefs: readonly ParentRef[];
  /** Lower case; empty: any. */
  readonly hostnames: readonly Located<string>[];
  /** At least one. */
  readonly rules: readonly HttpRouteRule[];
}

export interface HttpRouteRule {
  readonly origin: Origin;
  readonly name?: string;
  /** At least one; a rule without matches has `PathPrefix /`. */
  readonly matches: readonly HttpRouteMatch[];
  /** Empty: nothing to send to, answered with 500. */
  readonly backendRefs: readonly BackendRef[];
  /** `timeouts.request` in milliseconds; absent: none (`0s` too, GEP-1742). */
  readonly requestTimeout?: Located<number>;
  /** Not empty: the rule's matches hold, but its requests must be answered as a failure. */
  readonly unsupported: readonly Unsupported[];
}

export interface HttpRouteMatch {
  readonly origin: Origin;
  readonly path: HttpPathMatch;
  readonly method?: string;
  readonly headers: readonly HeaderMatch[];
  /** Not empty (query parameters): what the remaining conditions match must be answered as a failure. */
  readonly unsupported: readonly Unsupported[];
}

export interface HttpPathMatch {
  readonly origin: Origin;
  readonly type: 'Exact' | 'PathPrefix' | 'RegularExpression';
  readonly value: string;
}

const pathMatch = z.strictObject({
  type: z.enum(['Exact', 'PathPrefix', 'RegularExpression']).default('PathPrefix'),
  value: z.string().max(1024).default('/'),
});

const match = z.strictObject({
  path: pathMatch.prefault({}),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']).optional(),
  headers: headerMatches(headerValue),
  queryParams: z.array(refused('what else of this match holds is answered with an error')).max(16).optional(),
});

const rule = z.strictObject({
  name: subdomainName.optional(),
  matches: z.array(match).max(64).default([]),
  filters: z.array(refused('requests of this rule are answered with an error')).max(16).optional(),
  backendRefs,
  timeouts: z
    .strictObject({
      request: gatewayDuration.optional(),
      backendRequest: ignored('only timeouts.request limits a request'),
    })
    .optional(),
  retry: ignored('requests are not retried'),
  sessionPersistence: ignored('requests of one client may reach any endpoint'),
});

const schema = objectOf({
  spec: z.strictObject({
    parentRefs,
    hostnames,
    rules: z.array(rule).min(1).max(16).prefault([{}]),
    useDefaultGateways: ignored('name the Gateway in parentRefs'),
  }),
});

export const httpRouteKind = defineKind<HttpRoute, typeof schema>({
  group: 'gateway.networking.k8s.io',
  kind: 'HTTPRoute',
  versions: ['v1', 'v1beta1'],
  schema,
  decode: ({ spec }, context) => {
    checkRules(spec.rules, context);
    return {
      spec: {
        parentRefs: decodeParentRefs(spec.parentRefs, context),
        hostnames: decodeHostnames(spec.hostnames, context),
        rules: spec.rules.map((value, index) => decodeRule(value, ['spec', 'rules', index], context)),
      },
    };
  },
});

function decodeRule(value: z.output<typeof rule>, path: Path, context: DecodeContext): HttpRouteRule {
  const matches = value.matches.length === 0 ? [match.parse({})] : value.matches;
  const requestMs = value.timeouts?.request === undefined ? 0 : durationMs(value.timeouts.request);
  return {
    origin: context.at(path),
    ...present({ name: value.name }),
    matches: matches.map((one, index) => decodeMatch(one, [...path, 'matches', index], context)),
    backendRefs: decodeBackendRefs(value.backendRefs, path, context),
    // GEP-1742: zero means no limit.
    ...(requestMs === 0
      ? {}
      : { requestTimeout: { value: requestMs, origin: context.at([...path, 'timeouts', 'request']) } }),
    unsupported: context.refusedBelow(path, ['matches', 'backendRefs']),
  };
}

function decodeMatch(value: z.output<typeof match>, path: Path, context: DecodeContext): HttpRouteMatch {
  const pathPath = [...path, 'path'];
  if (value.path.type === 'RegularExpression') checkRegex(value.path.value, [...pathPath, 'value'], context);
  else checkPath(value.path.value, [...pathPath, 'value'], context);
  return {
    origin: context.at(path),
    path: { origin: context.at(pathPath), type: value.path.type, value: value.path.value },
    ...present({ method: value.method }),
    headers: decodeHeaderMatches(value.headers, path, context),
    unsupported: context.refusedBelow(path),
  };
}

/** What the CRD's rules forbid in `Exact` and `PathPrefix` values. */
const forbiddenInPaths = ['//', '/./', '/../', '%2f', '%2F', '#'];

function checkPath(value: string, path: Path, context: DecodeContext): void {
  if (!value.startsWith('/')) {
    context.error(path, {
      message: `path "${value}" does not start with "/"`,
      remedy: `Write "/${value}"; a gRPC path is /package.Service/Method.`,
    });
    return;
  }
  const bad = [
    ...forbiddenInPaths.filter((part) => value.includes(part)),
    ...['/.', '/..'].filter((end) => value.endsWith(end)),
  ];
  if (bad.length > 0 || !/^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/.test(value)) {
    context.error(path, {
      message: `path "${value}" contains ${bad.length > 0 ? `"${bad[0]}"` : 'a character that paths cannot have'}`,
      remedy: 'Write a normal absolute path; percent-encode special characters, or use RegularExpression.',
    });
  }
}

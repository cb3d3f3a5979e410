import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { durationMs, gatewayDuration, headerValue, present, subdomainName } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { checkRegex } from '../regex.ts';
import { ignored, wellFormedIgnored } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject, Unsupported } from '../object.ts';
import { backendRefs, decodeBackendRefs, type BackendRef } from './backend-refs.ts';
import { decodeFilters, httpBackendFilters, httpFilters, type RuleFilters, type WrittenFilter } from './filters.ts';
import {
  decodeHeaderMatches,
  decodeQueryParams,
  headerMatches,
  queryParamMatches,
  type NamedMatch,
} from './named-matches.ts';
import { checkRules, decodeHostnames, decodeParentRefs, hostnames, parentRefs, type ParentRef } from './references.ts';
import { decodeRetry, retry, type RetryRule } from './retry.ts';
import { sessionPersistence } from './session-persistence.ts';

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
  readonly filters: RuleFilters;
  /** Empty: nothing to send to, answered with 500 where no filter answers. */
  readonly backendRefs: readonly BackendRef[];
  /** `timeouts.request` in milliseconds; absent: none (`0s` too, GEP-1742). */
  readonly requestTimeout?: Located<number>;
  /** `timeouts.backendRequest` in milliseconds: the limit of one attempt; absent: none (`0s` too). */
  readonly backendRequestTimeout?: Located<number>;
  readonly retry?: RetryRule;
  /** Not empty: the rule's matches hold, but its requests must be answered as a failure. */
  readonly unsupported: readonly Unsupported[];
}

export interface HttpRouteMatch {
  readonly origin: Origin;
  readonly path: HttpPathMatch;
  readonly method?: string;
  readonly headers: readonly NamedMatch[];
  readonly queryParams: readonly NamedMatch[];
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
  queryParams: queryParamMatches,
});

const rule = z.strictObject({
  name: subdomainName.optional(),
  matches: z.array(match).max(64).prefault([{}]),
  filters: httpFilters,
  backendRefs: backendRefs(httpBackendFilters),
  timeouts: z
    .strictObject({ request: gatewayDuration.optional(), backendRequest: gatewayDuration.optional() })
    .optional(),
  retry: retry.optional(),
  sessionPersistence: wellFormedIgnored(sessionPersistence, 'requests of one client may reach any endpoint'),
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
  checkFilters(value, path, context);
  return {
    origin: context.at(path),
    ...present({ name: value.name }),
    matches: matches.map((one, index) => decodeMatch(one, [...path, 'matches', index], context)),
    filters: decodeFilters(value.filters, [...path, 'filters'], context),
    backendRefs: decodeBackendRefs(value.backendRefs, path, context),
    ...decodeTimeouts(value, path, context),
    ...(value.retry === undefined ? {} : { retry: decodeRetry(value.retry, [...path, 'retry'], context) }),
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
    queryParams: decodeQueryParams(value.queryParams, path, context),
  };
}

/** GEP-1742: zero means no limit. */
function decodeTimeouts(
  { timeouts = {} }: z.output<typeof rule>,
  path: Path,
  context: DecodeContext,
): Pick<HttpRouteRule, 'requestTimeout' | 'backendRequestTimeout'> {
  const located = (field: 'request' | 'backendRequest'): Located<number> | undefined => {
    const milliseconds = timeouts[field] === undefined ? 0 : durationMs(timeouts[field]);
    return milliseconds === 0 ? undefined : { value: milliseconds, origin: context.at([...path, 'timeouts', field]) };
  };
  const requestTimeout = located('request');
  const backendRequestTimeout = located('backendRequest');
  if (requestTimeout !== undefined && (backendRequestTimeout?.value ?? 0) > requestTimeout.value) {
    context.error([...path, 'timeouts', 'backendRequest'], {
      message: `backendRequest ${timeouts.backendRequest} is longer than request ${timeouts.request}`,
      remedy: 'Write at most the time of the whole request.',
    });
  }
  return present({ requestTimeout, backendRequestTimeout });
}

/** What filters, matches and backends of one rule demand of each other. */
function checkFilters(value: z.output<typeof rule>, path: Path, context: DecodeContext): void {
  if (value.backendRefs.length > 0 && value.filters.some(({ requestRedirect }) => requestRedirect !== undefined)) {
    context.error([...path, 'filters'], {
      message: 'RequestRedirect and backendRefs exclude each other',
      remedy: 'Take the backends away: a redirect is answered by the gateway itself.',
    });
  }
  const [first] = value.matches;
  if (value.matches.length === 1 && first?.path.type === 'PathPrefix') return;
  checkPrefixMatch(value.filters, [...path, 'filters'], context);
  for (const [index, { filters }] of value.backendRefs.entries()) {
    checkPrefixMatch(filters, [...path, 'backendRefs', index, 'filters'], context);
  }
}

/** Only called where the rule has not exactly one match, by prefix. */
function checkPrefixMatch(filters: readonly WrittenFilter[], path: Path, context: DecodeContext): void {
  for (const [index, { requestRedirect, urlRewrite }] of filters.entries()) {
    if ([requestRedirect, urlRewrite].every((filter) => filter?.path?.type !== 'ReplacePrefixMatch')) continue;
    context.error([...path, index], {
      message: 'ReplacePrefixMatch needs exactly one match in its rule, of type PathPrefix',
      remedy: 'Split the rule, so that the match by prefix is alone in its own.',
    });
  }
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

import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { present, subdomainName } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { checkRegex } from '../regex.ts';
import { ignored, wellFormedIgnored } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject, Unsupported } from '../object.ts';
import { backendRefs, decodeBackendRefs, type BackendRef } from './backend-refs.ts';
import { decodeFilters, grpcBackendFilters, grpcFilters, type RuleFilters } from './filters.ts';
import { decodeHeaderMatches, headerMatches, type NamedMatch } from './named-matches.ts';
import { checkRules, decodeHostnames, decodeParentRefs, hostnames, parentRefs, type ParentRef } from './references.ts';
import { sessionPersistence } from './session-persistence.ts';

/** GEP-1016. */
export interface GrpcRoute extends ResourceObject {
  readonly spec: GrpcRouteSpec;
}

export interface GrpcRouteSpec {
  readonly parentRefs: readonly ParentRef[];
  /** Lower case; empty: any. */
  readonly hostnames: readonly Located<string>[];
  readonly rules: readonly GrpcRouteRule[];
}

export interface GrpcRouteRule {
  readonly origin: Origin;
  readonly name?: string;
  /** Empty: every method. */
  readonly matches: readonly GrpcRouteMatch[];
  readonly filters: RuleFilters;
  readonly backendRefs: readonly BackendRef[];
  /** Not empty: the rule's matches hold, but its requests must be answered as a failure. */
  readonly unsupported: readonly Unsupported[];
}

export interface GrpcRouteMatch {
  readonly origin: Origin;
  /** Absent: every method. */
  readonly method?: GrpcMethodMatch;
  readonly headers: readonly NamedMatch[];
}

export interface GrpcMethodMatch {
  readonly origin: Origin;
  readonly type: 'Exact' | 'RegularExpression';
  /** At least one of the two is present. */
  readonly service?: string;
  readonly method?: string;
}

const methodMatch = z.strictObject({
  type: z.enum(['Exact', 'RegularExpression']).default('Exact'),
  service: z.string().max(1024).optional(),
  method: z.string().max(1024).optional(),
});

const match = z.strictObject({ method: methodMatch.optional(), headers: headerMatches(z.string()) });

const rule = z.strictObject({
  name: subdomainName.optional(),
  matches: z.array(match).max(64).default([]),
  filters: grpcFilters,
  backendRefs: backendRefs(grpcBackendFilters),
  sessionPersistence: wellFormedIgnored(sessionPersistence, 'requests of one client may reach any endpoint'),
});

const schema = objectOf({
  spec: z.strictObject({
    parentRefs,
    hostnames,
    rules: z.array(rule).max(16).default([]),
    useDefaultGateways: ignored('name the Gateway in parentRefs'),
  }),
});

export const grpcRouteKind = defineKind<GrpcRoute, typeof schema>({
  group: 'gateway.networking.k8s.io',
  kind: 'GRPCRoute',
  versions: ['v1'],
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

function decodeRule(value: z.output<typeof rule>, path: Path, context: DecodeContext): GrpcRouteRule {
  return {
    origin: context.at(path),
    ...present({ name: value.name }),
    matches: value.matches.map((one, index) => decodeMatch(one, [...path, 'matches', index], context)),
    filters: decodeFilters(value.filters, [...path, 'filters'], context),
    backendRefs: decodeBackendRefs(value.backendRefs, path, context),
    unsupported: context.refusedBelow(path, ['matches', 'backendRefs']),
  };
}

function decodeMatch(value: z.output<typeof match>, path: Path, context: DecodeContext): GrpcRouteMatch {
  const method = value.method === undefined ? undefined : decodeMethod(value.method, [...path, 'method'], context);
  return {
    origin: context.at(path),
    ...present({ method }),
    headers: decodeHeaderMatches(value.headers, path, context),
  };
}

const exactName = {
  service: /^\.?[a-z_]\w*(\.[a-z_]\w*)*$/i,
  method: /^[a-z_]\w*$/i,
};

function decodeMethod(value: z.output<typeof methodMatch>, path: Path, context: DecodeContext): GrpcMethodMatch {
  if (value.service === undefined && value.method === undefined) {
    context.error(path, {
      message: 'the method match names neither service nor method',
      remedy: 'Add service (package.Service), method, or both; leave the match out to take every method.',
    });
  }
  for (const part of ['service', 'method'] as const) {
    const text = value[part];
    if (text === undefined) continue;
    if (value.type === 'RegularExpression') checkRegex(text, [...path, part], context);
    else if (!exactName[part].test(text)) {
      context.error([...path, part], {
        message: `"${text}" is not the name of a gRPC ${part}`,
        remedy:
          part === 'service' ? 'Write package.Service, without slashes.' : 'Write the method alone, without slashes.',
      });
    }
  }
  return { origin: context.at(path), type: value.type, ...present({ service: value.service, method: value.method }) };
}

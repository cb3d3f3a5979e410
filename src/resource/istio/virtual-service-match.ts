import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { labelMap, namespaceName, portNumber, present } from '../fields.ts';
import type { Unsupported } from '../object.ts';
import { accepted, wellFormedAccepted } from '../schema.ts';
import {
  decodeStringMatch,
  stringMatch,
  stringMatches,
  type NamedStringMatch,
  type StringMatch,
} from './string-match.ts';

/** One entry of `http[].match`; all its conditions hold together. */
export interface VirtualMatch {
  readonly origin: Origin;
  /** Absent: any path. */
  readonly uri?: StringMatch;
  readonly ignoreUriCase: boolean;
  readonly scheme?: StringMatch;
  readonly method?: StringMatch;
  readonly authority?: StringMatch;
  /** Names are lower case, in order. */
  readonly headers: readonly NamedStringMatch[];
  readonly withoutHeaders: readonly NamedStringMatch[];
  readonly queryParams: readonly NamedStringMatch[];
  /** The port that the client called. */
  readonly port?: number;
  readonly sourceLabels: Readonly<Record<string, string>>;
  readonly sourceNamespace?: string;
  /** `mesh` or `namespace/name`; not empty: in place of those of the VirtualService, and `sourceLabels` do not count. */
  readonly gateways: readonly string[];
  /** Not empty (JWT claims, pseudo-headers): what the remaining conditions match must be answered as a failure. */
  readonly unsupported: readonly Unsupported[];
}

export const virtualMatch = z.strictObject({
  name: wellFormedAccepted(z.string(), 'logs name the place in the file'),
  uri: stringMatch.optional(),
  ignoreUriCase: z.boolean().default(false),
  scheme: stringMatch.optional(),
  method: stringMatch.optional(),
  authority: stringMatch.optional(),
  headers: stringMatches,
  withoutHeaders: stringMatches,
  queryParams: stringMatches,
  port: portNumber.or(z.literal(0)).optional(),
  sourceLabels: labelMap.default({}),
  sourceNamespace: namespaceName.or(z.literal('')).optional(),
  gateways: z.array(z.string()).default([]),
  statPrefix: accepted(),
});

export function decodeVirtualMatch(
  value: z.output<typeof virtualMatch>,
  path: Path,
  context: DecodeContext,
): VirtualMatch {
  const text = (field: 'uri' | 'scheme' | 'method' | 'authority'): StringMatch | undefined => {
    const written = value[field];
    if (written === undefined) return undefined;
    const match = decodeStringMatch(written, [...path, field], context);
    return match.type === 'Present' ? undefined : match;
  };
  const named = (field: 'headers' | 'withoutHeaders'): readonly NamedStringMatch[] =>
    decodeNamed(value[field], [...path, field], context).flatMap((match) =>
      isOrdinary(match.name, [...path, field, match.name], context)
        ? [{ ...match, name: claimName(match.name) ?? match.name.toLowerCase() }]
        : [],
    );
  return {
    origin: context.at(path),
    ...present({
      uri: text('uri'),
      scheme: text('scheme'),
      method: text('method'),
      authority: text('authority'),
      // The wire's zero values for "not set".
      port: value.port === 0 ? undefined : value.port,
      sourceNamespace: value.sourceNamespace === '' ? undefined : value.sourceNamespace,
    }),
    ignoreUriCase: value.ignoreUriCase,
    headers: named('headers'),
    withoutHeaders: named('withoutHeaders'),
    queryParams: decodeNamed(value.queryParams, [...path, 'queryParams'], context),
    sourceLabels: value.sourceLabels,
    gateways: value.gateways.map((name, index) => gatewayName(name, [...path, 'gateways', index], context)),
    unsupported: context.refusedBelow(path),
  };
}

function decodeNamed(
  value: z.output<typeof stringMatches>,
  path: Path,
  context: DecodeContext,
): readonly NamedStringMatch[] {
  return Object.entries(value)
    .map(([name, match]) => ({ name, ...decodeStringMatch(match, [...path, name], context) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Fields of the match itself, which the API ignores among the headers. */
const ownFields: ReadonlySet<string> = new Set(['uri', 'scheme', 'method', 'authority']);

/**
 * A claim of the verified token among the headers, `@request.auth.claims.a.b` or `@request.auth.claims[a][b]`, in the second
 * form; undefined for any other name.
 */
function claimName(name: string): string | undefined {
  const [, path = ''] = /^@request\.auth\.claims((?:\.[^.[\]]+)+|(?:\[[^[\]]+\])+)$/.exec(name) ?? [];
  if (path === '') return undefined;
  const claims = path.startsWith('.') ? path.slice(1).split('.') : path.slice(1, -1).split('][');
  return `@request.auth.claims${claims.map((claim) => `[${claim}]`).join('')}`;
}

function isOrdinary(name: string, path: Path, context: DecodeContext): boolean {
  if (ownFields.has(name)) {
    context.warn(path, {
      message: `"${name}" among the headers is ignored, as Istio does`,
      remedy: `Move it up, to match.${name}.`,
    });
    return false;
  }
  if (claimName(name) !== undefined) return true;
  if (name.startsWith(':')) {
    context.refuse(path, {
      message: `the pseudo-header ${name} is not supported here: what the other conditions match is answered with an error`,
      remedy: 'Use uri, method, authority or scheme.',
    });
    return false;
  }
  if (!/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(name)) {
    context.error(path, {
      message: `"${name}" is not a header name`,
      remedy: 'Use letters, digits and -, without spaces or a colon.',
    });
  }
  return true;
}

/** `mesh`, or `namespace/name` of an Istio Gateway; a name alone is of the object's own namespace. */
export function gatewayName(name: string, path: Path, context: DecodeContext): string {
  if (name === 'mesh') return name;
  const [, namespace, own] = /^(?:([^/]+)\/)?([^/]+)$/.exec(name) ?? [];
  if (own === undefined) {
    context.error(path, {
      message: `"${name}" is not the name of a Gateway`,
      remedy: 'Write name, namespace/name, or mesh.',
    });
    return name;
  }
  return `${namespace === undefined || namespace === '.' ? context.document.namespace : namespace}/${own}`;
}

/** What a route asks for beside its path, ready to be evaluated. Hot: `holds` runs for each candidate of a request. */
import type { HeaderMatch, NamedMatch, PathMatch, RouteMatch } from '../plan/index.ts';
import type { RequestFacts } from './facts.ts';
import { queryParameter } from './query.ts';
import { wireText } from './regex.ts';
import { pseudoHeaderReader } from './request-header.ts';
import { claimPath, claimTexts } from './token-facts.ts';
import { compileNamedMatch, compileTextMatch, describeTextMatch } from './text-match.ts';

export interface RouteCondition {
  readonly holds: (request: RequestFacts) => boolean;
  /** What it asks for, for reasons: `header x-env: "prod"`. */
  readonly wants: string;
}

/** All must hold. Empty: the path decides. */
export function compileConditions(match: RouteMatch): readonly RouteCondition[] {
  const { method, scheme, authority, headers, queryParams = [], serverNames } = match;
  return [
    ...(serverNames === undefined ? [] : [connectionCondition(serverNames)]),
    ...(method === undefined ? [] : [textCondition('method', compileTextMatch(method), describeTextMatch(method))]),
    ...(scheme === undefined ? [] : [textCondition('scheme', compileTextMatch(scheme), describeTextMatch(scheme))]),
    ...(authority === undefined
      ? []
      : [textCondition('authority', compileTextMatch(authority), describeTextMatch(authority))]),
    ...headers.map(headerCondition),
    ...queryParams.map(queryCondition),
  ];
}

/** For `decideRelay` alone, which does not look at conditions. */
function connectionCondition(serverNames: readonly string[]): RouteCondition {
  return { holds: () => false, wants: `a TLS connection for ${serverNames.join(', ')}` };
}

function textCondition(
  field: 'method' | 'scheme' | 'authority',
  matches: (text: string) => boolean,
  wants: string,
): RouteCondition {
  return { holds: (request) => matches(request[field]), wants: `${field} ${wants}` };
}

/**
 * Values of a repeated header count joined by `,` (RFC 9110 §5.3, as Envoy reads them). Where a condition is inverted, a header
 * that is not there has the empty text (Istio sets Envoy's `treat_missing_header_as_empty`).
 */
function headerCondition(match: HeaderMatch): RouteCondition {
  const { name } = match;
  const matches = compileNamedMatch(match);
  const invert = match.invert === true;
  const missing = invert && match.type !== 'Present' ? '' : undefined;
  const pseudo = pseudoHeaderReader(name);
  const wants = `${invert ? 'no header' : 'header'} ${name}: ${describeTextMatch(match)}`;
  const claim = claimPath(name);
  if (claim !== undefined) {
    return {
      holds: ({ token }) =>
        (token !== undefined && claimTexts(token, claim).some((text) => matches(wireText(text)))) !== invert,
      wants: wants.replace('header @request.auth.claims', 'claim '),
    };
  }
  if (pseudo !== undefined) return { holds: (request) => matches(pseudo(request)) !== invert, wants };
  return {
    holds: (request) => {
      const value = request.header(name) ?? missing;
      return (value !== undefined && matches(value)) !== invert;
    },
    wants,
  };
}

function queryCondition(match: NamedMatch): RouteCondition {
  const name = wireText(match.name);
  const matches = compileNamedMatch(match);
  return {
    holds: ({ path }) => {
      const value = queryParameter(path, name);
      return value !== undefined && matches(value);
    },
    wants: `query parameter ${match.name}: ${describeTextMatch(match)}`,
  };
}

/** As the YAML has it: `PathPrefix /asset.AssetService`. */
export function describePath(match: PathMatch): string {
  const anyCase = 'ignoreCase' in match ? ' in any case' : '';
  // VirtualService has no name for its kinds of matches but their keys.
  return match.type === 'StringPrefix' ? `prefix ${match.value}${anyCase}` : `${match.type} ${match.value}${anyCase}`;
}

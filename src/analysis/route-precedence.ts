import { compareText } from '../base/index.ts';
import type { RouteMatch } from '../plan/index.ts';
import { compareAge } from './age.ts';

/** What the Gateway API's order of precedence looks at; one entry for each match of each rule of each route. */
export interface RankedMatch {
  readonly match: RouteMatch;
  readonly route: {
    /** RFC 3339, as Kubernetes writes it; absent in files that were never applied. */
    readonly creationTimestamp?: string | undefined;
    readonly namespace: string;
    readonly name: string;
    readonly kind: string;
  };
  readonly ruleIndex: number;
  readonly matchIndex: number;
}

/**
 * The order in which the matches of one virtual host are tried (HTTPRouteRule.matches in the Gateway API): exact path,
 * longest prefix, method, most headers, most query parameters; then across routes the oldest, then `namespace/name`; then the
 * order of rules.
 *
 * The API leaves regular expressions to the implementation. Here they come after prefixes, longest pattern first, as in
 * Istio, but before the prefix `/`: a catch-all rule must not hide them, and a GRPCRoute match by method alone (a
 * regular expression) has to win over a rule without a match. Routes that differ only in kind sort by kind.
 */
export function compareMatches(a: RankedMatch, b: RankedMatch): number {
  return (
    pathRank(a) - pathRank(b) ||
    b.match.path.value.length - a.match.path.value.length ||
    Number(b.match.method !== undefined) - Number(a.match.method !== undefined) ||
    b.match.headers.length - a.match.headers.length ||
    (b.match.queryParams?.length ?? 0) - (a.match.queryParams?.length ?? 0) ||
    compareRouteAge(a.route, b.route) ||
    a.ruleIndex - b.ruleIndex ||
    a.matchIndex - b.matchIndex
  );
}

function pathRank({ match: { path } }: RankedMatch): number {
  if (path.type === 'Exact') return 0;
  if (path.type === 'RegularExpression') return 2;
  return path.value === '/' ? 3 : 1;
}

/** Oldest first; an object without a timestamp is newer than any with one; then `namespace/name`, then kind. */
export function compareRouteAge(a: RankedMatch['route'], b: RankedMatch['route']): number {
  return (
    compareAge(a.creationTimestamp, b.creationTimestamp) ||
    compareText(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`) ||
    compareText(a.kind, b.kind)
  );
}

/** Hot when a policy names headers: once per request and condition, no allocation. */
import type { RequestFacts } from './facts.ts';
import { pseudoHeaderReader } from './request-header.ts';

export interface HeaderCondition {
  /** Whether one value matches any of the listed ones. */
  readonly any: (value: string) => boolean;
  readonly negated: boolean;
  /** One matching value among several is enough; otherwise all must match. */
  readonly lenient: boolean;
}

/**
 * A predicate on a request header. A repeated header has several readings, each value and all joined by `,` (as Envoy and
 * most servers read it). An absent header matches no value.
 */
export function headerHolds(header: string, condition: HeaderCondition): (request: RequestFacts) => boolean {
  const { any, negated, lenient } = condition;
  const readPseudo = pseudoHeaderReader(header);
  if (readPseudo !== undefined) return (request) => any(readPseudo(request)) !== negated;
  return (request) => matchesHeader(request, header, any, lenient) !== negated;
}

function matchesHeader(
  request: RequestFacts,
  header: string,
  any: (value: string) => boolean,
  lenient: boolean,
): boolean {
  const joined = request.header(header);
  if (joined === undefined) return false;
  const matched = any(joined);
  if (matched === lenient) return matched;
  for (let index = 0; ; index++) {
    const value = request.headerAt(header, index);
    if (value === undefined) return matched;
    if (any(value) === lenient) return lenient;
  }
}

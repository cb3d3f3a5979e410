import { diagnose, formatOrigin, type Diagnostic } from '../base/index.ts';
import { codes } from './codes.ts';
import type { MatchedRule, MatchModel } from './model.ts';

/** Matches that take nothing of a hostname, because one that goes before them is the very same. `matches`: by precedence. */
export function reportShadowedMatches(
  hostname: string,
  matches: readonly MatchedRule[],
  report: (finding: Diagnostic) => void,
): void {
  if (matches.length < 2) return;
  const byPath = new Map<string, MatchedRule[]>();
  for (const matched of matches) {
    const { path } = matched.match;
    const key = `${path.type} ${path.value}`;
    const others = byPath.get(key);
    if (others === undefined) byPath.set(key, [matched]);
    else others.push(matched);
  }
  // Hardly any have the same path, and to compare all there is takes long.
  for (const alike of byPath.values()) if (alike.length > 1) reportAmong(hostname, alike, report);
}

function reportAmong(hostname: string, alike: readonly MatchedRule[], report: (finding: Diagnostic) => void): void {
  const first = new Map<string, MatchedRule>();
  for (const matched of alike) {
    const key = keyOf(matched.match);
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, matched);
    else report(shadowed(hostname, matched, earlier));
  }
}

function shadowed(hostname: string, { rule, ruleIndex, matchIndex }: MatchedRule, earlier: MatchedRule): Diagnostic {
  const place = `rule ${earlier.ruleIndex} of ${formatOrigin(earlier.rule.origin)}`;
  return diagnose(codes.matchShadowed, {
    origin: rule.origin,
    message: `match ${matchIndex} of rule ${ruleIndex} takes no requests for hostname "${hostname}": ${place} has the same, and goes first`,
    remedy: 'Change one of the two; to share requests among backends, put them into one rule, with weights.',
  });
}

/** Routes that did not change keep their matches. */
const keys = new WeakMap<MatchModel, string>();

function keyOf(match: MatchModel): string {
  let key = keys.get(match);
  if (key === undefined) {
    key = textOf(match);
    keys.set(match, key);
  }
  return key;
}

function textOf({ path, method, headers, queryParams = [] }: MatchModel): string {
  const named = (list: readonly { readonly name: string }[]): readonly string[] =>
    list.map((one) => JSON.stringify(one)).sort();
  return JSON.stringify([path, method ?? '', named(headers), named(queryParams)]);
}

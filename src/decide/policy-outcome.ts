/** Path, method and host applied to bound rules. Runs on a cache miss, so it may allocate. */
import { decideByHeaders } from './policy-verdict.ts';
import type { BoundRule, BoundRuleSet, Candidates, PathOutcome, RequestField } from './policy-types.ts';

export interface RequestTarget {
  /** Without query. */
  readonly path: string;
  readonly method: string;
  /** The authority as received. */
  readonly host: string;
}

/** What is decided by path, method and host alone. */
export function outcomeOf(
  sets: { readonly enforced: BoundRuleSet; readonly shadow: BoundRuleSet | undefined },
  target: RequestTarget,
): PathOutcome {
  const enforced = candidatesOf(sets.enforced, target);
  const shadow = sets.shadow === undefined ? undefined : candidatesOf(sets.shadow, target);
  const undecided = readsHeaders(enforced) || (shadow !== undefined && readsHeaders(shadow));
  const outcome = { decision: undefined, enforced, shadow };
  return undecided ? outcome : { ...outcome, decision: decideByHeaders(outcome, undefined) };
}

function candidatesOf(set: BoundRuleSet, target: RequestTarget): Candidates {
  return {
    deny: matching(set.deny, target),
    allow: matching(set.allow, target),
    hasAllowPolicy: set.hasAllowPolicy,
  };
}

function matching(rules: readonly BoundRule[], target: RequestTarget): BoundRule[] {
  const found: BoundRule[] = [];
  for (const rule of rules) {
    if (!matchesTarget(rule, target)) continue;
    found.push(rule);
    if (rule.headers.length === 0) break;
  }
  return found;
}

/** Whether any operation of the rule holds. */
function matchesTarget(rule: BoundRule, target: RequestTarget): boolean {
  return (
    rule.operations === undefined ||
    rule.operations.some((fields) => fields.every((field) => fieldHolds(field, target)))
  );
}

/** Whether one field of an operation holds. */
function fieldHolds(field: RequestField, target: RequestTarget): boolean {
  return field.holds(target[field.scope]);
}

function readsHeaders({ deny, allow }: Candidates): boolean {
  return deny.some((rule) => rule.headers.length > 0) || allow.some((rule) => rule.headers.length > 0);
}

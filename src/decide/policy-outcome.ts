/** Path, method and host applied to bound rules. Runs on a cache miss, so it may allocate. */
import { decideByFacts } from './policy-verdict.ts';
import type { BoundFacts, BoundRule, BoundRuleSet, Candidates, PathOutcome, RequestField } from './policy-types.ts';

export interface RequestTarget {
  /** Without query. */
  readonly path: string;
  readonly method: string;
  /** The authority as received. */
  readonly host: string;
}

interface BoundSets {
  readonly enforced: BoundRuleSet;
  readonly shadow: BoundRuleSet | undefined;
  readonly audit: BoundRuleSet | undefined;
  readonly connection: BoundFacts;
}

/** What is decided by path, method and host alone. */
export function outcomeOf(sets: BoundSets, target: RequestTarget): PathOutcome {
  const enforced = candidatesOf(sets.enforced, target);
  const shadow = sets.shadow === undefined ? undefined : candidatesOf(sets.shadow, target);
  const audit = sets.audit === undefined ? undefined : candidatesOf(sets.audit, target);
  const outcome = { decision: undefined, enforced, shadow, audit };
  const isUndecided = [enforced, shadow, audit].some((set) => set !== undefined && readsFacts(set));
  return isUndecided ? outcome : { ...outcome, decision: decideByFacts(outcome, undefined, sets.connection) };
}

function candidatesOf(set: BoundRuleSet, target: RequestTarget): Candidates {
  return { deny: matching(set.deny, target), allow: matching(set.allow, target), otherwise: set.otherwise };
}

function matching(rules: readonly BoundRule[], target: RequestTarget): BoundRule[] {
  const found: BoundRule[] = [];
  for (const rule of rules) {
    if (!matchesTarget(rule, target)) continue;
    found.push(rule);
    if (!isOpen(rule)) break;
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

/** Whether headers, token or forwarded address still have a say. */
function isOpen({ sources, facts }: BoundRule): boolean {
  return sources !== undefined || facts.length > 0;
}

function readsFacts({ deny, allow }: Candidates): boolean {
  return deny.some(isOpen) || allow.some(isOpen);
}

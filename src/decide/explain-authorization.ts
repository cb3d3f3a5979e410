import { formatOrigin } from '../base/index.ts';
import type { RequestFacts } from './facts.ts';
import { maxExplained } from './limits.ts';
import { mismatchOf } from './policy-trace.ts';
import type { AuthorizationDecision, BoundAuthorization, CompiledRule, SourceField } from './policy-types.ts';

/** Why policies denied a request: the DENY rule that matched, or for want of an ALLOW rule the nearest one and what it asks for. */
export function explainAuthorization(refusal: {
  readonly bound: BoundAuthorization;
  readonly request: RequestFacts;
  readonly decision: AuthorizationDecision;
}): string {
  const { bound, request, decision } = refusal;
  const { enforced } = bound.policies;
  if (decision.policy !== undefined) {
    const rule = enforced.deny.find(({ reference }) => reference === decision.policy);
    const broken = rule?.brokenReason === undefined ? '' : `, because it cannot be evaluated: ${rule.brokenReason}`;
    const verb = decision.allowed ? 'allowed by' : 'denied by';
    return `${verb} rule ${decision.policy.ruleIndex} of ${formatOrigin(decision.policy.origin)}${broken}`;
  }
  if (decision.allowed) return 'no ALLOW policy applies';
  const nearest = nearestRule(enforced.allow, bound, request);
  if (nearest === undefined) {
    const policies = enforced.allowPolicies.slice(0, maxExplained).map(({ origin }) => formatOrigin(origin));
    return `no ALLOW rule of ${policies.join(', ')} matched: ${policies.length === 1 ? 'it has' : 'they have'} no rules, which denies everything`;
  }
  const others = enforced.allow.length - 1;
  const also = others === 0 ? '' : ` (and ${others} other ALLOW rule${others === 1 ? '' : 's'})`;
  return `no ALLOW rule of ${formatOrigin(nearest.rule.reference.origin)} matched${also}: ${nearest.mismatch}`;
}

interface NearMiss {
  readonly rule: CompiledRule;
  readonly mismatch: string;
}

/** The first rule whose source holds and whose `to` or `when` does not; else the first rule at all. */
function nearestRule(
  rules: readonly CompiledRule[],
  bound: BoundAuthorization,
  request: RequestFacts,
): NearMiss | undefined {
  const misses = rules.slice(0, maxExplained).flatMap((rule): NearMiss[] => {
    const mismatch = mismatchOf(rule, bound, request);
    return mismatch === undefined ? [] : [{ rule, mismatch }];
  });
  const isHeld = (field: SourceField): boolean =>
    field.scope === 'connection' ? field.holds(bound.connection) : field.holds(request, bound.connection);
  const sourceHolds = ({ rule }: NearMiss): boolean =>
    rule.brokenReason === undefined &&
    (rule.from.length === 0 || rule.from.some((source) => source.every((field) => isHeld(field))));
  return misses.find(sourceHolds) ?? misses[0];
}

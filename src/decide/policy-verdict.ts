/** Hot when a policy names headers: Istio's order, DENY before ALLOW, over the rules that are left. */
import type { RequestFacts } from './facts.ts';
import type {
  AuthorizationDecision,
  BoundRule,
  Candidates,
  CompiledRule,
  PathOutcome,
  ShadowDecision,
} from './policy-types.ts';

const allowedWithoutPolicy: AuthorizationDecision = { allowed: true, details: '' };
const noAllowRuleMatched: AuthorizationDecision = {
  allowed: false,
  details: 'rbac_access_denied_matched_policy[none]',
};

/** One decision per rule, made when it first decides. */
const decisions = new WeakMap<CompiledRule, AuthorizationDecision>();

/** Decides on rules whose path, method and host match. `request` is undefined when none of them asks for a header. */
export function decideByHeaders(outcome: PathOutcome, request: RequestFacts | undefined): AuthorizationDecision {
  const decision = verdict(outcome.enforced, request);
  if (outcome.shadow === undefined) return decision;
  return { ...decision, shadow: shadowOf(verdict(outcome.shadow, request)) };
}

/** 1 any DENY rule matches: denied. 2 no ALLOW policy: allowed. 3 any ALLOW rule matches: allowed. 4 denied. */
function verdict(candidates: Candidates, request: RequestFacts | undefined): AuthorizationDecision {
  const denied = firstMatch(candidates.deny, request);
  if (denied !== undefined) return decisionFor(denied.rule, false);
  if (!candidates.hasAllowPolicy) return allowedWithoutPolicy;
  const allowed = firstMatch(candidates.allow, request);
  return allowed === undefined ? noAllowRuleMatched : decisionFor(allowed.rule, true);
}

function firstMatch(rules: readonly BoundRule[], request: RequestFacts | undefined): BoundRule | undefined {
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i] as BoundRule;
    if (request === undefined || headersHold(rule, request)) return rule;
  }
  return undefined;
}

/** Whether every header condition of the rule holds. */
function headersHold(rule: BoundRule, request: RequestFacts): boolean {
  for (let i = 0; i < rule.headers.length; i++) {
    if (!(rule.headers[i] as BoundRule['headers'][number]).holds(request)) return false;
  }
  return true;
}

function decisionFor(rule: CompiledRule, allowed: boolean): AuthorizationDecision {
  const known = decisions.get(rule);
  if (known !== undefined) return known;
  const { namespace, name, ruleIndex } = rule.reference;
  const details = allowed
    ? ''
    : `rbac_access_denied_matched_policy[ns[${namespace}]-policy[${name}]-rule[${ruleIndex}]]`;
  const decision = { allowed, policy: rule.reference, details };
  decisions.set(rule, decision);
  return decision;
}

function shadowOf({ allowed, policy }: AuthorizationDecision): ShadowDecision {
  return policy === undefined ? { allowed } : { allowed, policy };
}

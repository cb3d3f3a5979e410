/** Hot when a policy reads headers, tokens or forwarded addresses: Istio's order, DENY before ALLOW, over the rules left. */
import type { RequestFacts } from './facts.ts';
import type {
  AuthorizationDecision,
  BoundFacts,
  BoundRule,
  Candidates,
  CompiledRule,
  FactField,
  PathOutcome,
  ShadowDecision,
} from './policy-types.ts';

/** One decision per rule, made when it first decides. */
const decisions = new WeakMap<CompiledRule, AuthorizationDecision>();

/** Decides on rules whose path, method and host match. `request` is undefined when none of them asks for anything else. */
export function decideByFacts(
  outcome: PathOutcome,
  request: RequestFacts | undefined,
  connection: BoundFacts,
): AuthorizationDecision {
  const decision = verdict(outcome.enforced, request, connection);
  const { shadow, audit } = outcome;
  if (shadow === undefined && audit === undefined) return decision;
  const audited = audit === undefined ? undefined : firstMatch(audit.deny, request, connection)?.rule.reference;
  return {
    ...decision,
    ...(shadow === undefined ? {} : { shadow: shadowOf(verdict(shadow, request, connection)) }),
    ...(audited === undefined ? {} : { audited }),
  };
}

/** 1 any DENY rule matches: denied. 2 any ALLOW rule matches: allowed. 3 allowed where there is no ALLOW policy, else denied. */
function verdict(
  candidates: Candidates,
  request: RequestFacts | undefined,
  connection: BoundFacts,
): AuthorizationDecision {
  const denied = firstMatch(candidates.deny, request, connection);
  if (denied !== undefined) return decisionFor(denied.rule, false);
  const allowed = firstMatch(candidates.allow, request, connection);
  return allowed === undefined ? candidates.otherwise : decisionFor(allowed.rule, true);
}

function firstMatch(
  rules: readonly BoundRule[],
  request: RequestFacts | undefined,
  connection: BoundFacts,
): BoundRule | undefined {
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i] as BoundRule;
    if (request === undefined || factsHold(rule, request, connection)) return rule;
  }
  return undefined;
}

/** Whether every condition of the rule holds, and any of its sources. */
function factsHold({ sources, facts }: BoundRule, request: RequestFacts, connection: BoundFacts): boolean {
  return allHold(facts, request, connection) && (sources === undefined || anyHolds(sources, request, connection));
}

function anyHolds(sources: readonly (readonly FactField[])[], request: RequestFacts, connection: BoundFacts): boolean {
  for (let i = 0; i < sources.length; i++) {
    if (allHold(sources[i] as readonly FactField[], request, connection)) return true;
  }
  return false;
}

function allHold(fields: readonly FactField[], request: RequestFacts, connection: BoundFacts): boolean {
  for (let i = 0; i < fields.length; i++) {
    if (!(fields[i] as FactField).holds(request, connection)) return false;
  }
  return true;
}

/** What Istio calls the rules of a CUSTOM policy whose provider does not exist. */
export const badCustomAction = 'default-deny-all-due-to-bad-CUSTOM-action';

function decisionFor(rule: CompiledRule, allowed: boolean): AuthorizationDecision {
  const known = decisions.get(rule);
  if (known !== undefined) return known;
  const { namespace, name, ruleIndex } = rule.reference;
  const matched =
    rule.policy.action === 'CUSTOM' ? badCustomAction : `ns[${namespace}]-policy[${name}]-rule[${ruleIndex}]`;
  const details = allowed ? '' : `rbac_access_denied_matched_policy[${matched}]`;
  const decision = { allowed, policy: rule.reference, details };
  decisions.set(rule, decision);
  return decision;
}

function shadowOf({ allowed, policy }: AuthorizationDecision): ShadowDecision {
  return policy === undefined ? { allowed } : { allowed, policy };
}

import { compareText } from '../base/index.ts';
import type { AuthorizationPolicy, PolicyRule } from '../plan/index.ts';
import { compileCondition, compileOperation, compileSource, type FieldContext } from './policy-fields.ts';
import type {
  AuthorizationDecision,
  CompiledPolicies,
  CompiledRule,
  ConnectionDimension,
  RuleSet,
} from './policy-types.ts';

/** What rules depend on beside themselves. */
export interface PolicySurroundings {
  /** Proxies in front of this one whose entries in `x-forwarded-for` count. */
  readonly trustedProxies: number;
  /** Whether tokens are verified here at all. */
  readonly verifiesTokens: boolean;
}

/** Compiles the policies of one proxy. Scopes do not rank: all policies of one action are one set of rules (Istio). */
export function compilePolicies(
  policies: readonly AuthorizationPolicy[],
  surroundings: PolicySurroundings,
): CompiledPolicies {
  const sorted = [...policies].sort((a, b) => compareText(a.namespace, b.namespace) || compareText(a.name, b.name));
  // What is audited only on trial marks nothing (authz/builder.go: shadow rules of a filter that logs).
  const audits = sorted.filter(({ action, dryRun }) => action === 'AUDIT' && !dryRun);
  const deciding = sorted.filter(({ action }) => action !== 'AUDIT');
  // Dry run is for ALLOW and DENY; a CUSTOM policy is asked all the same (Istio documents it).
  const isTrial = (policy: AuthorizationPolicy): boolean => policy.dryRun && policy.action !== 'CUSTOM';
  const enforced = compileRuleSet(
    deciding.filter((policy) => !isTrial(policy)),
    surroundings,
  );
  const shadow = compileRuleSet(deciding.filter(isTrial), surroundings);
  const audit = compileRuleSet(audits, surroundings);
  const connectionReads = new Set<ConnectionDimension>();
  for (const { deny, allow } of [enforced, shadow, audit]) {
    for (const rule of [...deny, ...allow]) addConnectionReads(connectionReads, rule);
  }
  const asksCustom = deciding.some(({ action }) => action === 'CUSTOM');
  return { enforced, shadow, audit, connectionReads, asksCustom, ...surroundings };
}

const allowedWithoutPolicy: AuthorizationDecision = { allowed: true, details: '' };

function compileRuleSet(policies: readonly AuthorizationPolicy[], surroundings: PolicySurroundings): RuleSet {
  const allowPolicies = policies.filter((policy) => policy.action === 'ALLOW');
  // Whatever is not ALLOW denies: an action that this version does not know must not open the door.
  const denying = policies.filter((policy) => policy.action !== 'ALLOW');
  const custom = denying.filter((policy) => policy.action === 'CUSTOM');
  const compile = (policy: AuthorizationPolicy): CompiledRule[] => compileRules(policy, surroundings);
  return {
    deny: [...custom, ...denying.filter((policy) => policy.action !== 'CUSTOM')].flatMap(compile),
    allow: allowPolicies.flatMap(compile),
    otherwise:
      allowPolicies.length === 0
        ? allowedWithoutPolicy
        : {
            allowed: false,
            details: 'rbac_access_denied_matched_policy[none]',
            considered: allowPolicies.map(({ origin }) => origin),
          },
    isEmpty: policies.length === 0,
    allowPolicies,
  };
}

function compileRules(policy: AuthorizationPolicy, surroundings: PolicySurroundings): CompiledRule[] {
  return [...policy.rules].sort((a, b) => a.index - b.index).map((rule) => compileRule(policy, rule, surroundings));
}

const ruleFields: ReadonlySet<string> = new Set(['origin', 'index', 'from', 'to', 'when']);

function compileRule(
  policy: AuthorizationPolicy,
  rule: PolicyRule,
  { trustedProxies }: PolicySurroundings,
): CompiledRule {
  const problems: string[] = [];
  const context: FieldContext = {
    action: policy.action === 'ALLOW' ? 'ALLOW' : 'DENY',
    trustedProxies,
    problems,
  };
  const from = rule.from.map((source) => compileSource(source, context));
  const to = rule.to.map((operation) => compileOperation(operation, context));
  const when = rule.when.flatMap((condition) => compileCondition(condition, context));
  for (const name of Object.keys(rule)) {
    if (!ruleFields.has(name)) problems.push(`rule field ${name} is not supported`);
  }
  return {
    policy,
    rule,
    from,
    to,
    when,
    brokenReason: problems.length === 0 ? undefined : problems.join('; '),
    reference: { namespace: policy.namespace, name: policy.name, ruleIndex: rule.index, origin: rule.origin },
  };
}

function addConnectionReads(reads: Set<ConnectionDimension>, rule: CompiledRule): void {
  for (const field of [...rule.from.flat(), ...rule.to.flat(), ...rule.when]) {
    if (field.scope === 'connection') reads.add(field.reads);
    // Where nothing was forwarded, the direct peer counts.
    if (field.scope === 'remoteIp') reads.add('sourceIp');
  }
}

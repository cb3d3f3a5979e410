import { compareText } from '../base/index.ts';
import type { AuthorizationPolicy, PolicyRule } from '../plan/index.ts';
import { compileCondition, compileOperation, compileSource, type FieldContext } from './policy-fields.ts';
import type { CompiledPolicies, CompiledRule, ConnectionDimension, RuleSet } from './policy-types.ts';

/** Compiles the policies of one proxy. Scopes do not rank: all policies of one action are one set of rules (Istio). */
export function compilePolicies(policies: readonly AuthorizationPolicy[]): CompiledPolicies {
  const sorted = [...policies].sort((a, b) => compareText(a.namespace, b.namespace) || compareText(a.name, b.name));
  const enforced = compileRuleSet(sorted.filter((policy) => !policy.dryRun));
  const shadow = compileRuleSet(sorted.filter((policy) => policy.dryRun));
  const connectionReads = new Set<ConnectionDimension>();
  for (const { deny, allow } of [enforced, shadow]) {
    for (const rule of [...deny, ...allow]) addConnectionReads(connectionReads, rule);
  }
  return { enforced, shadow, connectionReads };
}

function compileRuleSet(policies: readonly AuthorizationPolicy[]): RuleSet {
  const allowPolicies = policies.filter((policy) => policy.action === 'ALLOW');
  return {
    // Whatever is not ALLOW denies: an action that this version does not know must not open the door.
    deny: policies.filter((policy) => policy.action !== 'ALLOW').flatMap(compileRules),
    allow: allowPolicies.flatMap(compileRules),
    hasAllowPolicy: allowPolicies.length > 0,
    isEmpty: policies.length === 0,
    allowPolicies,
  };
}

function compileRules(policy: AuthorizationPolicy): CompiledRule[] {
  return [...policy.rules].sort((a, b) => a.index - b.index).map((rule) => compileRule(policy, rule));
}

const ruleFields: ReadonlySet<string> = new Set(['origin', 'index', 'from', 'to', 'when']);

function compileRule(policy: AuthorizationPolicy, rule: PolicyRule): CompiledRule {
  const problems: string[] = [];
  const context: FieldContext = { action: policy.action === 'ALLOW' ? 'ALLOW' : 'DENY', problems };
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
  }
}

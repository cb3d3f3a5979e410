/** What policies read of a connection is evaluated here, once; `authorize.ts` decides the rest per request. */
import { BoundedCache } from './bounded-cache.ts';
import type { ConnectionFacts } from './facts.ts';
import { maxAuthorizationHosts, maxAuthorizationPaths } from './limits.ts';
import { compilePolicies } from './policy-compile.ts';
import { outcomeOf } from './policy-outcome.ts';
import type {
  BoundAuthorization,
  BoundFacts,
  BoundRule,
  BoundRuleSet,
  CompiledPolicies,
  CompiledRule,
  ConnectionDimension,
  HeaderField,
  RequestField,
  RuleSet,
} from './policy-types.ts';
import type { CompiledPort, CompiledProxy } from './types.ts';

/**
 * The policies of a proxy for one connection. Connections that agree in everything that any policy reads of them (and in
 * port and principal) share one, with its cache.
 */
export function bindAuthorization(
  proxy: CompiledProxy,
  options: { readonly port: CompiledPort; readonly connection: ConnectionFacts },
): BoundAuthorization {
  const facts: BoundFacts = { ...options.connection, port: options.port.port.number };
  // Policies are the server's: a sidecar never asks them about its own app's calls (istio.md 1.3).
  const isGuarded = options.port.port.direction !== 'outbound';
  const policies = isGuarded ? proxy.policies : noPolicies;
  const key = isGuarded ? bindKey(facts, policies.connectionReads) : 'outbound';
  const known = proxy.boundAuthorizations.get(key);
  if (known !== undefined) return known;
  const bound = bind(policies, facts);
  proxy.boundAuthorizations.set(key, bound);
  return bound;
}

/** JSON, so that no value can imitate the border to the next. */
function bindKey(facts: BoundFacts, reads: ReadonlySet<ConnectionDimension>): string {
  return JSON.stringify([
    facts.port,
    facts.principal,
    reads.has('sourceIp') ? facts.sourceIp : '',
    reads.has('destinationIp') ? facts.destinationIp : '',
    reads.has('sni') ? facts.sni : '',
  ]);
}

const noPolicies = compilePolicies([]);

function bind(policies: CompiledPolicies, connection: BoundFacts): BoundAuthorization {
  const enforced = bindRuleSet(policies.enforced, connection);
  const shadow = policies.shadow.isEmpty ? undefined : bindRuleSet(policies.shadow, connection);
  const rules = [enforced, shadow].flatMap((set) => (set === undefined ? [] : [...set.deny, ...set.allow]));
  const fields = rules.flatMap((rule) => rule.operations?.flat() ?? []);
  return {
    connection,
    policies,
    enforced,
    shadow,
    readsHost: fields.some((field) => field.scope === 'host'),
    readsMethod: fields.some((field) => field.scope === 'method'),
    constant: fields.length === 0 ? outcomeOf({ enforced, shadow }, { path: '', method: '', host: '' }) : undefined,
    byPath: new BoundedCache(maxAuthorizationPaths),
    byHost: new BoundedCache(maxAuthorizationHosts),
  };
}

function bindRuleSet(set: RuleSet, connection: BoundFacts): BoundRuleSet {
  return {
    deny: bindRules(set.deny, { connection, onBroken: 'always' }),
    allow: bindRules(set.allow, { connection, onBroken: 'never' }),
    hasAllowPolicy: set.hasAllowPolicy,
  };
}

function bindRules(
  rules: readonly CompiledRule[],
  { connection, onBroken }: { readonly connection: BoundFacts; readonly onBroken: 'always' | 'never' },
): BoundRule[] {
  const bound: BoundRule[] = [];
  for (const rule of rules) {
    if (rule.brokenReason !== undefined) {
      if (onBroken === 'always') bound.push({ rule, operations: undefined, headers: [] });
      continue;
    }
    const part = bindRule(rule, connection);
    if (part !== undefined) bound.push(part);
  }
  return bound;
}

/** Undefined when the connection alone rules the rule out. */
function bindRule(rule: CompiledRule, connection: BoundFacts): BoundRule | undefined {
  if (rule.from.length > 0 && !rule.from.some((source) => source.every((field) => field.holds(connection))))
    return undefined;
  const headers: HeaderField[] = [];
  for (const field of rule.when) {
    if (field.scope === 'header') headers.push(field);
    else if (!field.holds(connection)) return undefined;
  }
  if (rule.to.length === 0) return { rule, operations: undefined, headers };
  const operations: (readonly RequestField[])[] = [];
  for (const operation of rule.to) {
    const left = bindOperation(operation, connection);
    if (left === undefined) continue;
    if (left.length === 0) return { rule, operations: undefined, headers };
    operations.push(left);
  }
  return operations.length === 0 ? undefined : { rule, operations, headers };
}

/** The fields that are left to each request; undefined when one of the connection's does not hold. */
function bindOperation(operation: CompiledRule['to'][number], connection: BoundFacts): RequestField[] | undefined {
  const left: RequestField[] = [];
  for (const field of operation) {
    if (field.scope !== 'connection') left.push(field);
    else if (!field.holds(connection)) return undefined;
  }
  return left;
}

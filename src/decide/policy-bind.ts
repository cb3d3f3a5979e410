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
  CompiledField,
  CompiledRule,
  ConnectionDimension,
  ConnectionField,
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
  const { number: port, direction } = options.port.port;
  const facts: BoundFacts = { ...options.connection, port, isEdge: direction === 'gateway' };
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
    facts.isEdge,
    reads.has('sourceIp') ? facts.sourceIp : '',
    reads.has('destinationIp') ? facts.destinationIp : '',
    reads.has('sni') ? facts.sni : '',
  ]);
}

const noPolicies = compilePolicies([], { trustedProxies: 0, verifiesTokens: false });

function bind(policies: CompiledPolicies, connection: BoundFacts): BoundAuthorization {
  const enforced = bindRuleSet(policies.enforced, connection);
  const shadow = policies.shadow.isEmpty ? undefined : bindRuleSet(policies.shadow, connection);
  const audit = policies.audit.isEmpty ? undefined : bindRuleSet(policies.audit, connection);
  const rules = [enforced, shadow, audit].flatMap((set) => (set === undefined ? [] : [...set.deny, ...set.allow]));
  const fields = rules.flatMap((rule) => rule.operations?.flat() ?? []);
  return {
    connection,
    policies,
    enforced,
    shadow,
    audit,
    readsHost: fields.some((field) => field.scope === 'host'),
    readsMethod: fields.some((field) => field.scope === 'method'),
    constant:
      fields.length === 0
        ? outcomeOf({ enforced, shadow, audit, connection }, { path: '', method: '', host: '' })
        : undefined,
    byPath: new BoundedCache(maxAuthorizationPaths),
    byHost: new BoundedCache(maxAuthorizationHosts),
  };
}

function bindRuleSet(set: RuleSet, connection: BoundFacts): BoundRuleSet {
  return {
    deny: bindRules(set.deny, { connection, onBroken: 'always' }),
    allow: bindRules(set.allow, { connection, onBroken: 'never' }),
    otherwise: set.otherwise,
  };
}

function bindRules(
  rules: readonly CompiledRule[],
  { connection, onBroken }: { readonly connection: BoundFacts; readonly onBroken: 'always' | 'never' },
): BoundRule[] {
  const bound: BoundRule[] = [];
  for (const rule of rules) {
    if (rule.brokenReason !== undefined) {
      if (onBroken === 'always') bound.push({ rule, operations: undefined, sources: undefined, facts: [] });
      continue;
    }
    const part = bindRule(rule, connection);
    if (part !== undefined) bound.push(part);
  }
  return bound;
}

/** Undefined when the connection alone rules the rule out. */
function bindRule(rule: CompiledRule, connection: BoundFacts): BoundRule | undefined {
  const sources = bindAny(rule.from, connection);
  const facts = bindFields(rule.when, connection);
  const operations = bindAny(rule.to, connection);
  if (sources === 'fails' || facts === undefined || operations === 'fails') return undefined;
  return { rule, operations, sources, facts };
}

type Left<F extends CompiledField> = Exclude<F, ConnectionField>;

/** Alternatives cut down to what is left to each request; undefined when the connection alone makes one of them hold. */
function bindAny<F extends CompiledField>(
  alternatives: readonly (readonly F[])[],
  connection: BoundFacts,
): readonly (readonly Left<F>[])[] | undefined | 'fails' {
  if (alternatives.length === 0) return undefined;
  const open: (readonly Left<F>[])[] = [];
  for (const fields of alternatives) {
    const left = bindFields(fields, connection);
    if (left === undefined) continue;
    if (left.length === 0) return undefined;
    open.push(left);
  }
  return open.length === 0 ? 'fails' : open;
}

/** The fields that are left to each request; undefined when one of the connection's does not hold. */
function bindFields<F extends CompiledField>(fields: readonly F[], connection: BoundFacts): Left<F>[] | undefined {
  const left: Left<F>[] = [];
  for (const field of fields) {
    if (field.scope !== 'connection') left.push(field as Left<F>);
    else if (!field.holds(connection)) return undefined;
  }
  return left;
}

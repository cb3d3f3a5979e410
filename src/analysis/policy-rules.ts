import type {
  AuthorizationPolicy,
  AuthorizationRule,
  PolicyCondition,
  PolicyOperation,
  PolicySource,
} from '../resource/index.ts';
import type { PolicyConditionModel, PolicyOperationModel, PolicyRuleModel, PolicySourceModel } from './model.ts';
import {
  expandDomain,
  expandPrincipal,
  parsePathPattern,
  parseNamespacePattern,
  parseStringPattern,
  type StringPattern,
  type TrustDomains,
} from './policy-match.ts';
import type { World } from './world.ts';

/**
 * Reads the rules of a policy, closed where something is not supported (istio.md 1.5, 1.7): an ALLOW rule with such a
 * part is dropped, so that it allows nothing; in a DENY rule only the part is dropped, so that it denies more. The decoder
 * has reported those parts.
 */
export function readRules(world: World, policy: AuthorizationPolicy): readonly PolicyRuleModel[] {
  const trust = { trustDomain: world.options.trustDomain, aliases: world.options.trustDomainAliases ?? [] };
  const isAllow = policy.spec.action.value === 'ALLOW';
  return policy.spec.rules
    .filter(({ from, when }) => !isAllow || [...from, ...when].every(({ unsupported }) => unsupported.length === 0))
    .map((rule) => readRule(rule, trust));
}

function readRule(rule: AuthorizationRule, trust: TrustDomains): PolicyRuleModel {
  return {
    origin: rule.origin,
    index: rule.index,
    from: rule.from.map((source) => readSource(source, trust)),
    to: rule.to.map(readOperation),
    when: rule.when.flatMap((condition) => readCondition(condition, trust)),
  };
}

function readSource(source: PolicySource, trust: TrustDomains): PolicySourceModel {
  const expanded = (principals: readonly string[] | undefined): readonly string[] | undefined =>
    principals?.flatMap((principal) => expandPrincipal(principal, trust));
  const domains = (names: readonly string[]): readonly string[] => [
    ...new Set(names.flatMap((name) => expandDomain(name, trust))),
  ];
  return {
    ...withPatterns('principals', expanded(source.principals)),
    ...withPatterns('notPrincipals', expanded(source.notPrincipals)),
    ...(source.namespaces === undefined ? {} : { namespaces: source.namespaces.map(parseNamespacePattern) }),
    ...(source.notNamespaces === undefined ? {} : { notNamespaces: source.notNamespaces.map(parseNamespacePattern) }),
    ...(source.serviceAccounts === undefined ? {} : { serviceAccounts: source.serviceAccounts }),
    ...(source.notServiceAccounts === undefined ? {} : { notServiceAccounts: source.notServiceAccounts }),
    ...(source.trustDomains === undefined ? {} : { trustDomains: domains(source.trustDomains) }),
    ...(source.notTrustDomains === undefined ? {} : { notTrustDomains: domains(source.notTrustDomains) }),
    ...withPatterns('requestPrincipals', source.requestPrincipals),
    ...withPatterns('notRequestPrincipals', source.notRequestPrincipals),
    ...(source.ipBlocks === undefined ? {} : { ipBlocks: source.ipBlocks }),
    ...(source.notIpBlocks === undefined ? {} : { notIpBlocks: source.notIpBlocks }),
    ...(source.remoteIpBlocks === undefined ? {} : { remoteIpBlocks: source.remoteIpBlocks }),
    ...(source.notRemoteIpBlocks === undefined ? {} : { notRemoteIpBlocks: source.notRemoteIpBlocks }),
  };
}

function readOperation(operation: PolicyOperation): PolicyOperationModel {
  return {
    ...withPatterns('hosts', operation.hosts),
    ...withPatterns('notHosts', operation.notHosts),
    ...(operation.ports === undefined ? {} : { ports: operation.ports }),
    ...(operation.notPorts === undefined ? {} : { notPorts: operation.notPorts }),
    ...withPatterns('methods', operation.methods),
    ...withPatterns('notMethods', operation.notMethods),
    ...(operation.paths === undefined ? {} : { paths: operation.paths.map(parsePathPattern) }),
    ...(operation.notPaths === undefined ? {} : { notPaths: operation.notPaths.map(parsePathPattern) }),
  };
}

/** Their values are no patterns. */
const exactKeys: ReadonlySet<string> = new Set([
  'source.ip',
  'remote.ip',
  'destination.ip',
  'destination.port',
  'source.serviceAccount',
]);

function readCondition(condition: PolicyCondition, trust: TrustDomains): readonly PolicyConditionModel[] {
  if (condition.unsupported.length > 0) return [];
  const read = (values: readonly string[]): readonly StringPattern[] => {
    if (exactKeys.has(condition.key)) return values.map(asExact);
    if (condition.key === 'source.principal') {
      return values.flatMap((value) => expandPrincipal(value, trust)).map(parseStringPattern);
    }
    if (condition.key === 'source.namespace') return values.map(parseNamespacePattern);
    if (condition.key === 'source.trustDomain')
      return values.flatMap((value) => expandDomain(value, trust)).map(asExact);
    return values.map(parseStringPattern);
  };
  return [{ key: normalKey(condition.key), values: read(condition.values), notValues: read(condition.notValues) }];
}

function asExact(value: string): StringPattern {
  return { type: 'exact', value };
}

/** Names of headers have no case. */
function normalKey(key: string): string {
  return key.startsWith('request.headers[') ? key.toLowerCase() : key;
}

function withPatterns<K extends string>(
  field: K,
  values: readonly string[] | undefined,
): Partial<Record<K, readonly StringPattern[]>> {
  const found: Partial<Record<K, readonly StringPattern[]>> = {};
  if (values !== undefined) found[field] = values.map(parseStringPattern);
  return found;
}

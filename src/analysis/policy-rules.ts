import { diagnose } from '../base/index.ts';
import type {
  AuthorizationPolicy,
  AuthorizationRule,
  PolicyCondition,
  PolicyOperation,
  PolicySource,
  Unsupported,
} from '../resource/index.ts';
import { codes } from './codes.ts';
import type { PolicyConditionModel, PolicyOperationModel, PolicyRuleModel, PolicySourceModel } from './model.ts';
import {
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
 * part is dropped, so that it allows nothing; in a DENY rule only the part is dropped, so that it denies more.
 */
export function readRules(world: World, policy: AuthorizationPolicy): readonly PolicyRuleModel[] {
  const trust = { trustDomain: world.options.trustDomain, aliases: world.options.trustDomainAliases ?? [] };
  const isAllow = policy.spec.action.value === 'ALLOW';
  return policy.spec.rules.flatMap((rule) => {
    // The decoder has reported its own.
    const undecoded = [...rule.from, ...rule.when].flatMap(({ unsupported }) => unsupported);
    const dropped: Unsupported[] = [];
    const model = readRule(rule, { trust, drop: (part) => dropped.push(part) });
    for (const part of dropped) reportDropped(world, { rule, part, isAllow });
    return isAllow && undecoded.length + dropped.length > 0 ? [] : [model];
  });
}

interface Reading {
  readonly trust: TrustDomains;
  readonly drop: (part: Unsupported) => void;
}

function readRule(rule: AuthorizationRule, reading: Reading): PolicyRuleModel {
  return {
    origin: rule.origin,
    index: rule.index,
    from: rule.from.map((source) => readSource(source, reading)),
    to: rule.to.map(readOperation),
    when: rule.when.flatMap((condition) => readCondition(condition, reading)),
  };
}

function readSource(source: PolicySource, { trust, drop }: Reading): PolicySourceModel {
  const principals = source.principals?.flatMap((principal) => expandPrincipal(principal, trust));
  const notPrincipals = [
    ...(source.notPrincipals ?? []).flatMap((principal) => expandPrincipal(principal, trust)),
    ...(source.notTrustDomains ?? []).flatMap((domain) => domainPrefixes(domain, trust)),
  ];
  return {
    ...withPatterns('principals', withinDomains({ source, principals, trust, drop })),
    ...withPatterns('notPrincipals', notPrincipals.length === 0 ? undefined : notPrincipals),
    ...(source.namespaces === undefined ? {} : { namespaces: source.namespaces.map(parseNamespacePattern) }),
    ...(source.notNamespaces === undefined ? {} : { notNamespaces: source.notNamespaces.map(parseNamespacePattern) }),
    ...(source.serviceAccounts === undefined ? {} : { serviceAccounts: source.serviceAccounts }),
    ...(source.notServiceAccounts === undefined ? {} : { notServiceAccounts: source.notServiceAccounts }),
    ...withPatterns('requestPrincipals', source.requestPrincipals),
    ...withPatterns('notRequestPrincipals', source.notRequestPrincipals),
    ...(source.ipBlocks === undefined ? {} : { ipBlocks: source.ipBlocks }),
    ...(source.notIpBlocks === undefined ? {} : { notIpBlocks: source.notIpBlocks }),
    ...(source.remoteIpBlocks === undefined ? {} : { remoteIpBlocks: source.remoteIpBlocks }),
    ...(source.notRemoteIpBlocks === undefined ? {} : { notRemoteIpBlocks: source.notRemoteIpBlocks }),
  };
}

/** `trustDomains` as principals: the plan has no field of its own for what is the first segment of a principal. */
function withinDomains(input: {
  readonly source: PolicySource;
  readonly principals: readonly string[] | undefined;
  readonly trust: TrustDomains;
  readonly drop: Reading['drop'];
}): readonly string[] | undefined {
  const { source, principals, trust, drop } = input;
  if (source.trustDomains === undefined) return principals;
  const prefixes = source.trustDomains.flatMap((domain) => domainPrefixes(domain, trust));
  if (principals === undefined) return prefixes;
  if (principals.some((principal) => principal.startsWith('*') && principal !== '*')) {
    drop({ field: 'trustDomains beside a principal that begins with *', origin: source.origin });
    return principals;
  }
  return principals.flatMap((principal) =>
    principal === '*'
      ? prefixes
      : prefixes.some((prefix) => principal.startsWith(prefix.slice(0, -1)))
        ? [principal]
        : [],
  );
}

function domainPrefixes(domain: string, trust: TrustDomains): readonly string[] {
  const local = [trust.trustDomain, ...trust.aliases];
  const names = domain === 'cluster.local' || local.includes(domain) ? local : [domain];
  return [...new Set(names)].map((name) => `${name}/*`);
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

function readCondition(condition: PolicyCondition, { trust }: Reading): readonly PolicyConditionModel[] {
  if (condition.unsupported.length > 0) return [];
  const read = (values: readonly string[]): readonly StringPattern[] => {
    if (exactKeys.has(condition.key)) return values.map((value) => ({ type: 'exact', value }));
    if (condition.key === 'source.principal') {
      return values.flatMap((value) => expandPrincipal(value, trust)).map(parseStringPattern);
    }
    if (condition.key === 'source.namespace') return values.map(parseNamespacePattern);
    if (condition.key === 'source.trustDomain') {
      return values.flatMap((value) => domainPrefixes(value, trust)).map(parseStringPattern);
    }
    return values.map(parseStringPattern);
  };
  return [{ key: normalKey(condition.key), values: read(condition.values), notValues: read(condition.notValues) }];
}

/** Names of headers have no case; a trust domain is the first segment of a principal. */
function normalKey(key: string): string {
  if (key === 'source.trustDomain') return 'source.principal';
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

function reportDropped(
  world: World,
  finding: { readonly rule: AuthorizationRule; readonly part: Unsupported; readonly isAllow: boolean },
): void {
  const { rule, part, isAllow } = finding;
  world.report(
    isAllow
      ? diagnose(codes.policyRuleDropped, {
          origin: part.origin,
          message: `rule ${rule.index} allows nothing: ${part.field} is not supported`,
          remedy: `Remove ${part.field}, or write the rule in other terms.`,
        })
      : diagnose(codes.policyFieldDropped, {
          origin: part.origin,
          message: `rule ${rule.index} denies more than it says: ${part.field} is not supported and counts as matching`,
          remedy: `Remove ${part.field}, or write the rule in other terms.`,
        }),
  );
}

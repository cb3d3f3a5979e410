import { compareText, diagnose, formatOrigin } from '../base/index.ts';
import type { DestinationRule, Subset, TrafficPolicy } from '../resource/index.ts';
import { compareObjects } from './age.ts';
import type { BackendTlsLookup } from './backend-tls.ts';
import { codes } from './codes.ts';
import { hostnameCovers } from './hostname.ts';
import { formatLabels, hasLabels, type Labels } from './labels.ts';
import type { ClientModel, TlsModel, TrafficPolicyLookup } from './model.ts';
import { trafficPolicyModel } from './traffic-policy.ts';
import { groupBy, serviceHost, type World } from './world.ts';

/** The DestinationRules of one namespace for one host and one selection of clients, as one. */
interface MergedRule {
  /** The rule that gives the traffic policy, else the oldest. */
  readonly rule: DestinationRule;
  readonly trafficPolicy?: TrafficPolicy;
  readonly subsets: readonly Subset[];
}

interface HostRules {
  readonly exact: ReadonlyMap<string, readonly MergedRule[]>;
  /** Longest host first. */
  readonly wildcards: readonly { readonly host: string; readonly rules: readonly MergedRule[] }[];
}

/** Who looks, and in whose rules: visibility differs at home. */
interface View {
  readonly client: ClientModel;
  /** `home`: the client's own namespace; `private`: of it only what nobody else sees; `away`: what others export. */
  readonly from: 'home' | 'private' | 'away';
}

/**
 * Finds the DestinationRule for a host as Istio does (istio.io/latest/docs/reference/config/networking/destination-rule):
 * the client's namespace, then the Service's, then the root namespace; the first of these with a match counts alone. In
 * it the most specific host, and there a rule for the client's own workload, else the last of those for all: rules of equal
 * `exportTo` are one, with the oldest traffic policy and the subsets of all. At home what has rules for other workloads alone
 * is a match too; away a host whose rules are not exported to the client is one that hides wider hosts of its namespace.
 */
export function makeTrafficPolicyLookup(world: World, backendTls: BackendTlsLookup): TrafficPolicyLookup {
  const rules = indexRules(world);
  const { rootNamespace } = world.options;
  const find = (client: ClientModel, target: Parameters<TrafficPolicyLookup>[1]): MergedRule | undefined => {
    const { host, namespace } = target.service;
    // In the root namespace live the defaults of the whole mesh; a client there is at home only in what is private.
    const from = client.namespace === rootNamespace ? 'private' : 'home';
    const own = matchingRules(rules.get(client.namespace), host, { client, from });
    if (own !== undefined) return ruleFor(own, client);
    const away: View = { client, from: 'away' };
    const exported = [namespace, rootNamespace].map((one) => matchingRules(rules.get(one), host, away) ?? []);
    return ruleFor(exported.find((found) => found.length > 0) ?? [], client);
  };
  return (client, target) => {
    const found = find(client, target);
    const subset = found?.subsets.find(({ name }) => name === target.subset);
    const model = trafficPolicyModel(world, {
      client,
      service: target.service,
      ...(found === undefined ? {} : { rule: found.rule }),
      ...(found?.trafficPolicy === undefined ? {} : { policy: found.trafficPolicy }),
      ...(subset === undefined ? {} : { subset }),
      isUndefinedSubset: target.subset !== undefined && subset === undefined,
    });
    // What a DestinationRule says of TLS is the more special: it can be for one port, subset or client.
    const policy = model.tls.mode === 'auto' ? backendTls(target.service) : undefined;
    return policy === undefined ? model : { ...model, tls: withCertificate(policy.tls, client) };
  };
}

/** A gateway's own certificate towards backends with a BackendTLSPolicy. */
function withCertificate(tls: TlsModel, { backendCertificate: own }: ClientModel): TlsModel {
  if (tls.mode !== 'tls' || own === undefined) return tls;
  return 'failure' in own
    ? { mode: 'unsupported', field: own.failure, origin: own.origin }
    : { ...tls, clientCertificate: own };
}

/** A name without a dot belongs to the rule's own namespace; anything else is taken as it is. */
function fullHost(rule: DestinationRule): string {
  const host = rule.spec.host.value;
  if (host === '*' || host.includes('.')) return host;
  return serviceHost({ namespace: rule.metadata.namespace, name: host });
}

function indexRules(world: World): ReadonlyMap<string, HostRules> {
  const hosts = world.hosts.byHost;
  const index = new Map<string, HostRules>();
  for (const [namespace, rules] of groupBy(world.resources.destinationRules, (rule) => rule.metadata.namespace)) {
    const byHost = [...groupBy([...rules].sort(compareObjects), fullHost)];
    const exact = new Map(byHost.map(([host, sameHost]) => [host, mergeAll(world, sameHost)] as const));
    for (const [host, sameHost] of byHost) {
      if (!host.startsWith('*') && !hosts.has(host)) sameHost.forEach((rule) => reportUnknownHost(world, rule, host));
    }
    const wildcards = [...exact]
      .filter(([host]) => host.startsWith('*'))
      .map(([host, merged]) => ({ host, rules: merged }))
      .sort((a, b) => b.host.length - a.host.length);
    index.set(namespace, { exact, wildcards });
  }
  return index;
}

/** Rules for one host, oldest first; equal selectors and equal `exportTo`, as it is written, make one rule. */
function mergeAll(world: World, rules: readonly DestinationRule[]): readonly MergedRule[] {
  const alike = groupBy(rules, ({ spec }) =>
    JSON.stringify([
      spec.workloadSelector === undefined ? '' : `selector ${formatLabels(sorted(spec.workloadSelector.matchLabels))}`,
      spec.workloadSelector === undefined ? [...new Set(spec.exportTo)].sort(compareText) : [],
    ]),
  );
  return [...alike.values()].map((same) => merge(world, same));
}

function sorted(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => compareText(a, b)));
}

function merge(world: World, rules: readonly DestinationRule[]): MergedRule {
  const oldest = rules[0] as DestinationRule;
  const winner = rules.find(({ spec }) => spec.trafficPolicy !== undefined);
  const subsets = new Map<string, Subset>();
  for (const rule of rules) {
    if (winner !== undefined && rule !== winner) reportShadowed(world, rule, winner);
    for (const subset of rule.spec.subsets) {
      const known = subsets.get(subset.name);
      if (known === undefined) subsets.set(subset.name, subset);
      else reportSubsetTwice(world, subset, known);
    }
  }
  return {
    rule: winner ?? oldest,
    ...(winner?.spec.trafficPolicy === undefined ? {} : { trafficPolicy: winner.spec.trafficPolicy }),
    subsets: [...subsets.values()],
  };
}

/** The rules of a namespace for the most specific host that it has any for; undefined where it has none. */
function matchingRules(rules: HostRules | undefined, host: string, view: View): readonly MergedRule[] | undefined {
  if (rules === undefined) return undefined;
  const wide = rules.wildcards.filter(({ host: wildcard }) => hostnameCovers(wildcard, host));
  for (const candidates of [rules.exact.get(host) ?? [], ...wide.map((one) => one.rules)]) {
    const indexed = candidates.filter(({ rule }) => isIndexed(rule, view));
    if (indexed.length > 0) return indexed.filter(({ rule }) => isExported(rule, view));
  }
  return undefined;
}

/** The namespaces whose clients see a rule, `*` for all. One with a selector is private, whatever it says. */
export function exportsOfRule({ spec, metadata }: DestinationRule): readonly string[] {
  if (spec.workloadSelector !== undefined) return [metadata.namespace];
  return spec.exportTo.length === 0
    ? ['*']
    : spec.exportTo.map((target) => (target === '.' ? metadata.namespace : target));
}

/** Whether Istio has a rule among those that clients at home, or others, look through (pilot/pkg/model/push_context.go). */
function isIndexed(rule: DestinationRule, { from }: View): boolean {
  const { namespace } = rule.metadata;
  const exports = exportsOfRule(rule);
  if (from === 'home') return exports.includes('*') || exports.includes(namespace);
  return exports.every((target) => target === namespace) === (from === 'private');
}

function isExported(rule: DestinationRule, { client, from }: View): boolean {
  const exports = exportsOfRule(rule);
  return from !== 'away' || exports.includes('*') || exports.includes(client.namespace);
}

/** The oldest for this workload, else the last for all, which is how Istio's loop over them ends. */
function ruleFor(rules: readonly MergedRule[], { labels }: ClientModel): MergedRule | undefined {
  const selected = rules.find(
    ({ rule: { spec } }) => spec.workloadSelector !== undefined && hasLabels(labels, spec.workloadSelector.matchLabels),
  );
  return selected ?? rules.findLast(({ rule }) => rule.spec.workloadSelector === undefined);
}

function reportShadowed(world: World, rule: DestinationRule, winner: DestinationRule): void {
  if (rule.spec.trafficPolicy === undefined) return;
  world.report(
    diagnose(codes.destinationRuleShadowed, {
      origin: rule.spec.trafficPolicy.origin,
      message: `trafficPolicy ignored: ${formatOrigin(winner.origin)} is older and has the same host "${rule.spec.host.value}"`,
      remedy: 'Merge the two DestinationRules.',
    }),
  );
}

function reportSubsetTwice(world: World, subset: Subset, known: Subset): void {
  world.report(
    diagnose(codes.destinationRuleShadowed, {
      origin: subset.origin,
      message: `subset "${subset.name}" ignored: ${formatOrigin(known.origin)} is older and has it too`,
      remedy: 'Keep one of the two, or give them different names.',
    }),
  );
}

function reportUnknownHost(world: World, { spec, metadata }: DestinationRule, host: string): void {
  const [name = ''] = spec.host.value.split('.');
  const near = [...world.services.values()]
    .filter((service) => service.metadata.name === name)
    .map((service) => serviceHost(service.metadata))
    .sort();
  world.report(
    diagnose(codes.destinationHostUnknown, {
      origin: spec.host.origin,
      message: `host "${host}" is no Service`,
      remedy:
        near.length > 0
          ? `Write ${near.join(' or ')}.`
          : `Create the Service; the full form of a host is <service>.${metadata.namespace}.svc.cluster.local.`,
    }),
  );
}

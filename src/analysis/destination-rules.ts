import { diagnose, formatOrigin } from '../base/index.ts';
import type { DestinationRule } from '../resource/index.ts';
import { compareObjects } from './age.ts';
import { codes } from './codes.ts';
import { hostnameCovers } from './hostname.ts';
import type { ServicePortModel, TlsModel, TrafficPolicyLookup, TrafficPolicyModel } from './model.ts';
import { groupBy, serviceHost, type World } from './world.ts';

interface HostRules {
  readonly exact: ReadonlyMap<string, DestinationRule>;
  /** Longest host first. */
  readonly wildcards: readonly { readonly host: string; readonly rule: DestinationRule }[];
}

/** `meshConfig.connectTimeout` of Istio. */
const defaultConnectTimeoutMs = 10_000;

/**
 * Finds the DestinationRule for a host as Istio does (istio.io/latest/docs/reference/config/networking/destination-rule):
 * the client's namespace, then the Service's, then the root namespace; the first of these with a match counts alone; in
 * it the most specific host, and of equal hosts the oldest rule with a traffic policy.
 */
export function makeTrafficPolicyLookup(world: World): TrafficPolicyLookup {
  const rules = indexRules(world);
  return (clientNamespace: string, service: ServicePortModel): TrafficPolicyModel => {
    const namespaces = [clientNamespace, service.namespace, world.options.rootNamespace];
    for (const namespace of namespaces) {
      const found = findRule(rules.get(namespace), service.host);
      if (found !== undefined) return fromRule(found);
    }
    return {
      loadBalancer: 'LEAST_REQUEST',
      connectTimeoutMs: defaultConnectTimeoutMs,
      tls: { mode: 'auto' },
    };
  };
}

/** A name without a dot belongs to the rule's own namespace; anything else is taken as it is. */
function fullHost(rule: DestinationRule): string {
  const host = rule.spec.host.value;
  if (host === '*' || host.includes('.')) return host;
  return serviceHost({ namespace: rule.metadata.namespace, name: host });
}

function indexRules(world: World): ReadonlyMap<string, HostRules> {
  const hosts = new Set([...world.services.values()].map(({ metadata }) => serviceHost(metadata)));
  const index = new Map<string, HostRules>();
  for (const [namespace, rules] of groupBy(world.resources.destinationRules, (rule) => rule.metadata.namespace)) {
    const exact = new Map<string, DestinationRule>();
    for (const [host, sameHost] of groupBy([...rules].sort(compareObjects), fullHost)) {
      const winner = sameHost.find(decides) ?? sameHost[0];
      if (winner !== undefined) exact.set(host, winner);
      reportShadowed(world, { winner, rules: sameHost });
      if (!host.startsWith('*') && !hosts.has(host)) sameHost.forEach((rule) => reportUnknownHost(world, rule, host));
    }
    const wildcards = [...exact]
      .filter(([host]) => host.startsWith('*'))
      .map(([host, rule]) => ({ host, rule }))
      .sort((a, b) => b.host.length - a.host.length);
    index.set(namespace, { exact, wildcards });
  }
  return index;
}

function decides({ spec }: DestinationRule): boolean {
  return spec.trafficPolicy !== undefined || spec.unsupported.length > 0;
}

function findRule(rules: HostRules | undefined, host: string): DestinationRule | undefined {
  return rules?.exact.get(host) ?? rules?.wildcards.find((entry) => hostnameCovers(entry.host, host))?.rule;
}

function fromRule({ origin, spec }: DestinationRule): TrafficPolicyModel {
  const policy = spec.trafficPolicy;
  const pool = policy?.connectionPool;
  return {
    origin,
    loadBalancer: policy?.loadBalancer?.value ?? 'LEAST_REQUEST',
    connectTimeoutMs: pool?.connectTimeoutMs ?? defaultConnectTimeoutMs,
    ...(pool?.http2MaxRequests === undefined ? {} : { http2MaxRequests: pool.http2MaxRequests }),
    ...(pool?.maxRequestsPerConnection === undefined
      ? {}
      : { maxRequestsPerConnection: pool.maxRequestsPerConnection }),
    tls: tlsOf(spec),
  };
}

function tlsOf(spec: DestinationRule['spec']): TlsModel {
  const [unsupported] = spec.unsupported;
  if (unsupported !== undefined) return { mode: 'unsupported', ...unsupported };
  const tls = spec.trafficPolicy?.tls;
  if (tls === undefined) return { mode: 'auto' };
  if (tls.value === 'SIMPLE' || tls.value === 'MUTUAL') {
    return { mode: 'unsupported', field: `tls.mode ${tls.value}`, origin: tls.origin };
  }
  return { mode: tls.value, origin: tls.origin };
}

function reportShadowed(
  world: World,
  group: { readonly winner: DestinationRule | undefined; readonly rules: readonly DestinationRule[] },
): void {
  for (const rule of group.rules) {
    if (rule === group.winner || group.winner === undefined || rule.spec.trafficPolicy === undefined) continue;
    world.report(
      diagnose(codes.destinationRuleShadowed, {
        origin: rule.spec.trafficPolicy.origin,
        message: `trafficPolicy ignored: ${formatOrigin(group.winner.origin)} is older and has the same host "${rule.spec.host.value}"`,
        remedy: 'Merge the two DestinationRules.',
      }),
    );
  }
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

import type { ConnectionPool, PeerName } from '../plan/index.ts';
import type {
  ClientTls,
  DestinationRule,
  LoadBalancer,
  PortTrafficPolicy,
  Subset,
  TrafficPolicy,
  Unsupported,
} from '../resource/index.ts';
import { resolveCredential, resolveFiles } from './credentials.ts';
import type { ClientModel, ServicePortModel, TlsModel, TrafficPolicyModel } from './model.ts';
import type { World } from './world.ts';

/** `meshConfig.connectTimeout` of Istio. */
const defaultConnectTimeoutMs = 10_000;

export interface TrafficPolicySource {
  readonly client: ClientModel;
  readonly service: ServicePortModel;
  readonly rule?: DestinationRule;
  /** Of the whole destination. */
  readonly policy?: TrafficPolicy;
  readonly subset?: Subset;
  readonly isUndefinedSubset: boolean;
}

/** What holds for one client on its way to one Service port or subset, with Istio's defaults. */
export function trafficPolicyModel(world: World, source: TrafficPolicySource): TrafficPolicyModel {
  const { rule, subset, isUndefinedSubset } = source;
  const policy = effectivePolicy(source);
  return {
    ...(rule === undefined ? {} : { origin: rule.origin }),
    ...balancing(policy.loadBalancer),
    ...(policy.outlierDetection === undefined ? {} : { outlierDetection: policy.outlierDetection }),
    connectionPool: { ...connectionPoolModel(policy.connectionPool), ...retryBudgetOf(source) },
    tls: tlsOf(world, source, policy),
    ...(subset === undefined ? {} : { subset: { origin: subset.origin, labels: subset.labels } }),
    ...(isUndefinedSubset ? { undefinedSubset: true } : {}),
  };
}

type Blocks = Partial<PortTrafficPolicy> & { readonly unsupported: readonly Unsupported[] };

/** The destination's policy, then the subset's over it; within each a port's entry in place of the whole. */
function effectivePolicy({ policy, subset, service }: TrafficPolicySource): Blocks {
  const below = ofPort(policy, service.port);
  if (subset?.trafficPolicy === undefined) return below;
  const { trafficPolicy } = subset;
  const unsupported = [...below.unsupported, ...trafficPolicy.unsupported];
  const port = trafficPolicy.ports.find((entry) => entry.port === service.port);
  // As for the whole destination: what a port's entry leaves out has its default.
  if (port !== undefined) return { ...port, unsupported };
  const { loadBalancer, connectionPool, outlierDetection, tls } = trafficPolicy;
  return {
    ...below,
    ...(loadBalancer === undefined ? {} : { loadBalancer }),
    ...(connectionPool === undefined ? {} : { connectionPool }),
    ...(outlierDetection === undefined ? {} : { outlierDetection }),
    ...(tls === undefined ? {} : { tls }),
    unsupported,
  };
}

function ofPort(policy: TrafficPolicy | undefined, port: number): Blocks {
  if (policy === undefined) return { unsupported: [] };
  const entry = policy.ports.find((one) => one.port === port);
  return entry === undefined ? policy : { ...entry, unsupported: policy.unsupported };
}

function balancing(
  source: LoadBalancer | undefined,
): Pick<TrafficPolicyModel, 'loadBalancer' | 'hash' | 'locality' | 'warmup'> {
  const hash = source?.consistentHash;
  return {
    loadBalancer: hash === undefined ? (source?.simple?.value ?? 'LEAST_REQUEST') : 'CONSISTENT_HASH',
    ...(hash === undefined ? {} : { hash }),
    ...(source?.locality === undefined ? {} : { locality: source.locality }),
    ...(source?.warmup === undefined ? {} : { warmup: source.warmup }),
  };
}

/** With Istio's defaults. */
export function connectionPoolModel(source: PortTrafficPolicy['connectionPool']): ConnectionPool {
  if (source === undefined) return { connectTimeoutMs: defaultConnectTimeoutMs };
  const { origin: _, ...settings } = source;
  return { connectTimeoutMs: defaultConnectTimeoutMs, ...settings };
}

/** Not a block that ports can replace: the subset's, else the destination's. */
function retryBudgetOf({ policy, subset }: TrafficPolicySource): Pick<ConnectionPool, 'retryBudget'> {
  const retryBudget = subset?.trafficPolicy?.retryBudget ?? policy?.retryBudget;
  return retryBudget === undefined ? {} : { retryBudget };
}

function tlsOf(world: World, source: TrafficPolicySource, { tls, unsupported }: Blocks): TlsModel {
  const [refused] = [...unsupported, ...(tls?.unsupported ?? [])];
  if (refused !== undefined) return { mode: 'unsupported', ...refused };
  if (tls === undefined) return { mode: 'auto' };
  const { value: mode, origin } = tls.mode;
  if (mode === 'DISABLE') return { mode, origin };
  if (mode === 'ISTIO_MUTUAL') {
    const { sni, subjectAltNames } = tls;
    return { mode, origin, ...(sni === undefined ? {} : { sni }), subjectAltNames };
  }
  return originated(world, source, tls);
}

function originated(world: World, { client }: TrafficPolicySource, tls: ClientTls): TlsModel {
  const { mode, sni = '', subjectAltNames, insecureSkipVerify, credentialName } = tls;
  const names = subjectAltNames.map((value): PeerName => ({ type: 'any', value }));
  const common = { mode: 'tls', origin: mode.origin, sni, subjectAltNames: names, insecureSkipVerify } as const;
  const credential =
    credentialName === undefined
      ? resolveFiles(world, client, tls)
      : resolveCredential(world, {
          client,
          name: credentialName,
          wantsClientCertificate: mode.value === 'MUTUAL',
          wantsAuthorities: !insecureSkipVerify,
        });
  return 'unusable' in credential
    ? { mode: 'unsupported', field: credential.unusable, origin: (credentialName ?? mode).origin }
    : { ...common, ...credential };
}

/** A gateway in this process whose cluster is shaped as a test wants it, in front of scripted backends. */
import type { TestContext } from 'node:test';
import type { Cluster, Endpoint, Plan, PlanSecrets } from '../../src/plan/index.ts';
import type { Address, ClusterSnapshot, ProxyOptions } from '../../src/proxy/index.ts';
import { echoClient, type EchoClient } from './proxy-client.ts';
import { gatewayId, gatewayPortId, proxyPlan, type ProxyPlanSpec } from './proxy-plan.ts';
import { startProxy, type TestProxy } from './proxy-process.ts';
import { startScripted, type Script, type ScriptedBackend } from './proxy-scripted.ts';

export interface ClusterSpec extends Partial<Omit<ProxyPlanSpec, 'gatewayEndpoints'>> {
  readonly cluster?: Partial<Cluster>;
  /** Changes the endpoint at this place in the list. */
  readonly endpoint?: (index: number) => Partial<Endpoint>;
  readonly certificates?: Plan['certificates'];
  readonly secrets?: PlanSecrets;
}

export interface ClusterMesh {
  readonly gateway: TestProxy;
  readonly client: EchoClient;
  readonly address: Address;
  /** The gateway's own view of its one cluster. */
  cluster(): ClusterSnapshot;
  apply(endpoints: readonly Address[], spec?: ClusterSpec): Promise<void>;
}

function clusterPlan(endpoints: readonly Address[], spec: ClusterSpec): Plan {
  const plan = proxyPlan({ ...spec, gatewayEndpoints: endpoints });
  const clusters = Object.values(plan.clusters).map((cluster) => ({ ...cluster, ...spec.cluster }));
  const changed = Object.values(plan.endpoints).map((one, index) => ({ ...one, ...spec.endpoint?.(index) }));
  return {
    ...plan,
    clusters: Object.fromEntries(clusters.map((cluster) => [cluster.id, cluster])),
    endpoints: Object.fromEntries(changed.map((endpoint) => [endpoint.id, endpoint])),
    certificates: spec.certificates ?? {},
  };
}

/** Ends with the test. */
export async function startClusterMesh(
  context: TestContext,
  endpoints: readonly Address[],
  spec: ClusterSpec & { readonly options?: Partial<ProxyOptions> } = {},
): Promise<ClusterMesh> {
  const gateway = await startProxy(gatewayId, spec.options);
  context.after(() => gateway.proxy.close());
  const apply: ClusterMesh['apply'] = (addresses, changed = spec) =>
    gateway.apply(clusterPlan(addresses, changed), changed.secrets ?? new Map());
  await apply(endpoints);
  const address = gateway.addressOf(gatewayPortId);
  const client = echoClient(address);
  context.after(() => client.close());
  return {
    gateway,
    client,
    address,
    apply,
    cluster: () => {
      const [cluster] = gateway.proxy.snapshot().clusters;
      if (cluster === undefined) throw new Error('the gateway has no cluster');
      return cluster;
    },
  };
}

/** A backend that ends with the test; it answers every request at once with gRPC status 0 unless told otherwise. */
export async function startBackend(
  context: TestContext,
  script: Partial<Script> = { onEnd: (request) => request.end(0) },
): Promise<ScriptedBackend> {
  const backend = await startScripted({ onRequest: () => undefined, ...script });
  context.after(() => backend.close());
  return backend;
}

/** Asks again and again, letting everything else have its turn, until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

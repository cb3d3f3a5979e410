import type { GuardedWorkload, OutboundModel, TrafficPolicyLookup, WorkloadPortModel } from '../analysis/index.ts';
import type { Cluster, Endpoint, Port } from '../plan/index.ts';
import { portId, sidecarId } from './ids.ts';
import { workloadLabels } from './labels.ts';
import { outboundOf } from './outbound.ts';
import type { PlanPart } from './plan-part.ts';
import { lowerPolicies, lowerRequestAuthentications } from './policies.ts';
import type { LoweringContext } from './snapshot.ts';

/** Sidecars bind where only this machine reaches them, and at any free port, which they report. */
const sidecarBind = { host: '127.0.0.1', port: 0 } as const;

/** Istio's name for what arrives at a port that no Service has. */
const noService = 'InboundPassthroughCluster';

/** The proxy in front of a workload: for each of its ports mutual TLS, policy, and plaintext to the app. */
export function lowerSidecar(
  workload: GuardedWorkload,
  input: {
    readonly context: LoweringContext;
    readonly trafficPolicy: TrafficPolicyLookup;
    readonly outbound: OutboundModel;
  },
): PlanPart {
  const { options } = input.context;
  const proxy = sidecarId(workload);
  const labels = workloadLabels(workload.identity, options);
  const { namespace, serviceAccount } = workload.identity;
  const lowered = workload.ports.map((port) => lowerPort(workload, port, input.trafficPolicy));
  return {
    proxies: [
      {
        id: proxy,
        origin: workload.origin,
        role: 'sidecar',
        namespace,
        serviceAccount,
        labels,
        ...(workload.telemetry === undefined ? {} : { telemetry: workload.telemetry }),
        reflection: false,
        ...outboundOf(workload, input.outbound),
      },
    ],
    ports: lowered.map(({ port }) => port),
    listeners: lowered.map(({ listener }) => listener),
    virtualHosts: lowered.map(({ virtualHost }) => virtualHost),
    routes: lowered.map(({ route }) => route),
    clusters: lowered.map(({ cluster }) => cluster),
    endpoints: lowered.flatMap(({ addresses, cluster }) =>
      addresses.map((address, index): Endpoint => ({
        id: `${cluster.id}/${workload.name}/${index}`,
        origin: workload.origin,
        cluster: cluster.id,
        address,
        weight: 1,
        security: { mode: 'plaintext' },
        labels,
      })),
    ),
    policies: lowerPolicies(proxy, workload.policies),
    requestAuthentications: lowerRequestAuthentications(proxy, workload.requestAuthentications),
    certificates: [],
  };
}

function lowerPort(workload: GuardedWorkload, port: WorkloadPortModel, trafficPolicy: TrafficPolicyLookup) {
  const id = portId(sidecarId(workload), port.number);
  const cluster = inboundCluster(workload, port, trafficPolicy);
  const listener = { id: `${id}/inbound`, origin: port.origin, port: id, name: 'inbound', hostname: '*' };
  const virtualHost = { id: `${listener.id}/*`, origin: port.origin, listener: listener.id, hostname: '*' };
  const { kind, namespace, name } = workload.origin;
  return {
    port: boundPort(workload, port, id),
    listener: { ...listener, certificates: [], ...(port.relaysBytes === true ? ({ relay: 'tcp' } as const) : {}) },
    virtualHost,
    route: {
      id: `${virtualHost.id}/${kind}/${namespace}/${name}/0/0`,
      origin: port.origin,
      virtualHost: virtualHost.id,
      order: 0,
      match: { path: { type: 'PathPrefix', value: '/' }, headers: [] },
      action: { type: 'forward', backends: [{ weight: 1, cluster: cluster.id }] },
    },
    cluster,
    addresses: port.addresses,
  } as const;
}

function boundPort(workload: GuardedWorkload, port: WorkloadPortModel, id: string): Port {
  return {
    id,
    origin: port.origin,
    proxy: sidecarId(workload),
    direction: 'inbound',
    number: port.number,
    bind: sidecarBind,
    security: { mode: 'mtls', peerAuthentication: port.mtls.mode, origin: port.mtls.origin },
  };
}

/** The pool settings of the Service's DestinationRule hold here too; its balancer and TLS do not (istio.md 3.3). */
function inboundCluster(
  workload: GuardedWorkload,
  { number, origin, service, connectionPool }: WorkloadPortModel,
  trafficPolicy: TrafficPolicyLookup,
): Cluster {
  const { namespace } = workload.identity;
  const target = service ?? { namespace, name: noService, host: noService, port: number };
  // Selectors are for clients: an inbound cluster has the rule for all (pilot/pkg/model/sidecar.go, DestinationRule).
  const policy = trafficPolicy({ namespace, labels: {} }, { service: target });
  const name = `inbound|${number}||`;
  return {
    id: `${sidecarId(workload)}/${name}`,
    origin,
    proxy: sidecarId(workload),
    name,
    service: { host: target.host, name: target.name, namespace: target.namespace },
    port: number,
    loadBalancer: 'LEAST_REQUEST',
    connectionPool: connectionPool ?? policy.connectionPool,
    ...(policy.origin === undefined ? {} : { destinationRule: policy.origin }),
  };
}

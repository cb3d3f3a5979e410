import type { DestinationModel, PlaceModel, TrafficPolicyModel } from '../analysis/index.ts';
import type { Cluster, ConnectionPool, Endpoint } from '../plan/index.ts';
import { unknownLabels, workloadLabels } from './labels.ts';
import { portId, sidecarId } from './ids.ts';
import type { LoweringContext } from './snapshot.ts';

/** Istio's name of a cluster, without subsets. */
function outboundName({ service }: DestinationModel): string {
  return `outbound|${service.port}||${service.host}`;
}

export function outboundClusterId(proxy: string, destination: DestinationModel): string {
  return `${proxy}/${outboundName(destination)}`;
}

export function connectionPool(policy: TrafficPolicyModel): ConnectionPool {
  const { connectTimeoutMs, http2MaxRequests, maxRequestsPerConnection } = policy;
  return {
    connectTimeoutMs,
    ...(http2MaxRequests === undefined ? {} : { http2MaxRequests }),
    ...(maxRequestsPerConnection === undefined ? {} : { maxRequestsPerConnection }),
  };
}

export interface OutboundInput {
  readonly proxy: string;
  readonly destination: DestinationModel;
  readonly policy: TrafficPolicyModel;
}

/** A Service port as one proxy reaches it. */
export function outboundCluster({ proxy, destination, policy }: OutboundInput): Cluster {
  const { host, name, namespace, port } = destination.service;
  return {
    id: outboundClusterId(proxy, destination),
    origin: destination.origin,
    proxy,
    name: outboundName(destination),
    service: { host, name, namespace },
    port,
    loadBalancer: policy.loadBalancer,
    connectionPool: connectionPool(policy),
    ...(policy.origin === undefined ? {} : { destinationRule: policy.origin }),
  };
}

/** Endpoints that can be called now: a proxy that has not reported its address yet has none. */
export function outboundEndpoints(input: OutboundInput, context: LoweringContext): readonly Endpoint[] {
  const { proxy, destination, policy } = input;
  if (policy.tls.mode === 'unsupported') return [];
  const cluster = outboundClusterId(proxy, destination);
  const counts = new Map<string, number>();
  return destination.places.flatMap((place) => {
    const address = addressOf(place, context);
    if (address === undefined) return [];
    const name = place.type === 'proxied' ? place.workload.name : place.name;
    const number = counts.get(name) ?? 0;
    counts.set(name, number + 1);
    const identity = place.type === 'proxied' ? place.workload.identity : place.identity;
    const { trustDomain } = context.options;
    return [
      {
        id: `${cluster}/${name}/${number}`,
        origin: place.type === 'proxied' ? place.workload.origin : place.origin,
        cluster,
        address,
        weight: place.weight,
        security: securityOf(place, input),
        labels:
          identity === undefined
            ? unknownLabels(destination.service.namespace)
            : workloadLabels(identity, { trustDomain }),
      },
    ];
  });
}

function addressOf(place: PlaceModel, { placements }: LoweringContext): Endpoint['address'] | undefined {
  if (place.type === 'direct') return { host: place.host, port: place.port };
  return placements[portId(sidecarId(place.workload), place.containerPort)];
}

/** The DestinationRule decides where it says something; else mutual TLS wherever the other side takes it (istio.md 3.6). */
function securityOf(place: PlaceModel, { destination, policy }: OutboundInput): Endpoint['security'] {
  const { service, spiffeIds } = destination;
  const mutual = { mode: 'mtls', sni: `outbound_.${service.port}_._.${service.host}`, spiffeIds } as const;
  if (policy.tls.mode === 'ISTIO_MUTUAL') return { ...mutual, origin: policy.tls.origin };
  if (policy.tls.mode === 'DISABLE' || place.type === 'direct') return { mode: 'plaintext' };
  const port = place.workload.ports.find(({ number }) => number === place.containerPort);
  return port === undefined || port.mtls.mode === 'DISABLE'
    ? { mode: 'plaintext' }
    : { ...mutual, origin: port.mtls.origin };
}

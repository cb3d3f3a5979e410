import { compareText } from '../base/index.ts';
import { placesOf, type DestinationModel, type PlaceModel, type TrafficPolicyModel } from '../analysis/index.ts';
import type { Cluster, Endpoint, EndpointSecurity } from '../plan/index.ts';
import { unknownLabels, workloadLabels } from './labels.ts';
import { authoritiesId, certificateId, portId, sidecarId } from './ids.ts';
import { arrangeByLocality, localityWeights, type Placed } from './locality.ts';
import type { LoweringContext } from './snapshot.ts';

/** Istio's name of a cluster. */
function outboundName(destination: DestinationModel): string {
  const { service, subset, passedThrough } = destination;
  if (passedThrough === true) return serverName(destination);
  return `outbound|${service.port}|${subset ?? ''}|${service.host}`;
}

/** What a client of the mesh says in the handshake. */
function serverName({ service, subset = '' }: DestinationModel): string {
  return `outbound_.${service.port}_.${subset === '' ? '_' : `${subset}_`}.${service.host}`;
}

export function outboundClusterId(proxy: string, destination: DestinationModel): string {
  const ids = clusterIds.get(destination) ?? new Map<string, string>();
  clusterIds.set(destination, ids);
  const id = ids.get(proxy) ?? `${proxy}/${outboundName(destination)}`;
  ids.set(proxy, id);
  return id;
}

/** By proxy: thousands of routes name one cluster, and each would have a text of its own. */
const clusterIds = new WeakMap<DestinationModel, Map<string, string>>();

export interface OutboundInput {
  readonly proxy: string;
  /** The labels of the proxy that calls, which say where it runs. */
  readonly client: { readonly labels: Readonly<Record<string, string>> };
  readonly destination: DestinationModel;
  readonly policy: TrafficPolicyModel;
}

/** A Service port, or a subset of what is behind it, as one proxy reaches it. */
export function outboundCluster(input: OutboundInput, context: LoweringContext): Cluster {
  const { proxy, destination, policy } = input;
  const unready = unreadyBehind(input, context);
  const { host, name, namespace, port } = destination.service;
  const { hash, warmup, outlierDetection } = policy;
  const weights = localityWeights(input, placesOf(input.destination, input.policy));
  return {
    id: outboundClusterId(proxy, destination),
    origin: destination.origin,
    proxy,
    name: outboundName(destination),
    service: { host, name, namespace },
    port,
    loadBalancer: policy.loadBalancer,
    ...(hash === undefined ? {} : { hash }),
    ...(weights === undefined ? {} : { localityWeights: weights }),
    ...(warmup === undefined ? {} : { warmup }),
    ...(outlierDetection === undefined ? {} : { outlierDetection }),
    connectionPool: policy.connectionPool,
    ...(policy.origin === undefined ? {} : { destinationRule: policy.origin }),
    ...(unready.length === 0 ? {} : { unready }),
    ...(policy.undefinedSubset === undefined ? {} : { undefinedSubset: true }),
  };
}

/** Endpoints that can be called now: a proxy that has not reported its address yet has none. */
export function outboundEndpoints(input: OutboundInput, context: LoweringContext): readonly Endpoint[] {
  const { policy } = input;
  if (policy.tls.mode === 'unsupported') return [];
  const counts = new Map<string, number>();
  // Before priorities are given: where all of the nearest are unready, the next ones are the nearest.
  const callable = placesOf(input.destination, policy).filter(
    (place) => unreadyAt(place, { input, context }) === undefined,
  );
  return arrangeByLocality(input, callable).flatMap((placed) => {
    const name = nameOf(placed.place);
    return addressesOf(placed.place, context).map((address) => {
      const number = counts.get(name) ?? 0;
      counts.set(name, number + 1);
      return lowerEndpoint(input, { placed, address, name: `${name}/${number}`, context });
    });
  });
}

/** `namespace/name` of the workload at a place that is not to be called because it is not ready. */
function unreadyAt(
  place: PlaceModel,
  { input, context }: { readonly input: OutboundInput; readonly context: LoweringContext },
): string | undefined {
  const { unready } = context;
  if (unready.size === 0 || input.destination.takesUnready === true) return undefined;
  const identity = place.type === 'proxied' ? place.workload.identity : place.identity;
  if (identity === undefined) return undefined;
  const name = `${identity.namespace}/${identity.workloadName}`;
  return unready.has(name) ? name : undefined;
}

function unreadyBehind(input: OutboundInput, context: LoweringContext): readonly string[] {
  if (context.unready.size === 0) return [];
  const names = placesOf(input.destination, input.policy).map((place) => unreadyAt(place, { input, context }));
  return [...new Set(names.filter((name) => name !== undefined))].sort(compareText);
}

function nameOf(place: PlaceModel): string {
  return place.type === 'proxied' ? place.workload.name : place.name;
}

function lowerEndpoint(
  input: OutboundInput,
  at: {
    readonly placed: Placed;
    readonly address: Endpoint['address'];
    readonly name: string;
    readonly context: LoweringContext;
  },
): Endpoint {
  const { place, priority, locality } = at.placed;
  const cluster = outboundClusterId(input.proxy, input.destination);
  const identity = place.type === 'proxied' ? place.workload.identity : place.identity;
  const { trustDomain } = at.context.options;
  return {
    id: `${cluster}/${at.name}`,
    origin: place.type === 'proxied' ? place.workload.origin : place.origin,
    cluster,
    address: at.address,
    ...(place.type === 'direct' && place.lookup === 'request' ? { followsRequest: true } : {}),
    weight: place.weight,
    ...(priority === 0 ? {} : { priority }),
    ...(locality === '' ? {} : { locality }),
    security: securityOf(place, input),
    labels:
      identity === undefined
        ? unknownLabels(input.destination.service.namespace)
        : workloadLabels(identity, { trustDomain }),
  };
}

function addressesOf(
  place: PlaceModel,
  { placements, resolved, names }: LoweringContext,
): readonly Endpoint['address'][] {
  if (place.type === 'proxied') {
    const placed = placements[portId(sidecarId(place.workload), place.containerPort)];
    return placed === undefined ? [] : [placed];
  }
  const { host, port, lookup } = place;
  if (lookup === 'request') return [{ host, port }];
  const isName = lookup !== undefined && !isAddress(host);
  if (isName) names.add(host);
  const hosts = isName ? (resolved[host] ?? []) : [host];
  return hosts.slice(0, lookup === 'first' ? 1 : hosts.length).map((one) => ({ host: one, port }));
}

/** An endpoint of a host that is looked up may also be an address. */
function isAddress(host: string): boolean {
  return /^[0-9.]+$/.test(host) || host.includes(':');
}

/** The DestinationRule decides where it says something; else mutual TLS wherever the other side takes it (istio.md 3.6). */
function securityOf(place: PlaceModel, { destination, policy }: OutboundInput): EndpointSecurity {
  if (destination.passedThrough === true) return { mode: 'plaintext' };
  const { spiffeIds } = destination;
  const { tls } = policy;
  const sni = serverName(destination);
  const mutual = { mode: 'mtls', sni, spiffeIds } as const;
  if (tls.mode === 'tls') return lowerTls(tls, destination.subjectAltNames);
  if (tls.mode === 'ISTIO_MUTUAL') {
    const names = tls.subjectAltNames;
    return { ...mutual, sni: tls.sni ?? sni, spiffeIds: names.length === 0 ? spiffeIds : names, origin: tls.origin };
  }
  if (tls.mode === 'DISABLE' || destination.isExternal === true) return { mode: 'plaintext' };
  if (place.type === 'direct') {
    return place.takesMutualTls === true ? { ...mutual, origin: place.origin } : { mode: 'plaintext' };
  }
  const port = place.workload.ports.find(({ number }) => number === place.containerPort);
  return port === undefined || port.mtls.mode === 'DISABLE'
    ? { mode: 'plaintext' }
    : { ...mutual, origin: port.mtls.origin };
}

type TlsPolicy = Extract<TrafficPolicyModel['tls'], { readonly mode: 'tls' }>;

function lowerTls(tls: TlsPolicy, ofService: readonly string[] = []): EndpointSecurity {
  const { authorities, clientCertificate, insecureSkipVerify, ...rest } = tls;
  const names = ofService.map((value) => ({ type: 'any', value }) as const);
  return {
    ...rest,
    subjectAltNames: rest.subjectAltNames.length === 0 ? names : rest.subjectAltNames,
    ...(authorities === undefined ? {} : { authorities: authoritiesId(authorities) }),
    ...(clientCertificate === undefined ? {} : { clientCertificate: certificateId(clientCertificate) }),
    ...(insecureSkipVerify ? { insecureSkipVerify } : {}),
  };
}

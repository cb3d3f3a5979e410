import {
  defaultRetry,
  type DestinationModel,
  type GuardedWorkload,
  type OutboundHostModel,
  type OutboundModel,
  type OutboundScopeModel,
  type TrafficPolicyLookup,
} from '../analysis/index.ts';
import type { Listener, Outbound, Port, Route, VirtualHost } from '../plan/index.ts';
import { outboundClusterId } from './clusters.ts';
import { outboundPortId, outboundScopeId, sidecarId } from './ids.ts';
import { emptyPart, type PlanPart } from './plan-part.ts';
import { lowerRoutes } from './routes.ts';
import type { LoweringContext } from './snapshot.ts';
import { lowerUpstreams } from './upstreams.ts';

/** Where Istio's sidecars listen for the calls of their apps; the socket is bound elsewhere. */
const istioOutboundPort = 15_001;

/** The app finds it by its environment, so that any free port will do. */
const outboundBind = { host: '127.0.0.1', port: 0 } as const;

/** The virtual hosts and clusters of one scope: for each Service port one of either. */
export function lowerOutboundScope(
  scope: OutboundScopeModel,
  { context, trafficPolicy }: { readonly context: LoweringContext; readonly trafficPolicy: TrafficPolicyLookup },
): PlanPart {
  const proxy = outboundScopeId(scope);
  const destinations = new Map(
    scope.hosts.flatMap(destinationsOfHost).map((destination) => [outboundClusterId(proxy, destination), destination]),
  );
  const hops = [...destinations.values()].map((destination) => ({
    proxy,
    client: scope.client,
    destination,
    policy: trafficPolicy(scope.client, destination),
  }));
  const hosts = scope.hosts.map((host) => ({ host, virtualHost: virtualHostOf(proxy, host) }));
  return {
    ...emptyPart,
    virtualHosts: hosts.map(({ virtualHost }) => virtualHost),
    routes: hosts.flatMap(({ host, virtualHost: { id } }) =>
      host.matches === undefined
        ? [defaultRoute(proxy, host, id)]
        : lowerRoutes({ proxy, host: { matches: host.matches }, virtualHost: id }),
    ),
    ...lowerUpstreams(hops, context),
  };
}

function destinationsOfHost({ destination, matches }: OutboundHostModel): readonly DestinationModel[] {
  if (matches === undefined) return [destination];
  return matches.flatMap(({ rule: { backends, mirrors } }) => [
    ...backends.flatMap((backend) => ('destination' in backend ? [backend.destination] : [])),
    ...mirrors.map((mirror) => mirror.destination),
  ]);
}

function defaultRoute(proxy: string, { origin, destination }: OutboundHostModel, virtualHost: string): Route {
  const { namespace, name, port } = destination.service;
  return {
    id: `${virtualHost}/Service/${namespace}/${name}/${port}/0`,
    origin,
    virtualHost,
    order: 0,
    match: { path: { type: 'PathPrefix', value: '/' }, headers: [] },
    action: { type: 'forward', backends: [{ weight: 1, cluster: outboundClusterId(proxy, destination) }] },
    // Here Istio does not ask how the destination balances.
    retry: defaultRetry(origin, 0),
  };
}

function virtualHostOf(
  scope: string,
  { origin, host, port, isDefaultPort, serverName }: OutboundHostModel,
): VirtualHost {
  const hostname = `${host}:${port}`;
  return {
    id: `${scope}/${hostname}`,
    origin,
    listener: scope,
    hostname,
    ...(isDefaultPort ? { isDefaultPort } : {}),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

/** What a sidecar says of its outbound ports; nothing where it has none. */
export function outboundOf(workload: GuardedWorkload, { scopeOf }: OutboundModel): { readonly outbound?: Outbound } {
  const scope = scopeOf(workload);
  if (scope === undefined) return {};
  const { unknownHosts, unknownHostsOrigin } = scope;
  return {
    outbound: {
      scope: outboundScopeId(scope),
      unknownHosts,
      ...(unknownHostsOrigin === undefined ? {} : { origin: unknownHostsOrigin }),
    },
  };
}

/**
 * The outbound ports of a sidecar: one for all Services, where the authority selects, and for a workload that is started
 * here one for each Service port of its namespace, which its environment variables name, so that an app that only knows
 * host and port needs no authority.
 */
export function lowerOutboundPorts(workload: GuardedWorkload, outbound: OutboundModel): PlanPart {
  const scope = outbound.scopeOf(workload);
  if (scope === undefined) return emptyPart;
  const proxy = sidecarId(workload);
  const { origin } = workload;
  const listed = new Map(scope.hosts.map((host) => [`${host.host}:${host.port}`, host]));
  const doors: readonly Door[] = [
    { id: outboundPortId(proxy), origin, number: istioOutboundPort, name: 'outbound' },
    ...outbound.linksOf(workload).flatMap(({ service, portName }) => {
      const host = listed.get(`${service.host}:${service.port}`);
      if (host === undefined) return [];
      const pinned = virtualHostOf(outboundScopeId(scope), host).id;
      const door = { id: outboundPortId(proxy, service), origin: host.origin, number: service.port, name: portName };
      return [{ ...door, pinned, ...(host.relaysBytes === true ? { relaysBytes: true } : {}) }];
    }),
  ];
  return {
    ...emptyPart,
    ports: doors.map((door) => portOf(proxy, door)),
    listeners: doors.map(listenerOf),
  };
}

interface Door {
  readonly id: string;
  readonly origin: Port['origin'];
  readonly number: number;
  /** The name of the Service port. */
  readonly name: string;
  readonly pinned?: string;
  readonly relaysBytes?: boolean;
}

function portOf(proxy: string, { id, origin, number }: Door): Port {
  return { id, origin, proxy, direction: 'outbound', number, bind: outboundBind, security: { mode: 'plaintext' } };
}

function listenerOf({ id, origin, name, pinned, relaysBytes }: Door): Listener {
  return {
    id: `${id}/listener`,
    origin,
    port: id,
    name,
    hostname: '*',
    certificates: [],
    ...(pinned === undefined ? {} : { pinned }),
    ...(relaysBytes === true ? { relay: 'tcp' } : {}),
  };
}

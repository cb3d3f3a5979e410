import {
  destinationsOf,
  type GatewayModel,
  type ListenerModel,
  type TrafficPolicyLookup,
  type VirtualHostModel,
} from '../analysis/index.ts';
import type { Origin } from '../base/index.ts';
import type { Certificate, Listener, Port, Route, VirtualHost } from '../plan/index.ts';
import { certificateId, gatewayId, portId } from './ids.ts';
import { workloadLabels } from './labels.ts';
import type { PlanPart } from './plan-part.ts';
import { lowerRoutes } from './routes.ts';
import { lowerPolicies, lowerRequestAuthentications } from './policies.ts';
import type { LoweringContext } from './snapshot.ts';
import { lowerUpstreams } from './upstreams.ts';

export interface GatewayInput {
  readonly context: LoweringContext;
  readonly trafficPolicy: TrafficPolicyLookup;
  /** Where each listener port binds; see `gatewayBinds`. */
  readonly bindPort: (gateway: GatewayModel, port: number) => number;
}

/** A Gateway: its listeners with their routes, and a cluster for each Service port these lead to. */
export function lowerGateway(gateway: GatewayModel, input: GatewayInput): PlanPart {
  const { context, trafficPolicy } = input;
  const proxy = gatewayId(gateway);
  const { namespace, serviceAccount } = gateway.identity;
  const hops = destinationsOf(gateway).map((destination) => ({
    proxy,
    client: gateway.identity,
    destination,
    policy: trafficPolicy(gateway.identity, destination),
  }));
  const upstreams = lowerUpstreams(hops, context);
  const hosts = gateway.listeners.flatMap((listener) => {
    const id = listenerId(proxy, listener);
    return listener.virtualHosts.map((host) => lowerHost(host, { proxy, listener: id }));
  });
  return {
    proxies: [
      {
        id: proxy,
        origin: gateway.origin,
        role: 'gateway',
        namespace,
        serviceAccount,
        labels: workloadLabels(gateway.identity, context.options),
        ...(gateway.trustedProxies === undefined ? {} : { trustedProxies: gateway.trustedProxies }),
        ...(gateway.telemetry === undefined ? {} : { telemetry: gateway.telemetry }),
        reflection: context.options.reflection,
      },
    ],
    ports: lowerPorts(gateway, input),
    listeners: gateway.listeners.map((listener) => lowerListener(proxy, listener)),
    virtualHosts: hosts.map(({ virtualHost }) => virtualHost),
    routes: hosts.flatMap(({ routes }) => routes),
    ...upstreams,
    policies: lowerPolicies(proxy, gateway.policies),
    requestAuthentications: lowerRequestAuthentications(proxy, gateway.requestAuthentications),
    certificates: [
      ...upstreams.certificates,
      ...gateway.listeners.flatMap(({ certificates }) =>
        certificates.map(({ origin, chainPem, ...secret }): Certificate => ({
          id: certificateId(secret),
          origin,
          chainPem,
        })),
      ),
    ],
  };
}

interface LoweredHost {
  readonly virtualHost: VirtualHost;
  readonly routes: readonly Route[];
}

/** The analysis gives a host that did not change as the very same again, at the same listener. */
const loweredBefore = new WeakMap<VirtualHostModel, LoweredHost>();

function lowerHost(
  host: VirtualHostModel,
  { proxy, listener }: { readonly proxy: string; readonly listener: string },
): LoweredHost {
  const { hostname, origin } = host;
  const known = loweredBefore.get(host);
  if (known?.virtualHost.listener === listener) return known;
  const id = `${listener}/${hostname}`;
  const lowered = {
    virtualHost: { id, origin, listener, hostname },
    routes: lowerRoutes({ proxy, host, virtualHost: id }),
  };
  loweredBefore.set(host, lowered);
  return lowered;
}

function listenerId(proxy: string, { port, name, set }: ListenerModel): string {
  return `${portId(proxy, port)}/${set === undefined ? '' : `${set}/`}${name}`;
}

function lowerPorts(gateway: GatewayModel, { context, bindPort }: GatewayInput): readonly Port[] {
  const proxy = gatewayId(gateway);
  // Listeners that share a port agree in protocol; the first stands for it.
  const first = new Map([...gateway.listeners].toReversed().map((listener) => [listener.port, listener]));
  return [...first.values()].map(({ port, origin, protocol }) => ({
    id: portId(proxy, port),
    origin,
    proxy,
    direction: 'gateway',
    number: port,
    bind: { host: gateway.bindHost ?? context.options.bindHost, port: bindPort(gateway, port) },
    security: securityOf(protocol, origin),
  }));
}

function securityOf(protocol: ListenerModel['protocol'], origin: Origin): Port['security'] {
  if (protocol === 'MESH') return { mode: 'mtls', peerAuthentication: 'STRICT', origin };
  return { mode: protocol === 'HTTPS' || protocol === 'TLS' ? 'tls' : 'plaintext' };
}

function lowerListener(proxy: string, listener: ListenerModel): Listener {
  return {
    id: listenerId(proxy, listener),
    origin: listener.origin,
    port: portId(proxy, listener.port),
    name: listener.name,
    hostname: listener.hostname,
    certificates: listener.certificates.map(certificateId),
    ...(listener.clientValidation === undefined ? {} : { clientValidation: listener.clientValidation }),
    ...(listener.relay === undefined ? {} : { relay: listener.relay }),
    ...(listener.wantsTls13 === true ? { wantsTls13: true } : {}),
    ...(listener.group === undefined ? {} : { group: listener.group }),
  };
}

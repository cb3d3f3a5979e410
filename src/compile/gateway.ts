import { destinationsOf, type GatewayModel, type ListenerModel, type TrafficPolicyLookup } from '../analysis/index.ts';
import type { Origin } from '../base/index.ts';
import type { Certificate, Listener, Port } from '../plan/index.ts';
import { certificateId, gatewayId, listenerId, portId } from './ids.ts';
import { workloadLabels } from './labels.ts';
import type { PlanPart } from './plan-part.ts';
import { lowerPolicies, lowerRequestAuthentications } from './policies.ts';
import type { LoweringContext } from './snapshot.ts';
import { lowerUpstreams } from './upstreams.ts';

export interface GatewayInput {
  readonly context: LoweringContext;
  readonly trafficPolicy: TrafficPolicyLookup;
  /** Where each listener port binds; see `gatewayBinds`. */
  readonly bindPort: (gateway: GatewayModel, port: number) => number;
}

/** A Gateway: its listeners, and a cluster for each Service port that their routes lead to; the routes are `lowerHosts`'. */
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
    virtualHosts: [],
    routes: [],
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
    ...(listener.unguarded === true ? { unguarded: true } : {}),
    ...(listener.wantsTls13 === true ? { wantsTls13: true } : {}),
    ...(listener.group === undefined ? {} : { group: listener.group }),
  };
}

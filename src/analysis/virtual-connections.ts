/**
 * Routes of whole connections: `tls` and `tcp` of VirtualServices (istio.md 4.2). What a gateway looks at is the port and its
 * own name alone, as in Istio (pilot/pkg/networking/core/gateway.go, l4SingleMatch).
 */
import { diagnose } from '../base/index.ts';
import type { VirtualByteMatch, VirtualByteRoute } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { DestinationLookup } from './destinations.ts';
import type { BackendModel, MatchedRule } from './model.ts';
import { anyPath } from './virtual-rules.ts';
import { resolveVirtualDestination } from './virtual-destinations.ts';
import type { BoundVirtualService } from './virtual-services.ts';
import type { World } from './world.ts';

/** The listening port of a gateway whose connections are routed. */
export interface ConnectionPlace {
  /** `namespace/name`. */
  readonly gateway: string;
  readonly port: number;
  readonly destinations: DestinationLookup;
}

/** The first `tcp` route for the place gets all of its connections; VirtualServices in the order given. */
export function tcpRouteAt(
  world: World,
  services: readonly BoundVirtualService[],
  place: ConnectionPlace,
): MatchedRule | undefined {
  for (const service of services) {
    for (const [ruleIndex, route] of service.source.spec.tcp.entries()) {
      const matchIndex = route.matches.findIndex((match) => isFor(match, place));
      if (route.matches.length > 0 && matchIndex === -1) continue;
      const match = route.matches[matchIndex];
      if (match !== undefined) reportUnread(world, match, place);
      return connectionRule(world, { service, route, ruleIndex, matchIndex: Math.max(0, matchIndex), ...place });
    }
  }
  return undefined;
}

/** A server name of a `tls` route, lower case, maybe a wildcard. */
export interface ServerNameRule {
  readonly serverName: VirtualByteMatch['sniHosts'][number];
  readonly matched: MatchedRule;
}

/** The server names that `tls` routes have for the place, in the order of the routes. */
export function tlsRoutesAt(
  world: World,
  services: readonly BoundVirtualService[],
  place: ConnectionPlace,
): readonly ServerNameRule[] {
  return services.flatMap((service) =>
    service.source.spec.tls.flatMap((route, ruleIndex) =>
      route.matches.flatMap((match, matchIndex) => {
        if (!isFor(match, place)) return [];
        reportUnread(world, match, place);
        const matched = connectionRule(world, { service, route, ruleIndex, matchIndex, ...place });
        return match.sniHosts.map((serverName) => ({ serverName, matched }));
      }),
    ),
  );
}

function isFor({ port, gateways }: VirtualByteMatch, place: ConnectionPlace): boolean {
  return (port === undefined || port === place.port) && (gateways.length === 0 || gateways.includes(place.gateway));
}

export interface ConnectionRuleInput {
  readonly service: BoundVirtualService;
  readonly route: VirtualByteRoute;
  readonly ruleIndex: number;
  readonly matchIndex: number;
  /** The port that the client called. */
  readonly port: number;
  readonly destinations: DestinationLookup;
  /** Only connections with one of these. */
  readonly serverNames?: readonly string[];
  /** Why its connections are closed. */
  readonly failure?: string;
}

export function connectionRule(world: World, input: ConnectionRuleInput): MatchedRule {
  const { service, route, ruleIndex, matchIndex, port, destinations, serverNames, failure } = input;
  const { namespace, name, creationTimestamp } = service.source.metadata;
  const match = { path: anyPath, headers: [], ...(serverNames === undefined ? {} : { serverNames }) };
  const backends = route.destinations.map(({ weight, destination }): BackendModel => {
    const found = resolveVirtualDestination(world, {
      service: service.source,
      wanted: destination,
      port,
      destinations,
    });
    return 'invalid' in found ? { weight, invalid: found.invalid } : { weight, destination: found.destination };
  });
  return {
    route: { kind: 'VirtualService', namespace, name, creationTimestamp },
    match,
    matchIndex,
    ruleIndex,
    rule: {
      origin: route.origin,
      index: ruleIndex,
      matches: [match],
      backends,
      filters: {},
      mirrors: [],
      ...(failure === undefined ? {} : { failure }),
    },
  };
}

function reportUnread(world: World, match: VirtualByteMatch, { gateway }: ConnectionPlace): void {
  const fields = [
    ...(match.destinationSubnets.length > 0 ? ['destinationSubnets'] : []),
    ...(Object.keys(match.sourceLabels).length > 0 ? ['sourceLabels'] : []),
    ...(match.sourceNamespace === undefined ? [] : ['sourceNamespace']),
  ];
  if (fields.length === 0) return;
  world.report(
    diagnose(codes.connectionConditionUnread, {
      origin: match.origin,
      message: `Gateway "${gateway}" does not look at ${fields.join(', ')}: connections match without, as in Istio`,
      remedy: 'Take it away, or keep who may connect to the gateway out by an AuthorizationPolicy.',
    }),
  );
}

/**
 * Routes of VirtualServices for the connections that workloads make through their sidecars to one Service port (gateway
 * `mesh`). Unlike with HTTP all VirtualServices of the host count, the oldest first (pilot/pkg/networking/core/tls.go).
 */
import { diagnose } from '../base/index.ts';
import { blockHolds, prefixLength, type VirtualByteMatch, type VirtualByteRoute } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { DestinationLookup } from './destinations.ts';
import { hasLabels } from './labels.ts';
import type { ClientModel, MatchedRule } from './model.ts';
import { connectionRule } from './virtual-connections.ts';
import type { BoundVirtualService } from './virtual-services.ts';
import type { World } from './world.ts';

export interface CalledPort {
  readonly client: ClientModel;
  readonly host: string;
  readonly port: number;
  /** `tls` routes count, by server name; else `tcp` routes. */
  readonly isTls: boolean;
  /** Addresses that clients dial, as far as the YAML says them. */
  readonly addresses: readonly string[];
  /** VirtualServices of the host for this client. */
  readonly services: readonly BoundVirtualService[];
  readonly destinations: DestinationLookup;
}

/** Undefined: no route is for these connections, so that they go to the Service itself. */
export function connectionsInMesh(world: World, called: CalledPort): readonly MatchedRule[] | undefined {
  const rules = called.isTls ? tlsRules(world, called) : tcpRules(world, called);
  return rules.length === 0 ? undefined : rules;
}

interface Candidate {
  readonly service: BoundVirtualService;
  readonly route: VirtualByteRoute;
  readonly ruleIndex: number;
  readonly matchIndex: number;
  /** Length of the prefix that holds the address; -1 where the address does not matter. */
  readonly prefix: number;
  readonly failure?: string;
}

/** Of routes that ask for the address the one with the longest prefix, else the first that does not ask. */
function tcpRules(world: World, called: CalledPort): readonly MatchedRule[] {
  const candidates = tcpCandidates(world, called);
  const [first] = candidates;
  if (first === undefined) return [];
  const best = candidates.reduce((best_, next) => (next.prefix > best_.prefix ? next : best_), first);
  return [connectionRule(world, { ...best, port: called.port, destinations: called.destinations })];
}

/** Up to the first route that takes every address: what follows is never looked at. */
function tcpCandidates(world: World, called: CalledPort): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (const service of called.services) {
    for (const [ruleIndex, route] of service.source.spec.tcp.entries()) {
      const base = { service, route, ruleIndex };
      if (route.matches.length === 0) return [...candidates, { ...base, matchIndex: 0, prefix: -1 }];
      const ours = [...route.matches.entries()].filter(([, match]) => isFor(match, called));
      const open = ours.find(([, match]) => match.destinationSubnets.length === 0);
      if (open !== undefined) return [...candidates, { ...base, matchIndex: open[0], prefix: -1 }];
      for (const [matchIndex, match] of ours)
        candidates.push(...judged(world, { ...base, matchIndex }, { match, called }));
    }
  }
  return candidates;
}

function tlsRules(world: World, called: CalledPort): readonly MatchedRule[] {
  const { port, destinations } = called;
  return called.services.flatMap((service) =>
    service.source.spec.tls.flatMap((route, ruleIndex) =>
      [...route.matches.entries()]
        .filter(([, match]) => isFor(match, called))
        .flatMap(([matchIndex, match]) => {
          const serverNames = match.sniHosts.map(({ value }) => value);
          return judged(world, { service, route, ruleIndex, matchIndex }, { match, called }).map((candidate) =>
            connectionRule(world, { ...candidate, serverNames, port, destinations }),
          );
        }),
    ),
  );
}

/** Longer than any, so that a route whose subnets cannot be judged is the one: its connections are closed. */
const unknownPrefix = 129;

/** Whether an address that clients dial is of the match's subnets; none: it is not. */
function judged(
  world: World,
  base: Omit<Candidate, 'prefix' | 'failure'>,
  { match, called }: { readonly match: VirtualByteMatch; readonly called: CalledPort },
): readonly Candidate[] {
  const { destinationSubnets, origin } = match;
  const { addresses, host } = called;
  if (destinationSubnets.length === 0) return [{ ...base, prefix: -1 }];
  if (addresses.length === 0) {
    const failure = `destinationSubnets cannot be judged: the YAML has no address of host "${host}"`;
    world.report(
      diagnose(codes.destinationSubnetsUnknown, {
        origin,
        message: `${failure}; its connections are closed`,
        remedy:
          'Write the clusterIP of the Service or the addresses of the ServiceEntry, or take destinationSubnets away.',
      }),
    );
    return [{ ...base, prefix: unknownPrefix, failure }];
  }
  const holding = destinationSubnets.filter((block) => addresses.some((address) => blockHolds(block, address)));
  return holding.length === 0 ? [] : [{ ...base, prefix: Math.max(...holding.map(prefixLength)) }];
}

/** The conditions on the caller and the port (matchTCP, matchTLS); unlike with HTTP, labels count beside gateways. */
function isFor(match: VirtualByteMatch, { client, port }: CalledPort): boolean {
  return (
    (match.port === undefined || match.port === port) &&
    (match.gateways.length === 0 || match.gateways.includes('mesh')) &&
    hasLabels(client.labels, match.sourceLabels) &&
    (match.sourceNamespace === undefined || match.sourceNamespace === client.namespace)
  );
}

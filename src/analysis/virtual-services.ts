import type { Origin } from '../base/index.ts';
import type { VirtualHttpRoute, VirtualMatch, VirtualService } from '../resource/index.ts';
import { compareObjects } from './age.ts';
import type { DestinationLookup } from './destinations.ts';
import { hostnameCovers } from './hostname.ts';
import { hasLabels, type Labels } from './labels.ts';
import type { MeshCandidate } from './mesh-candidates.ts';
import type { MatchedRule, MatchModel, RuleModel } from './model.ts';
import { withDelegates } from './virtual-delegates.ts';
import { isCatchAll, replacedBy, virtualMatch, virtualRule } from './virtual-rules.ts';
import { fullHostName, groupBy, type World } from './world.ts';

/** The proxy that applies VirtualServices: a gateway, or the sidecar of a workload that calls. */
export interface VirtualClient {
  /** Namespace and labels of the proxy's own workload, for `exportTo`, `sourceNamespace` and `sourceLabels`. */
  readonly namespace: string;
  readonly labels: Labels;
  /** Absent: all that is exported to it. */
  readonly imports?: (service: BoundVirtualService) => boolean;
}

export interface VirtualServices {
  /** All that bind hosts, oldest first, delegates put in their places. */
  readonly all: readonly BoundVirtualService[];
  /** Those that name an Istio Gateway (`namespace/name`) and are exported to the namespace of its proxy. */
  readonly atGateway: (gateway: string, client: VirtualClient) => readonly BoundVirtualService[];
  /**
   * Those whose routes the sidecar of a calling workload may apply to one host of the registry on one port (gateway `mesh`):
   * the ones that have this very host, else one with the longest wildcard.
   */
  readonly inMesh: (client: VirtualClient, called: CalledHost) => readonly MeshCandidate[];
  /** All that bind a host of the registry to `mesh` for this caller, oldest first. */
  readonly forMeshHost: (client: VirtualClient, host: string) => readonly BoundVirtualService[];
  /** Hosts that VirtualServices bind to `mesh` for this caller, each once; some may be no host of the registry. */
  readonly meshHosts: (client: VirtualClient) => readonly string[];
  /** The matches of one VirtualService for one proxy, on one port, in the order they are written. */
  readonly matchesFor: (service: BoundVirtualService, place: VirtualPlace) => readonly MatchedRule[];
}

export interface CalledHost {
  /** Full host name, lower case. */
  readonly host: string;
  /** The port that the client calls. */
  readonly port: number;
}

export interface VirtualPlace {
  /** `mesh` or `namespace/name`. */
  readonly gateway: string;
  readonly client: VirtualClient;
  readonly port: number;
}

export interface BoundVirtualService {
  readonly source: VirtualService;
  /** Full names, lower case, with the place of each. */
  readonly hosts: readonly { readonly value: string; readonly origin: Origin }[];
  readonly routes: readonly VirtualHttpRoute[];
}

export function makeVirtualServices(world: World, destinations: DestinationLookup): VirtualServices {
  const all = [...world.resources.virtualServices]
    .sort(compareObjects)
    .filter(({ spec }) => spec.hosts.length > 0)
    .map((source) => ({
      source,
      hosts: source.spec.hosts.map(({ value, origin }) => ({
        value: fullHostName(value, source.metadata.namespace),
        origin,
      })),
      routes: withDelegates(world, source),
    }));
  const byGateway = groupBy(
    all.flatMap((service) =>
      [...new Set(service.source.spec.gateways.map(({ value }) => value))].map((gateway) => ({ gateway, service })),
    ),
    ({ gateway }) => gateway,
  );
  const boundTo = (gateway: string, client: VirtualClient): readonly BoundVirtualService[] =>
    (byGateway.get(gateway) ?? []).map(({ service }) => service).filter((service) => isVisible(service, client));
  const rules = makeRuleCache(world, destinations);
  const matchesFor = (service: BoundVirtualService, place: VirtualPlace): readonly MatchedRule[] =>
    matchesOf(service, place, rules);
  const mesh = indexMesh((byGateway.get('mesh') ?? []).map(({ service }) => service));
  return {
    all,
    atGateway: boundTo,
    matchesFor,
    forMeshHost: (client, host) => {
      const found = new Set(mesh.covering(host).filter((service) => isVisible(service, client)));
      return found.size < 2 ? [...found] : all.filter((service) => found.has(service));
    },
    inMesh: (client, called) =>
      mesh.mostSpecific(called.host, client).map((service) => ({
        origin: service.source.origin,
        metadata: service.source.metadata,
        exportTo: service.source.spec.exportTo,
        isGatewayApi: false,
        matches: () => matchesFor(service, { gateway: 'mesh', client, port: called.port }),
      })),
    meshHosts: (client) => [
      ...new Set(boundTo('mesh', client).flatMap(({ hosts }) => hosts.map(({ value }) => value))),
    ],
  };
}

function isVisible(service: BoundVirtualService, { namespace, imports }: VirtualClient): boolean {
  const { exportTo } = service.source.spec;
  const isExported = exportTo.length === 0 || exportTo.includes(namespace);
  return isExported && (imports === undefined || imports(service));
}

interface MeshIndex {
  /** Those with exactly this host that the client sees, else the first with the longest wildcard. */
  readonly mostSpecific: (host: string, client: VirtualClient) => readonly BoundVirtualService[];
  /** Exact ones, then wildcards, longest first; of equal hosts the oldest first. */
  readonly covering: (host: string) => readonly BoundVirtualService[];
}

function indexMesh(services: readonly BoundVirtualService[]): MeshIndex {
  const entries = services.flatMap((service) => service.hosts.map(({ value }) => ({ host: value, service })));
  const exact = groupBy(entries, ({ host }) => host);
  const wildcards = entries.filter(({ host }) => host.startsWith('*')).sort((a, b) => b.host.length - a.host.length);
  const exactFor = (host: string): BoundVirtualService[] => (exact.get(host) ?? []).map(({ service }) => service);
  const wideFor = (host: string): BoundVirtualService[] =>
    wildcards.filter((entry) => hostnameCovers(entry.host, host)).map(({ service }) => service);
  return {
    covering: (host) => [...exactFor(host), ...wideFor(host)],
    mostSpecific: (host, client) => {
      const found = exactFor(host).filter((service) => isVisible(service, client));
      if (found.length > 0) return found;
      const wide = wideFor(host).find((service) => isVisible(service, client));
      return wide === undefined ? [] : [wide];
    },
  };
}

/** Everything after a match that takes all is unreachable, and left out: a gateway moves that match to the end. */
function matchesOf(service: BoundVirtualService, place: VirtualPlace, rules: RuleCache): readonly MatchedRule[] {
  const { metadata } = service.source;
  const { namespace, name, creationTimestamp } = metadata;
  const identity = { kind: 'VirtualService', namespace, name, creationTimestamp };
  const matches: MatchedRule[] = [];
  for (const [ruleIndex, written] of service.routes.entries()) {
    const entries: readonly (VirtualMatch | undefined)[] = written.matches.length === 0 ? [undefined] : written.matches;
    for (const [matchIndex, entry] of entries.entries()) {
      if (entry !== undefined && !appliesTo(entry, place)) continue;
      const match = virtualMatch(entry);
      matches.push({
        route: identity,
        match,
        matchIndex,
        ruleIndex,
        rule: rules({ service, route: written, index: ruleIndex, match, port: place.port }),
      });
      if (isCatchAll(match)) return matches;
    }
  }
  return matches;
}

/** The conditions on the caller and the port (pilot/pkg/networking/core/route, sourceMatchHTTP). */
function appliesTo(match: VirtualMatch, { gateway, client, port }: VirtualPlace): boolean {
  if (match.port !== undefined && match.port !== port) return false;
  if (match.gateways.length > 0) return match.gateways.includes(gateway);
  return (
    hasLabels(client.labels, match.sourceLabels) &&
    (match.sourceNamespace === undefined || match.sourceNamespace === client.namespace)
  );
}

type RuleCache = (wanted: {
  readonly service: BoundVirtualService;
  readonly route: VirtualHttpRoute;
  readonly index: number;
  readonly match: MatchModel;
  readonly port: number;
}) => RuleModel;

/** Rules are made, and complained about, once for each port and way of matching. */
function makeRuleCache(world: World, destinations: DestinationLookup): RuleCache {
  const known = new Map<VirtualHttpRoute, Map<string, RuleModel>>();
  return ({ service, route, index, match, port }) => {
    const made = known.get(route) ?? new Map<string, RuleModel>();
    known.set(route, made);
    const replaces = replacedBy(match);
    const key = `${port} ${replaces}`;
    const rule =
      made.get(key) ?? virtualRule(world, { service: service.source, route, index, port, replaces, destinations });
    made.set(key, rule);
    return rule;
  };
}

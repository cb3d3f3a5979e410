/** Which routes share a hostname on a listener, kept up to date by the routes that come and go. */
import { compareText, diagnose, formatOrigin, type Diagnostic } from '../base/index.ts';
import { whyFirst } from './age.ts';
import { codes } from './codes.ts';
import type { CheckedListener } from './listeners.ts';
import { changeListing, elementIn, emptyListing, type Listing } from '../plan/index.ts';
import { factsOf } from './host-facts.ts';
import type { ClaimRule, DestinationModel, KeptHosts, VirtualHostModel } from './model.ts';
import { compareRoutes, rankedMatches, type CheckedRoute, type RouteChange } from './routes.ts';
import { reportShadowedMatches } from './shadowed-matches.ts';
import { groupBy } from './world.ts';

/** The virtual hosts of one listener. */
export interface ListenerHosts {
  /** By hostname. */
  readonly hosts: Listing<Host>;
  /** Of `hosts`. */
  readonly models: readonly VirtualHostModel[];
  /** Of hosts with findings. */
  readonly findings: ReadonlyMap<string, readonly Diagnostic[]>;
  readonly kept: KeptHosts;
  /** How many hosts lead to each destination. */
  readonly leading: ReadonlyMap<DestinationModel, number>;
  /** Of hosts with any. */
  readonly claims: ReadonlyMap<string, readonly ClaimRule[]>;
}

interface Host {
  /** Oldest first. */
  readonly members: readonly CheckedRoute[];
  readonly model: VirtualHostModel;
}

export type HostsByListener = ReadonlyMap<CheckedListener, ListenerHosts>;

export const noHosts: ListenerHosts = {
  hosts: emptyListing,
  models: [],
  findings: new Map(),
  kept: { destinations: [], claims: [] },
  leading: new Map(),
  claims: new Map(),
};

/** What is different for one hostname. */
interface HostChange {
  /** Sets, since several parentRefs of a route may lead to one listener. */
  readonly added: Set<CheckedRoute>;
  readonly removed: Set<CheckedRoute>;
}

/** The virtual hosts of each listener, their matches in order of precedence. A host whose routes stayed is the very same. */
export function updateHosts(before: HostsByListener, { added, removed }: RouteChange): HostsByListener {
  const changes = new Map<CheckedListener, Map<string, HostChange>>();
  for (const route of removed) for (const change of changesOf(changes, route)) change.removed.add(route);
  for (const route of added) for (const change of changesOf(changes, route)) change.added.add(route);
  const next = new Map(before);
  for (const [listener, ofListener] of changes) {
    next.set(listener, updateListener(before.get(listener) ?? noHosts, { listener, changes: ofListener }));
  }
  return next;
}

function changesOf(
  changes: Map<CheckedListener, Map<string, HostChange>>,
  { attachments }: CheckedRoute,
): readonly HostChange[] {
  return attachments.flatMap(({ bonds }) =>
    bonds.flatMap(({ listener, hostnames }) => {
      const ofListener = changes.get(listener) ?? new Map<string, HostChange>();
      changes.set(listener, ofListener);
      return hostnames.map((hostname) => {
        const change = ofListener.get(hostname) ?? { added: new Set(), removed: new Set() };
        ofListener.set(hostname, change);
        return change;
      });
    }),
  );
}

function updateListener(
  before: ListenerHosts,
  { listener, changes }: { readonly listener: CheckedListener; readonly changes: ReadonlyMap<string, HostChange> },
): ListenerHosts {
  const findings = new Map(before.findings);
  const gone: Host[] = [];
  const made = { ids: [] as string[], elements: [] as Host[] };
  const removed = new Set<string>();
  for (const [hostname, change] of [...changes].sort(([a], [b]) => compareText(a, b))) {
    const old = elementIn(before.hosts, hostname);
    if (old !== undefined) gone.push(old);
    const stayed = (old?.members ?? []).filter((member) => !change.removed.has(member));
    const members = [...stayed, ...change.added].sort(compareRoutes);
    const found: Diagnostic[] = [];
    const host = makeHost({ listener, hostname, members, report: (finding) => found.push(finding) });
    if (found.length > 0) findings.set(hostname, found);
    else findings.delete(hostname);
    if (host === undefined) removed.add(hostname);
    else {
      made.ids.push(hostname);
      made.elements.push(host);
    }
  }
  const models = { ids: made.ids, elements: made.elements.map(({ model }) => model) };
  const hosts = changeListing(before.hosts, { set: made, removed });
  const modelsBefore = { ids: before.hosts.ids, elements: before.models };
  return {
    hosts,
    models: changeListing(modelsBefore, { set: models, removed }).elements,
    findings,
    ...updateFacts(before, { gone, made: made.elements }),
  };
}

/** What follows from all hosts, by those that came and went. */
function updateFacts(
  before: ListenerHosts,
  { gone, made }: { readonly gone: readonly Host[]; readonly made: readonly Host[] },
): Pick<ListenerHosts, 'kept' | 'leading' | 'claims'> {
  const leading = new Map(before.leading);
  const claims = new Map(before.claims);
  for (const { model } of gone) {
    claims.delete(model.hostname);
    for (const destination of factsOf(model).destinations) {
      const left = (leading.get(destination) ?? 0) - 1;
      if (left > 0) leading.set(destination, left);
      else leading.delete(destination);
    }
  }
  for (const { model } of made) {
    const facts = factsOf(model);
    if (facts.claims.length > 0) claims.set(model.hostname, facts.claims);
    for (const destination of facts.destinations) leading.set(destination, (leading.get(destination) ?? 0) + 1);
  }
  return { kept: { destinations: [...leading.keys()], claims: [...claims.values()].flat() }, leading, claims };
}

interface HostInput {
  readonly listener: CheckedListener;
  readonly hostname: string;
  /** Oldest first. */
  readonly members: readonly CheckedRoute[];
  readonly report: (finding: Diagnostic) => void;
}

function makeHost(input: HostInput): Host | undefined {
  const { hostname, members } = input;
  const ranked = groupsByHostname(input);
  const served = connectionRoute(input, ranked) ?? members;
  const [oldest] = served;
  if (oldest === undefined) return undefined;
  reportMixedKinds({ ...input, members: served });
  const groups = served === members ? ranked : [served];
  const [only] = groups;
  const matches = groups.length === 1 && only !== undefined ? rankedMatches(only) : groups.flatMap(rankedMatches);
  if (input.listener.relay === undefined) reportShadowedMatches(hostname, matches, input.report);
  return { members, model: { hostname, origin: oldest.source.origin, matches } };
}

/**
 * "Precedence must be given to rules from the HTTPRoute with the largest number of characters in a matching non-wildcard
 * hostname, characters in a matching hostname": what the routes have written counts, though all of it comes to the listener's
 * hostname here (GatewayRouteHostnameIntersectionPrecedence).
 */
function groupsByHostname({ listener, hostname, members }: HostInput): readonly (readonly CheckedRoute[])[] {
  if (hostname === '*' || hostname !== listener.hostname) return [members];
  const breadthOf = ({ attachments }: CheckedRoute): string =>
    attachments.flatMap(({ bonds }) => bonds).find((bond) => bond.listener === listener)?.broader ?? '';
  const groups = [...groupBy(members, breadthOf)];
  // Of names that cover one name the longer is the narrower; the exact one has none that is broader.
  const rank = (broader: string): number => (broader === '' ? Number.POSITIVE_INFINITY : broader.length);
  return groups.sort(([a], [b]) => (rank(a) < rank(b) ? 1 : -1)).map(([, group]) => group);
}

/** A connection has no request to choose by, so one of the routes that want it gets it (Gateway API, TCPRoute). */
function connectionRoute(
  { listener, report }: HostInput,
  ranked: readonly (readonly CheckedRoute[])[],
): readonly CheckedRoute[] | undefined {
  const { relay, source } = listener;
  const [first, ...others] = ranked.flat();
  if (relay === undefined || first === undefined) return undefined;
  for (const other of others) {
    const why =
      ranked[0]?.includes(other) === true ? whyFirst(first.source, other.source) : 'has the more specific hostname';
    report(
      diagnose(codes.connectionRouteShadowed, {
        origin: other.source.origin,
        message: `gets no connections of listener "${source.name}": ${formatOrigin(first.source.origin)} ${why}`,
        remedy: 'Give the routes different hostnames or listeners, or put their backends into one rule.',
      }),
    );
  }
  return [first];
}

function reportMixedKinds({ hostname, members, report }: HostInput): void {
  const http = members.find(({ source }) => source.kind === 'HTTPRoute');
  const grpc = members.find(({ source }) => source.kind === 'GRPCRoute');
  if (http === undefined || grpc === undefined) return;
  const newer = members.indexOf(http) < members.indexOf(grpc) ? grpc : http;
  const older = newer === http ? grpc : http;
  report(
    diagnose(codes.routeKindsMixed, {
      origin: newer.source.origin,
      message: `hostname "${hostname}" is served together with ${formatOrigin(older.source.origin)}, of the other kind`,
      remedy: 'Use one kind for each hostname: the Gateway API lets a gateway refuse the newer route.',
    }),
  );
}

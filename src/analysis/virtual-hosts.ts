/** Which routes share a hostname on a listener, kept up to date by the routes that come and go. */
import { compareText, diagnose, formatOrigin, type Diagnostic } from '../base/index.ts';
import { codes } from './codes.ts';
import type { CheckedListener } from './listeners.ts';
import { mergeSorted } from './merge-sorted.ts';
import type { VirtualHostModel } from './model.ts';
import { compareRoutes, rankedMatches, type CheckedRoute, type RouteChange } from './routes.ts';
import { groupBy } from './world.ts';

/** The virtual hosts of one listener. */
export interface ListenerHosts {
  readonly byHostname: ReadonlyMap<string, Host>;
  /** Sorted by hostname. */
  readonly models: readonly VirtualHostModel[];
  /** Of hosts with findings. */
  readonly findings: ReadonlyMap<string, readonly Diagnostic[]>;
}

interface Host {
  /** Oldest first. */
  readonly members: readonly CheckedRoute[];
  readonly model: VirtualHostModel;
}

export type HostsByListener = ReadonlyMap<CheckedListener, ListenerHosts>;

const noHosts: ListenerHosts = { byHostname: new Map(), models: [], findings: new Map() };

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
  const byHostname = new Map(before.byHostname);
  const findings = new Map(before.findings);
  const made: VirtualHostModel[] = [];
  for (const [hostname, { added, removed }] of changes) {
    const stayed = (byHostname.get(hostname)?.members ?? []).filter((member) => !removed.has(member));
    const members = [...stayed, ...added].sort(compareRoutes);
    const found: Diagnostic[] = [];
    const host = makeHost({ listener, hostname, members, report: (finding) => found.push(finding) });
    if (found.length > 0) findings.set(hostname, found);
    else findings.delete(hostname);
    if (host === undefined) byHostname.delete(hostname);
    else {
      byHostname.set(hostname, host);
      made.push(host.model);
    }
  }
  const models = mergeSorted(before.models, { added: made, isGone: ({ hostname }) => changes.has(hostname) }, (a, b) =>
    compareText(a.hostname, b.hostname),
  );
  return { byHostname, models, findings };
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
    const why = ranked[0]?.includes(other) === true ? 'is older' : 'has the more specific hostname';
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

import {
  formatLocality,
  labelsOfLocality,
  labelsOfPlace,
  localityOfLabels,
  parseLocality,
  type Locality,
  type PlaceModel,
  type TrafficPolicyModel,
} from '../analysis/index.ts';

type Labels = Readonly<Record<string, string>>;

/** Who calls and what was asked for; see `OutboundInput`. */
export interface LocalityInput {
  readonly client: { readonly labels: Labels };
  readonly policy: Pick<TrafficPolicyModel, 'locality' | 'outlierDetection'>;
}

export interface Placed {
  readonly place: PlaceModel;
  /** 0 first. */
  readonly priority: number;
  /** As in the plan; empty where it plays no part. */
  readonly locality: string;
}

/**
 * Gives each place its priority or share, as Istio does (pilot/pkg/networking/core/loadbalancer): `distribute` shares out by
 * locality; else, where outlier detection is on to notice failures, nearer places are preferred to farther ones.
 */
export function arrangeByLocality(input: LocalityInput, places: readonly PlaceModel[]): readonly Placed[] {
  if (localityWeights(input, places) !== undefined) {
    const own = localityOfLabels(input.client.labels);
    return places.map((place) => ({ place, priority: 0, locality: formatLocality(localityOf(place, own)) }));
  }
  const priorities = failsOver(input) ? prioritiesOf(input, places) : places.map(() => 0);
  return places.map((place, index) => ({ place, priority: priorities[index] ?? 0, locality: '' }));
}

/** The share of each locality where the client's own is distributed from; undefined where nothing is distributed. */
export function localityWeights(
  { client, policy }: LocalityInput,
  places: readonly PlaceModel[],
): Readonly<Record<string, number>> | undefined {
  const { distribute = [] } = policy.locality?.enabled === false ? {} : (policy.locality ?? {});
  const own = localityOfLabels(client.labels);
  const rule = distribute.find(({ from }) => localityMatches(own, from));
  if (rule === undefined) return undefined;
  const localities = places.map((place) => localityOf(place, own));
  const left = new Map(localities.map((locality) => [formatLocality(locality), locality]));
  const sizes = new Map<string, number>();
  for (const [index, place] of places.entries()) {
    const key = formatLocality(localities[index] as Locality);
    sizes.set(key, (sizes.get(key) ?? 0) + place.weight);
  }
  const weights: [string, number][] = [];
  // The narrowest pattern first, so that `*` takes what the others leave.
  for (const { locality: pattern, weight } of [...rule.to].sort((a, b) => breadth(a.locality) - breadth(b.locality))) {
    const matched = [...left].filter(([, locality]) => localityMatches(locality, pattern)).map(([key]) => key);
    const total = matched.reduce((sum, key) => sum + (sizes.get(key) ?? 0), 0);
    for (const key of matched) {
      left.delete(key);
      weights.push([key, (weight * (sizes.get(key) ?? 0)) / total]);
    }
  }
  return Object.fromEntries(weights.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** 0 for a whole locality, more for each part that is left open. */
function breadth(pattern: string): number {
  if (pattern === '*') return 3;
  return 3 - pattern.split('/').filter((part) => part !== '*').length;
}

/** Istio's `LocalityMatch`: parts that a pattern leaves out, or writes as `*`, match anything. */
function localityMatches(locality: Locality, pattern: string): boolean {
  const wanted = parseLocality(pattern);
  const isOpen = (part: string): boolean => part === '' || part === '*';
  if (isOpen(wanted.region)) return true;
  if (wanted.region !== locality.region) return false;
  if (isOpen(wanted.zone)) return true;
  return wanted.zone === locality.zone && (isOpen(wanted.subzone) || wanted.subzone === locality.subzone);
}

/** An EndpointSlice says no region, which on a cluster is the node's: the client's own zone is in the client's region. */
function localityOf(place: PlaceModel, own: Locality): Locality {
  const written = place.type === 'proxied' ? place.workload.locality : place.locality;
  const found = written ?? localityOfLabels(labelsOfPlace(place));
  return found.region === '' && found.zone !== '' && found.zone === own.zone ? { ...found, region: own.region } : found;
}

/** Without outlier detection nobody would notice that a nearer place fails. */
function failsOver({ policy }: LocalityInput): boolean {
  return policy.outlierDetection !== undefined && policy.locality?.enabled !== false;
}

function prioritiesOf({ client, policy }: LocalityInput, places: readonly PlaceModel[]): readonly number[] {
  const own = localityOfLabels(client.labels);
  const { failoverPriority = [], failover = [] } = policy.locality ?? {};
  const byLabels = failoverPriority.length > 0;
  const ranks = places.map((place) => {
    const labelRank = byLabels ? rankByLabels(failoverPriority, client.labels, place) : 0;
    const isByLocality = !byLabels || failover.length > 0;
    const localityRank = isByLocality ? rankByLocality(own, localityOf(place, own), failover) : 0;
    return labelRank * localityRanks + localityRank;
  });
  // Without gaps: 0 is the nearest that there is.
  const present = [...new Set(ranks)].sort((a, b) => a - b);
  return ranks.map((rank) => present.indexOf(rank));
}

const localityRanks = 5;

/** 0 the same subzone, 1 zone, 2 region, 3 elsewhere; 4 elsewhere, where failover names another region. */
function rankByLocality(
  own: Locality,
  other: Locality,
  failover: readonly { readonly from: string; readonly to: string }[],
): number {
  if (own.region === other.region) {
    if (own.zone !== other.zone) return 2;
    return own.subzone === other.subzone ? 0 : 1;
  }
  const wanted = failover.find(({ from }) => from === own.region);
  return wanted === undefined || wanted.to === other.region ? 3 : 4;
}

/** How many of the labels are left when the first one differs. */
function rankByLabels(wanted: readonly string[], clientLabels: Labels, place: PlaceModel): number {
  const ownLocality = localityOfLabels(clientLabels);
  const theirs = { ...labelsOfLocality(localityOf(place, ownLocality)), ...labelsOfPlace(place) };
  const own = { ...labelsOfLocality(ownLocality), ...clientLabels };
  const differs = wanted.findIndex((entry) => {
    const at = entry.indexOf('=');
    const key = at === -1 ? entry : entry.slice(0, at);
    const value = at === -1 ? (own[key] ?? '') : entry.slice(at + 1);
    return (theirs[key] ?? '') !== value;
  });
  return differs === -1 ? 0 : wanted.length - differs;
}

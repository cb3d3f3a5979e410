/**
 * Endpoints by priority and locality (Envoy: "Priority levels", "Locality weighted load balancing", "Panic threshold").
 * Arranged anew when the plan changes or an endpoint is ejected or returns; a request only draws.
 */
import type { Balanced } from './balance.ts';

/** What decides where an endpoint stands. */
export interface Arrangeable extends Balanced {
  /** 0 first. */
  readonly priority: number;
  /** Empty where it plays no part. */
  readonly locality: string;
  /** Not ejected. */
  readonly healthy: boolean;
}

/** The endpoints of one priority that may be drawn, with its share of the requests. */
export interface PriorityGroup<E> {
  readonly priority: number;
  /** Of all requests, in percent; the groups' shares sum to 100. */
  readonly load: number;
  /** Fewer than `minHealthPercent` are healthy: all are drawn, healthy or not. */
  readonly isPanicking: boolean;
  readonly endpoints: readonly E[];
  /** Present when requests are shared out by locality; none of them is empty. */
  readonly localities: readonly LocalityGroup<E>[] | undefined;
}

export interface LocalityGroup<E> {
  readonly locality: string;
  /** The locality's weight, less where too few of its endpoints are healthy. */
  readonly weight: number;
  /** Where its smooth weighted round robin stands. */
  credit: number;
  readonly endpoints: readonly E[];
}

export interface ArrangeOptions {
  /** From 0 to 100. */
  readonly minHealthPercent: number;
  readonly localityWeights?: Readonly<Record<string, number>>;
}

/** Envoy's overprovisioning factor: with 72 % of the endpoints healthy, a priority or locality still counts as whole. */
const overprovisioning = 1.4;

/** Only groups that get requests, in order of priority; empty when no endpoint may be drawn. */
export function arrangeEndpoints<E extends Arrangeable>(
  endpoints: readonly E[],
  options: ArrangeOptions,
): readonly PriorityGroup<E>[] {
  const levels = [...new Set(endpoints.map(({ priority }) => priority))]
    .sort((a, b) => a - b)
    .map((priority) => {
      const all = endpoints.filter((endpoint) => endpoint.priority === priority && endpoint.weight > 0);
      return { priority, all, healthy: all.filter(({ healthy }) => healthy) };
    })
    .filter(({ all }) => all.length > 0);
  const loads = priorityLoads(
    levels.map(({ all, healthy }) => ({ total: all.length, healthy: healthy.length })),
    options.minHealthPercent,
  );
  return levels.flatMap(({ priority, all, healthy }, index) => {
    const { load, isPanicking } = loads[index] as PriorityLoad;
    const drawn = isPanicking ? all : healthy;
    if (load <= 0 || drawn.length === 0) return [];
    return [{ priority, load, isPanicking, endpoints: drawn, localities: localitiesOf(drawn, { all, options }) }];
  });
}

export interface PriorityLoad {
  /** In percent. */
  readonly load: number;
  readonly isPanicking: boolean;
}

/**
 * The share of each priority: the first takes what its health allows, the next what is left. When all together are not
 * healthy enough, shares grow in proportion, and priorities below the threshold disregard health.
 */
export function priorityLoads(
  levels: readonly { readonly total: number; readonly healthy: number }[],
  minHealthPercent: number,
): readonly PriorityLoad[] {
  const health = levels.map(({ total, healthy }) => Math.min(100, (overprovisioning * 100 * healthy) / total));
  const available = Math.min(
    100,
    health.reduce((sum, one) => sum + one, 0),
  );
  const panics = levels.map(({ total, healthy }) => available < 100 && (100 * healthy) / total < minHealthPercent);
  if (available === 0) {
    // Nobody is healthy: in total panic the requests are shared out by size, else there is nowhere to send them.
    const size = levels.reduce((sum, { total }, index) => sum + (panics[index] === true ? total : 0), 0);
    return levels.map(({ total }, index) => ({
      load: panics[index] === true ? (100 * total) / size : 0,
      isPanicking: panics[index] === true,
    }));
  }
  let left = 100;
  return health.map((one, index) => {
    const load = Math.min(left, (one * 100) / available);
    left -= load;
    return { load, isPanicking: panics[index] === true };
  });
}

function localitiesOf<E extends Arrangeable>(
  drawn: readonly E[],
  level: { readonly all: readonly E[]; readonly options: ArrangeOptions },
): readonly LocalityGroup<E>[] | undefined {
  const { localityWeights } = level.options;
  if (localityWeights === undefined) return undefined;
  return Object.entries(localityWeights).flatMap(([locality, weight]) => {
    const endpoints = drawn.filter((endpoint) => endpoint.locality === locality);
    const total = level.all.filter((endpoint) => endpoint.locality === locality).length;
    if (endpoints.length === 0 || weight <= 0) return [];
    const availability = Math.min(1, (overprovisioning * endpoints.length) / total);
    return [{ locality, weight: weight * availability, credit: 0, endpoints }];
  });
}

/** The group that covers `point`, from 0 to 100 exclusive, when their loads are laid side by side. */
export function groupAt<E>(groups: readonly PriorityGroup<E>[], point: number): PriorityGroup<E> | undefined {
  let left = point;
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i] as PriorityGroup<E>;
    left -= group.load;
    if (left < 0) return group;
  }
  // Reached through rounding only.
  return groups[groups.length - 1];
}

/** The next locality by smooth weighted round robin, so that even few requests are shared out as written. */
export function nextLocality<E>(localities: readonly LocalityGroup<E>[]): LocalityGroup<E> | undefined {
  let best: LocalityGroup<E> | undefined;
  let total = 0;
  for (let i = 0; i < localities.length; i++) {
    const group = localities[i] as LocalityGroup<E>;
    group.credit += group.weight;
    total += group.weight;
    if (best === undefined || group.credit > best.credit) best = group;
  }
  if (best !== undefined) best.credit -= total;
  return best;
}

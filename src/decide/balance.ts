/** Hot: `chooseBackend` and `chooseEndpoint` run once per request and allocate nothing. */
import type { Cluster } from '../plan/index.ts';
import type { CompiledBackend, CompiledRoute } from './types.ts';

/** A number in [0, 1), `Math.random` outside tests. */
export type Random = () => number;

/** The backend that gets this request, each with probability `weight / totalWeight`; undefined when the total is 0. */
export function chooseBackend(route: CompiledRoute, random: Random): CompiledBackend | undefined {
  const { backends, totalWeight } = route;
  if (totalWeight <= 0) return undefined;
  if (backends.length === 1) return backends[0];
  let point = random() * totalWeight;
  let last: CompiledBackend | undefined;
  for (let i = 0; i < backends.length; i++) {
    const backend = backends[i] as CompiledBackend;
    if (backend.weight <= 0) continue;
    point -= backend.weight;
    if (point < 0) return backend;
    last = backend;
  }
  // Reached only through rounding: fractions of a weight may be lost in the subtractions.
  return last;
}

/** An endpoint as its pool keeps it. */
export interface Balanced {
  /** From the plan; 0 takes no requests. */
  readonly weight: number;
  /** Requests in flight from this proxy. */
  readonly active: number;
  /** False while ejected, or failing to connect. */
  readonly usable: boolean;
}

/** One per cluster: where its round robin stands. */
export interface RoundRobinCursor {
  next: number;
}

/** The endpoint that gets this request; undefined when none is usable (`no_healthy_upstream`). */
export function chooseEndpoint<E extends Balanced>(
  policy: Cluster['loadBalancer'],
  endpoints: readonly E[],
  cursor: RoundRobinCursor,
  random: Random,
): E | undefined {
  const total = usableWeight(endpoints);
  if (total <= 0) return undefined;
  if (policy === 'ROUND_ROBIN') {
    const chosen = endpointAt(endpoints, cursor.next % total);
    // Kept below 2^30, so that the remainder stays exact and V8 keeps a small integer.
    cursor.next = (cursor.next + 1) % 0x3fff_ffff;
    return chosen;
  }
  const first = endpointAt(endpoints, random() * total);
  if (policy === 'RANDOM' || endpoints.length === 1) return first;
  return lessLoaded(first, endpointAt(endpoints, random() * total));
}

/**
 * Power of two choices (Envoy's LEAST_REQUEST): two endpoints drawn by weight, the one with fewer requests per weight wins.
 * Both draws may give the same endpoint, which keeps each draw one scan.
 */
function lessLoaded<E extends Balanced>(a: E, b: E): E {
  return b.active * a.weight < a.active * b.weight ? b : a;
}

function usableWeight(endpoints: readonly Balanced[]): number {
  let total = 0;
  for (let i = 0; i < endpoints.length; i++) {
    const endpoint = endpoints[i] as Balanced;
    if (endpoint.usable && endpoint.weight > 0) total += endpoint.weight;
  }
  return total;
}

/** The usable endpoint that covers `point` when all are laid side by side by weight; there is at least one. */
function endpointAt<E extends Balanced>(endpoints: readonly E[], point: number): E {
  let left = point;
  let last: E | undefined;
  for (let i = 0; i < endpoints.length; i++) {
    const endpoint = endpoints[i] as E;
    if (!endpoint.usable || endpoint.weight <= 0) continue;
    left -= endpoint.weight;
    if (left < 0) return endpoint;
    last = endpoint;
  }
  return last as E;
}

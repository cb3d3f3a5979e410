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
  /** From the plan, less while it warms up; 0 takes no requests. */
  readonly weight: number;
  /** Requests in flight from this proxy. */
  readonly active: number;
  /** False while failing to connect. */
  readonly usable: boolean;
  /** Where its round robin stands; 0 at first. */
  credit: number;
}

/** The policies that need nothing of the request. */
export type SimplePolicy = Exclude<Cluster['loadBalancer'], 'CONSISTENT_HASH'>;

/** The endpoint that gets this request; undefined when none is usable. */
export function chooseEndpoint<E extends Balanced>(
  policy: SimplePolicy,
  endpoints: readonly E[],
  random: Random,
): E | undefined {
  if (policy === 'ROUND_ROBIN') return nextInTurn(endpoints);
  const total = usableWeight(endpoints);
  if (total <= 0) return undefined;
  const first = endpointAt(endpoints, random() * total);
  if (policy === 'RANDOM' || endpoints.length === 1) return first;
  return lessLoaded(first, endpointAt(endpoints, random() * total));
}

/** Smooth weighted round robin: everybody earns its weight, the richest takes the request and pays for it. */
function nextInTurn<E extends Balanced>(endpoints: readonly E[]): E | undefined {
  let best: E | undefined;
  let total = 0;
  for (let i = 0; i < endpoints.length; i++) {
    const endpoint = endpoints[i] as E;
    if (!endpoint.usable || endpoint.weight <= 0) continue;
    endpoint.credit += endpoint.weight;
    total += endpoint.weight;
    if (best === undefined || endpoint.credit > best.credit) best = endpoint;
  }
  if (best !== undefined) best.credit -= total;
  return best;
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

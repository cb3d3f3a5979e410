// Hot file: once per attempt. The default balancer allocates nothing; an arrangement is made when endpoints change.
import {
  arrangeEndpoints,
  buildHashTable,
  chooseEndpoint,
  groupAt,
  nextLocality,
  hashText,
  slotOf,
  warmupShare,
  type HashTable,
  type PriorityGroup,
  type SimplePolicy,
} from '../decide/index.ts';
import type { Cluster, HashPolicy, Warmup } from '../plan/index.ts';
import type { EndpointRuntime } from './endpoint-runtime.ts';
import type { EndpointSlot, Exchange } from './exchange.ts';
import { requestHash } from './request-hash.ts';

/** Draws the endpoints of one cluster by its load balancer. */
export class EndpointChoice {
  #cluster: Cluster;
  #endpoints: readonly EndpointRuntime[] = [];
  /** Undefined when it must be made anew. */
  #groups: readonly PriorityGroup<EndpointRuntime>[] | undefined;
  /** Without some priorities, by these; made when a retry asks. */
  readonly #others = new Map<string, readonly PriorityGroup<EndpointRuntime>[]>();
  readonly #tables = new Map<PriorityGroup<EndpointRuntime>, EndpointTable>();
  #isWarming = false;
  readonly #nowMs: () => number;

  constructor(cluster: Cluster, nowMs: () => number) {
    this.#cluster = cluster;
    this.#nowMs = nowMs;
  }

  use(cluster: Cluster, endpoints: readonly EndpointRuntime[]): void {
    this.#cluster = cluster;
    this.#endpoints = endpoints;
    this.#isWarming = cluster.warmup !== undefined;
    for (const endpoint of endpoints) endpoint.weight = endpoint.endpoint.weight;
    this.refresh();
  }

  /** An endpoint was ejected or returned. */
  refresh(): void {
    this.#groups = undefined;
    this.#others.clear();
    this.#tables.clear();
  }

  /**
   * The endpoint for the next attempt, among those not tried. When all are backing off, one of them is asked all the same:
   * its pool answers at once with the last failure or tries again. Without a request (bytes are relayed) the address of the
   * client is all that can be hashed. `excluded`: priorities that are left out.
   */
  choose(
    tried: readonly EndpointSlot[],
    client: Exchange | string,
    random: () => number,
    excluded?: readonly number[],
  ): EndpointRuntime | undefined {
    const { warmup, hash } = this.#cluster;
    if (this.#isWarming && warmup !== undefined) this.#warm(warmup);
    const groups = excluded === undefined ? (this.#groups ??= this.#arrange(this.#endpoints)) : this.#without(excluded);
    if (hash !== undefined) return this.#byHash(tried, { groups, policy: hash, hash: hashOf(hash, client, random) });
    const group = groups.length === 1 ? groups[0] : groupAt(groups, random() * 100);
    if (group === undefined) return undefined;
    if (tried.length > 0) return this.#again(tried, [group, ...groups], random);
    const { localities } = group;
    const candidates = localities === undefined ? group.endpoints : nextLocality(localities)?.endpoints;
    if (candidates === undefined) return undefined;
    return chooseEndpoint(this.#simple, candidates, random) ?? candidates.find((one) => one.weight > 0);
  }

  /** Whether there is any endpoint to draw beside those of some priorities. */
  hasOther(excluded: readonly number[]): boolean {
    return this.#without(excluded).length > 0;
  }

  #without(excluded: readonly number[]): readonly PriorityGroup<EndpointRuntime>[] {
    const key = excluded.join();
    let groups = this.#others.get(key);
    if (groups === undefined) {
      groups = this.#arrange(this.#endpoints.filter(({ priority }) => !excluded.includes(priority)));
      this.#others.set(key, groups);
    }
    return groups;
  }

  #arrange(endpoints: readonly EndpointRuntime[]): readonly PriorityGroup<EndpointRuntime>[] {
    const { localityWeights, outlierDetection } = this.#cluster;
    return arrangeEndpoints(endpoints, {
      minHealthPercent: outlierDetection?.minHealthPercent ?? 0,
      ...(localityWeights === undefined ? {} : { localityWeights }),
    });
  }

  get #simple(): SimplePolicy {
    const { loadBalancer } = this.#cluster;
    return loadBalancer === 'CONSISTENT_HASH' ? 'RANDOM' : loadBalancer;
  }

  /** Another endpoint of the same group, or of any other when those are used up. */
  #again(
    tried: readonly EndpointSlot[],
    groups: readonly PriorityGroup<EndpointRuntime>[],
    random: () => number,
  ): EndpointRuntime | undefined {
    for (const group of groups) {
      const fresh = group.endpoints.filter((one) => !isTried(tried, one));
      const chosen = chooseEndpoint(this.#simple, fresh, random) ?? fresh.find((one) => one.weight > 0);
      if (chosen !== undefined) return chosen;
    }
    return undefined;
  }

  /** The endpoint of the request's key; the ones after it in the table when that cannot be used. */
  #byHash(
    tried: readonly EndpointSlot[],
    {
      groups,
      policy,
      hash,
    }: {
      readonly groups: readonly PriorityGroup<EndpointRuntime>[];
      readonly policy: HashPolicy;
      readonly hash: number;
    },
  ): EndpointRuntime | undefined {
    const group = groups.length === 1 ? groups[0] : groupAt(groups, hash % 100);
    if (group === undefined) return undefined;
    const { table, endpoints } = this.#tableOf(group, policy);
    const first = slotOf(table, hash);
    let fallback: EndpointRuntime | undefined;
    for (let i = 0; i < table.targets.length; i++) {
      const slot = first + i < table.targets.length ? first + i : first + i - table.targets.length;
      const endpoint = endpoints[table.targets[slot] as number] as EndpointRuntime;
      if (isTried(tried, endpoint)) continue;
      if (endpoint.usable) return endpoint;
      fallback ??= endpoint;
      // All back off: the slots repeat, so a look at many is enough.
      if (i > endpoints.length * slotsPerEndpoint) break;
    }
    return fallback;
  }

  #tableOf(group: PriorityGroup<EndpointRuntime>, policy: HashPolicy): EndpointTable {
    const known = this.#tables.get(group);
    if (known !== undefined) return known;
    const prefix = this.#cluster.id.length;
    const targets = weighted(group).map(({ endpoint, weight }) => ({
      endpoint,
      weight,
      // Without the cluster, so that a key has its endpoint at every proxy that has these endpoints.
      key: endpoint.endpoint.id.slice(prefix),
    }));
    const made = {
      table: buildHashTable(policy.table, targets),
      endpoints: targets.map(({ endpoint }) => endpoint),
    };
    this.#tables.set(group, made);
    return made;
  }

  #warm(warmup: Warmup): void {
    const nowMs = this.#nowMs();
    let isWarming = false;
    for (const endpoint of this.#endpoints) {
      const share = warmupShare(warmup, nowMs - endpoint.addedAtMs);
      endpoint.weight = endpoint.endpoint.weight * share;
      isWarming ||= share < 1;
    }
    this.#isWarming = isWarming;
  }
}

/** How many slots are looked at for each endpoint before the search for a usable one ends. */
const slotsPerEndpoint = 64;

interface EndpointTable {
  readonly table: HashTable;
  /** What the table's targets stand for. */
  readonly endpoints: readonly EndpointRuntime[];
}

/** The endpoints of a group with their share of its requests: their own weight, times that of their locality. */
function weighted({
  endpoints,
  localities,
}: PriorityGroup<EndpointRuntime>): readonly { readonly endpoint: EndpointRuntime; readonly weight: number }[] {
  if (localities === undefined) return endpoints.map((endpoint) => ({ endpoint, weight: endpoint.weight }));
  return localities.flatMap((locality) => {
    const total = locality.endpoints.reduce((sum, { weight }) => sum + weight, 0);
    return locality.endpoints.map((endpoint) => ({ endpoint, weight: (locality.weight * endpoint.weight) / total }));
  });
}

function isTried(tried: readonly EndpointSlot[], endpoint: EndpointSlot): boolean {
  for (let i = 0; i < tried.length; i++) if (tried[i] === endpoint) return true;
  return false;
}

/** A client without the key goes anywhere, as in Envoy. */
function hashOf({ key }: HashPolicy, client: Exchange | string, random: () => number): number {
  if (typeof client !== 'string') return requestHash(key, client, random) ?? randomHash(random);
  return key.type === 'source-ip' ? hashText(client) : randomHash(random);
}

function randomHash(random: () => number): number {
  return Math.floor(random() * 0x1_0000_0000);
}

/** Consistent hashing: which endpoint a hash belongs to, with little change when endpoints come and go. */
import type { HashPolicy } from '../plan/index.ts';
import { hashText } from './hash.ts';

/** What a table needs of an endpoint: a name that stays the same from plan to plan, and its share. */
export interface HashTarget {
  readonly key: string;
  /** Above 0. */
  readonly weight: number;
}

/** Both kinds are a list of slots; a ring finds its slot by position, Maglev by remainder. */
export interface HashTable {
  /** Ascending, one for each slot; undefined for Maglev. */
  readonly positions: Uint32Array | undefined;
  /** Index of the target of each slot. */
  readonly targets: Uint32Array;
}

export function buildHashTable(policy: HashPolicy['table'], targets: readonly HashTarget[]): HashTable {
  return policy.type === 'ring'
    ? buildRing(targets, policy.minimumSize)
    : { positions: undefined, targets: buildMaglev(targets, policy.size) };
}

/** The slot of a hash; when its target cannot be used, the slots after it are tried in turn. */
export function slotOf({ positions, targets }: HashTable, hash: number): number {
  if (positions === undefined) return targets.length === 0 ? 0 : hash % targets.length;
  let low = 0;
  let high = positions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((positions[middle] as number) < hash) low = middle + 1;
    else high = middle;
  }
  return low === positions.length ? 0 : low;
}

/** Envoy's bound; also what one cluster's table may cost, 64 MiB. */
const maxRingSize = 8_388_608;

/**
 * A ring of at least `minimumSize` slots, by weight, as Envoy's `RingHashLoadBalancer` sizes it: the lightest target gets a
 * whole number of slots, the others in proportion.
 */
function buildRing(targets: readonly HashTarget[], minimumSize: number): HashTable {
  const total = targets.reduce((sum, { weight }) => sum + weight, 0);
  const lightest = targets.reduce((least, { weight }) => Math.min(least, weight), Number.POSITIVE_INFINITY) / total;
  const scale = targets.length === 0 ? 0 : Math.min(Math.ceil(lightest * minimumSize) / lightest, maxRingSize);
  const slots: { readonly position: number; readonly target: number }[] = [];
  let wanted = 0;
  for (const [target, { key, weight }] of targets.entries()) {
    wanted += (scale * weight) / total;
    for (let copy = 0; slots.length < wanted; copy++) slots.push({ position: hashText(`${key}_${copy}`), target });
  }
  slots.sort((a, b) => a.position - b.position || a.target - b.target);
  return {
    positions: Uint32Array.from(slots, ({ position }) => position),
    targets: Uint32Array.from(slots, ({ target }) => target),
  };
}

const vacant = 0xffff_ffff;

/** Maglev (Eisenbud and others, NSDI 2016, §3.4), weighted as in Envoy: a target takes its turn as its weight falls due. */
function buildMaglev(targets: readonly HashTarget[], size: number): Uint32Array {
  if (targets.length === 0) return new Uint32Array(0);
  const heaviest = targets.reduce((most, { weight }) => Math.max(most, weight), 0);
  const turns = targets.map(({ key, weight }) => ({
    offset: hashText(key, offsetSeed) % size,
    skip: (hashText(key, skipSeed) % (size - 1)) + 1,
    next: 0,
    share: weight / heaviest,
    taken: 0,
  }));
  const table = new Uint32Array(size).fill(vacant);
  for (let filled = 0, round = 1; filled < size; round++) {
    for (const [index, turn] of turns.entries()) {
      if (filled === size) break;
      if (round * turn.share < turn.taken) continue;
      let slot = (turn.offset + turn.skip * turn.next) % size;
      while (table[slot] !== vacant) slot = (turn.offset + turn.skip * ++turn.next) % size;
      table[slot] = index;
      turn.next++;
      turn.taken++;
      filled++;
    }
  }
  return table;
}

const offsetSeed = 0x5bd1e995;
const skipSeed = 0x1b873593;

import { compareText } from '../base/index.ts';
import { changeListing, compareListings, elementIn, type Listing } from './collection.ts';
import { planCollections, type PlanCollection } from './collections.ts';
import { listingsOf } from './listings.ts';
import type { Plan } from './types.ts';

/** Ids, each list sorted. An element whose content differs in anything, its origin included, is `changed`. */
export interface CollectionDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

export interface PlanDiff {
  readonly meshChanged: boolean;
  /** Only collections with a difference are present. */
  readonly collections: Readonly<Partial<Record<PlanCollection, CollectionDiff>>>;
}

/** What is different in `after`, by element. */
export function diffPlans(before: Plan, after: Plan): PlanDiff {
  const collections: Partial<Record<PlanCollection, CollectionDiff>> = {};
  const [old, now] = [listingsOf(before), listingsOf(after)];
  for (const collection of planCollections) {
    const diff = diffListings(old[collection], now[collection]);
    if (diff.added.length + diff.removed.length + diff.changed.length > 0) collections[collection] = diff;
  }
  return { meshChanged: !sameData(before.mesh, after.mesh), collections };
}

/** By the later listing; several ask for the way from the same one. Weak, so that no version keeps the one before it. */
const diffsBefore = new WeakMap<Listing, { readonly before: WeakRef<Listing>; readonly diff: CollectionDiff }>();

function remember(before: Listing, { after, diff }: { readonly after: Listing; readonly diff: CollectionDiff }): void {
  diffsBefore.set(after, { before: new WeakRef(before), diff });
}

export function diffListings(before: Listing, after: Listing): CollectionDiff {
  if (before === after) return sameCollection;
  const known = diffsBefore.get(after);
  if (known?.before.deref() === before) return known.diff;
  const diff = compareElements(before, after);
  remember(before, { after, diff });
  return diff;
}

function compareElements(before: Listing, after: Listing): CollectionDiff {
  const added: string[] = [];
  const removed: string[] = [];
  const changed: string[] = [];
  compareListings(before, after, (id, old, now) => {
    if (old === now) return;
    if (old === undefined) added.push(id);
    else if (now === undefined) removed.push(id);
    else if (!sameData(old, now)) changed.push(id);
  });
  return { added, removed, changed };
}

const sameCollection: CollectionDiff = { added: [], removed: [], changed: [] };

/**
 * The next version of a listing, by what is said to be different; elements whose content is the same stay the very same, and
 * where all do, so does the listing. What is removed and set again stays. Costs what changes, but for copying two lists.
 */
export function nextListing<T>(
  before: Listing<T>,
  { set, removed }: { readonly set: Listing<T>; readonly removed: Iterable<string> },
): Listing<T> {
  const diff = { added: [] as string[], changed: [] as string[] };
  const next = { ids: [] as string[], elements: [] as T[] };
  for (const [index, id] of set.ids.entries()) {
    const [old, now] = [elementIn(before, id), set.elements[index] as T];
    if (old !== undefined && sameData(old, now)) continue;
    (old === undefined ? diff.added : diff.changed).push(id);
    next.ids.push(id);
    next.elements.push(now);
  }
  const gone = new Set<string>();
  for (const id of removed) {
    if (elementIn(before, id) !== undefined && elementIn(set, id) === undefined) gone.add(id);
  }
  if (next.ids.length + gone.size === 0) return before;
  const after = changeListing(before, { set: next, removed: gone });
  // Nobody asks what is new where everything is.
  if (before.ids.length > 0) remember(before, { after, diff: { ...diff, removed: [...gone].sort(compareText) } });
  return after;
}

/**
 * `after`, with each element that is as it was in `before` replaced by that very element: what is made again after a change
 * then takes little more memory than the change, and whoever compares the two need not look into what is the same.
 */
export function shareListing<T>(before: Listing<T>, after: Listing<T>): Listing<T> {
  if (before === after) return before;
  const set = { ids: [] as string[], elements: [] as T[] };
  const removed: string[] = [];
  compareListings(before, after, (id, old, now) => {
    if (old === now) return;
    if (now === undefined) removed.push(id);
    else if (!sameData(old, now)) {
      set.ids.push(id);
      set.elements.push(now);
    }
  });
  return nextListing(before, { set, removed });
}

/** Deep equality of JSON data; the order of keys does not count, the order of array items does. */
export function sameData(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameData(item, b[index]));
  if (Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(b, key) || !sameData(Reflect.get(a, key), Reflect.get(b, key))) return false;
  }
  return true;
}

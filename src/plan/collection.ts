/**
 * Elements by id, as every part of a plan is kept. With ten thousands of them each look over all keys of such a map takes
 * milliseconds, and so does making one; side by side in order of their ids, two versions are compared, and the next one
 * is made, in a fraction of that.
 */
import { compareText } from '../base/index.ts';

export type Collection<T = unknown> = Readonly<Record<string, T>>;

/** Ids, sorted, and the element of each at the same index. Never changed once it is made. */
export interface Listing<T = unknown> {
  readonly ids: readonly string[];
  readonly elements: readonly T[];
}

export const emptyListing: Listing<never> = { ids: [], elements: [] };

const listings = new WeakMap<Collection, Listing>();
const collections = new WeakMap<Listing, Collection>();

/** A collection does not change once it is made, so its listing is made once. */
export function listingOf<T>(collection: Collection<T>): Listing<T> {
  const known = listings.get(collection);
  if (known !== undefined) return known as Listing<T>;
  const ids = Object.keys(collection).sort(compareText);
  const listing = { ids, elements: ids.map((id) => collection[id] as T) };
  listings.set(collection, listing);
  collections.set(listing, collection);
  return listing;
}

/** The map of a listing, made once; no id is `__proto__`, as all of them are built with slashes. */
export function collectionOf<T>(listing: Listing<T>): Collection<T> {
  const known = collections.get(listing);
  if (known !== undefined) return known as Collection<T>;
  const { ids, elements } = listing;
  const collection: Record<string, T> = {};
  for (let i = 0; i < ids.length; i++) collection[ids[i] as string] = elements[i] as T;
  listings.set(collection, listing);
  collections.set(listing, collection);
  return collection;
}

/** Elements in order of their ids; of two with the same id the last counts. */
export function listById<T extends { readonly id: string }>(unsorted: readonly T[]): Listing<T> {
  const sorted = isSorted(unsorted) ? unsorted : [...unsorted].sort((a, b) => compareText(a.id, b.id));
  const ids: string[] = [];
  const elements: T[] = [];
  for (const element of sorted) {
    if (element.id === ids.at(-1)) elements.pop();
    else ids.push(element.id);
    elements.push(element);
  }
  return { ids, elements };
}

export function byId<T extends { readonly id: string }>(unsorted: readonly T[]): Collection<T> {
  return collectionOf(listById(unsorted));
}

function isSorted(elements: readonly { readonly id: string }[]): boolean {
  for (let i = 1; i < elements.length; i++) {
    if ((elements[i - 1] as { readonly id: string }).id > (elements[i] as { readonly id: string }).id) return false;
  }
  return true;
}

/** Calls back for every id of either listing, in order; the element is undefined on the side that does not have it. */
export function compareListings<T>(
  a: Listing<T>,
  b: Listing<T>,
  visit: (id: string, old: T | undefined, now: T | undefined) => void,
): void {
  let i = 0;
  let j = 0;
  while (i < a.ids.length || j < b.ids.length) {
    const [left, right] = [a.ids[i], b.ids[j]];
    if (left === right) visit(left as string, a.elements[i++], b.elements[j++]);
    else if (right === undefined || (left !== undefined && left < right))
      visit(left as string, a.elements[i++], undefined);
    else visit(right, undefined, b.elements[j++]);
  }
}

/** The element of an id; undefined where there is none. */
export function elementIn<T>({ ids, elements }: Listing<T>, id: string): T | undefined {
  const at = placeIn(ids, id);
  return ids[at] === id ? elements[at] : undefined;
}

/** Where an id is, or would be. */
function placeIn(ids: readonly string[], id: string): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ids[middle] as string) < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Up to this many changes are made one by one in copies of the lists, which are copied as a whole much sooner than item by item. */
const fewChanges = 64;

/** `before` with elements added, replaced and taken away; an id that is in both stays. */
export function changeListing<T>(
  before: Listing<T>,
  change: { readonly set: Listing<T>; readonly removed: ReadonlySet<string> },
): Listing<T> {
  const { set, removed } = change;
  if (set.ids.length + removed.size > fewChanges) return mergeListings(before, change);
  const ids = before.ids.slice();
  const elements = before.elements.slice();
  for (const id of removed) {
    const at = placeIn(ids, id);
    if (ids[at] !== id) continue;
    ids.splice(at, 1);
    elements.splice(at, 1);
  }
  for (const [index, id] of set.ids.entries()) {
    const at = placeIn(ids, id);
    const element = set.elements[index] as T;
    if (ids[at] === id) elements[at] = element;
    else {
      ids.splice(at, 0, id);
      elements.splice(at, 0, element);
    }
  }
  return { ids, elements };
}

function mergeListings<T>(
  before: Listing<T>,
  { set, removed }: { readonly set: Listing<T>; readonly removed: ReadonlySet<string> },
): Listing<T> {
  const ids: string[] = [];
  const elements: T[] = [];
  compareListings(before, set, (id, old, now) => {
    if (now === undefined && removed.has(id)) return;
    ids.push(id);
    elements.push((now ?? old) as T);
  });
  return { ids, elements };
}

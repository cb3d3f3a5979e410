/**
 * Elements by id, as every part of a plan is kept. With ten thousands of them each look over all keys of such a map takes
 * milliseconds; side by side in order of their ids, two versions are compared in a fraction of that.
 */
import { compareText } from '../base/index.ts';

export type Collection<T = unknown> = Readonly<Record<string, T>>;

/** Ids, sorted, and the element of each at the same index. */
export interface Listing<T = unknown> {
  readonly ids: readonly string[];
  readonly elements: readonly T[];
}

const listings = new WeakMap<Collection, Listing>();

/** A collection does not change once it is made, so its listing is made once. */
export function listingOf<T>(collection: Collection<T>): Listing<T> {
  const known = listings.get(collection);
  if (known !== undefined) return known as Listing<T>;
  const ids = Object.keys(collection).sort(compareText);
  const listing = { ids, elements: ids.map((id) => collection[id] as T) };
  listings.set(collection, listing);
  return listing;
}

/** `listing` must be sorted, each id once; no id is `__proto__`, as all of them are built with slashes. */
export function collectionOf<T>(listing: Listing<T>): Collection<T> {
  const { ids, elements } = listing;
  const collection: Record<string, T> = {};
  for (let i = 0; i < ids.length; i++) collection[ids[i] as string] = elements[i] as T;
  listings.set(collection, listing);
  return collection;
}

/** Elements as a map by id, ids sorted; of two with the same id the last counts. */
export function byId<T extends { readonly id: string }>(unsorted: readonly T[]): Collection<T> {
  const sorted = isSorted(unsorted) ? unsorted : [...unsorted].sort((a, b) => compareText(a.id, b.id));
  const ids: string[] = [];
  const elements: T[] = [];
  for (const element of sorted) {
    if (element.id === ids.at(-1)) elements.pop();
    else ids.push(element.id);
    elements.push(element);
  }
  return collectionOf({ ids, elements });
}

function isSorted(elements: readonly { readonly id: string }[]): boolean {
  for (let i = 1; i < elements.length; i++) {
    if ((elements[i - 1] as { readonly id: string }).id > (elements[i] as { readonly id: string }).id) return false;
  }
  return true;
}

/** Calls back for every id of either collection, in order; the element is undefined on the side that does not have it. */
export function compareListings<T>(
  before: Collection<T>,
  after: Collection<T>,
  visit: (id: string, old: T | undefined, now: T | undefined) => void,
): void {
  const a = listingOf(before);
  const b = listingOf(after);
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

/** `before` with elements added, replaced and taken away. */
export function changeCollection<T>(
  before: Collection<T>,
  { set, removed }: { readonly set: Collection<T>; readonly removed: ReadonlySet<string> },
): Collection<T> {
  const ids: string[] = [];
  const elements: T[] = [];
  compareListings(before, set, (id, old, now) => {
    if (now === undefined && removed.has(id)) return;
    ids.push(id);
    elements.push((now ?? old) as T);
  });
  return collectionOf({ ids, elements });
}

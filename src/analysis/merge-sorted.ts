/** Up to this many changes are made one by one in a copy of the list, which is copied as a whole much sooner than item by item. */
const fewChanges = 64;

/**
 * The next version of a list that is sorted already: without what is gone, with what was added. What was added costs a search
 * each, what stays costs nothing but being copied.
 */
export function mergeSorted<T>(
  before: readonly T[],
  { gone, added }: { readonly gone: readonly T[]; readonly added: readonly T[] },
  compare: (a: T, b: T) => number,
): readonly T[] {
  if (gone.length + added.length === 0) return before;
  const kept = without(before, gone);
  if (added.length === 0) return kept;
  const sorted = [...added].sort(compare);
  if (kept.length === 0) return sorted;
  return added.length > fewChanges ? merge(kept, sorted, compare) : insert(kept, sorted, compare);
}

function without<T>(list: readonly T[], gone: readonly T[]): readonly T[] {
  if (gone.length === 0) return list;
  if (gone.length > fewChanges) {
    const all = new Set(gone);
    return list.filter((item) => !all.has(item));
  }
  const kept = list.slice();
  for (const item of gone) {
    const at = kept.indexOf(item);
    if (at !== -1) kept.splice(at, 1);
  }
  return kept;
}

function insert<T>(kept: readonly T[], sorted: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  const merged = kept.slice();
  let from = 0;
  for (const item of sorted) {
    from = placeOf(item, { kept: merged, from }, compare);
    merged.splice(from, 0, item);
    from++;
  }
  return merged;
}

function merge<T>(kept: readonly T[], sorted: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  const merged: T[] = [];
  let from = 0;
  for (const item of sorted) {
    const at = placeOf(item, { kept, from }, compare);
    for (let i = from; i < at; i++) merged.push(kept[i] as T);
    merged.push(item);
    from = at;
  }
  for (let i = from; i < kept.length; i++) merged.push(kept[i] as T);
  return merged;
}

/** Where an item belongs, after those that are equal to it. */
function placeOf<T>(
  item: T,
  { kept, from }: { readonly kept: readonly T[]; readonly from: number },
  compare: (a: T, b: T) => number,
): number {
  let low = from;
  let high = kept.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(item, kept[middle] as T) < 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

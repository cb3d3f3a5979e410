/**
 * The next version of a list that is sorted already: without what is gone, with what was added. What was added costs a search
 * each, what stays costs nothing but being copied.
 */
export function mergeSorted<T>(
  before: readonly T[],
  change: { readonly isGone?: ((item: T) => boolean) | undefined; readonly added: readonly T[] },
  compare: (a: T, b: T) => number,
): readonly T[] {
  const { isGone, added } = change;
  const kept = isGone === undefined ? before : before.filter((item) => !isGone(item));
  if (added.length === 0) return kept;
  const sorted = [...added].sort(compare);
  if (kept.length === 0) return sorted;
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

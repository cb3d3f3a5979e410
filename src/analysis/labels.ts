import { requirementHolds, type LabelSelector } from '../resource/index.ts';

export type Labels = Readonly<Record<string, string>>;

/** Whether every wanted label is there with that value. Nothing wanted: true. */
export function hasLabels(labels: Labels, wanted: Labels): boolean {
  return Object.keys(wanted).every((key) => labels[key] === wanted[key]);
}

/**
 * Finds the items that select given labels without asking each: an item is filed under one of the labels it wants, and
 * only items filed under a label that is there are compared in full. The order of the items is kept.
 */
export function indexSelectors<T>(
  items: readonly T[],
  wantedBy: (item: T) => Labels,
): (labels: Labels) => readonly T[] {
  const filed = new Map<string, { readonly item: T; readonly position: number }[]>();
  for (const [position, item] of items.entries()) {
    const [first] = Object.entries(wantedBy(item));
    const key = first === undefined ? '' : labelKey(first);
    const drawer = filed.get(key);
    if (drawer === undefined) filed.set(key, [{ item, position }]);
    else drawer.push({ item, position });
  }
  return (labels) =>
    ['', ...Object.entries(labels).map(labelKey)]
      .flatMap((key) => filed.get(key) ?? [])
      .filter(({ item }) => hasLabels(labels, wantedBy(item)))
      .sort((a, b) => a.position - b.position)
      .map(({ item }) => item);
}

function labelKey([key, value]: readonly [string, string]): string {
  return `${key}=${value}`;
}

/** `metav1.LabelSelector`. */
export function selectorMatches(selector: LabelSelector, labels: Labels): boolean {
  return (
    hasLabels(labels, selector.matchLabels) &&
    selector.matchExpressions.every((requirement) => requirementHolds(requirement, labels[requirement.key]))
  );
}

/** `a=b,c=d`, for messages. */
export function formatLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

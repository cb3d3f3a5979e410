import type { Plan } from './types.ts';

/** The flat maps of a plan, parents before children: the order in which a data plane must learn of new elements. */
export const planCollections = [
  'proxies',
  'ports',
  'certificates',
  'listeners',
  'virtualHosts',
  'clusters',
  'endpoints',
  'routes',
  'policies',
  'requestAuthentications',
  'peers',
] as const satisfies readonly Exclude<keyof Plan, 'mesh'>[];

export type PlanCollection = (typeof planCollections)[number];

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
  for (const collection of planCollections) {
    const diff = diffCollection(before[collection], after[collection]);
    if (diff.added.length + diff.removed.length + diff.changed.length > 0) collections[collection] = diff;
  }
  return { meshChanged: !sameData(before.mesh, after.mesh), collections };
}

function diffCollection(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): CollectionDiff {
  const added = Object.keys(after).filter((id) => !Object.hasOwn(before, id));
  const removed = Object.keys(before).filter((id) => !Object.hasOwn(after, id));
  const changed = Object.keys(after).filter((id) => Object.hasOwn(before, id) && !sameData(before[id], after[id]));
  return { added: added.sort(), removed: removed.sort(), changed: changed.sort() };
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

import { compareListings, type Collection } from './collection.ts';
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

/** By the later collection; several ask for the way from the same one. Weak, so that no version keeps the one before it. */
const diffsBefore = new WeakMap<Collection, { readonly before: WeakRef<Collection>; readonly diff: CollectionDiff }>();

function diffCollection(before: Collection, after: Collection): CollectionDiff {
  if (before === after) return sameCollection;
  const known = diffsBefore.get(after);
  if (known?.before.deref() === before) return known.diff;
  const diff = compareCollections(before, after);
  diffsBefore.set(after, { before: new WeakRef(before), diff });
  return diff;
}

function compareCollections(before: Collection, after: Collection): CollectionDiff {
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

import { changeCollection, collectionOf, compareListings, listingOf, type Collection } from './collection.ts';
import { diffPlans, planCollections, sameData, type PlanCollection } from './diff.ts';
import type { Mesh, Plan } from './types.ts';

/** What turns one plan into another: for a proxy process, to which a whole plan with thousands of routes takes long to send. */
export interface PlanChange {
  /** Absent: as before. */
  readonly mesh?: Mesh;
  /** Added and changed elements. */
  readonly set: Readonly<Partial<Record<PlanCollection, Readonly<Record<string, unknown>>>>>;
  readonly removed: Readonly<Partial<Record<PlanCollection, readonly string[]>>>;
}

/** Nothing but routes and their virtual hosts is different. */
export function isOfRoutes({ mesh, set }: PlanChange): boolean {
  return (
    mesh === undefined &&
    Object.keys(set).every((collection) => collection === 'virtualHosts' || collection === 'routes')
  );
}

/** Undefined when the plans are alike. */
export function planChange(before: Plan, after: Plan): PlanChange | undefined {
  const { meshChanged, collections } = diffPlans(before, after);
  if (!meshChanged && Object.keys(collections).length === 0) return undefined;
  const set: Partial<Record<PlanCollection, Record<string, unknown>>> = {};
  const removed: Partial<Record<PlanCollection, readonly string[]>> = {};
  for (const collection of planCollections) {
    const diff = collections[collection];
    if (diff === undefined) continue;
    set[collection] = Object.fromEntries([...diff.added, ...diff.changed].map((id) => [id, after[collection][id]]));
    removed[collection] = diff.removed;
  }
  return { ...(meshChanged ? { mesh: after.mesh } : {}), set, removed };
}

/** Whether `planChange` has nothing to say; sooner known than what it is. */
export function isSamePlan(before: Plan, after: Plan): boolean {
  return (
    before === after ||
    (sameData(before.mesh, after.mesh) &&
      planCollections.every((collection) => isSameCollection(before[collection], after[collection])))
  );
}

function isSameCollection(before: Collection, after: Collection): boolean {
  if (before === after) return true;
  const [a, b] = [listingOf(before), listingOf(after)];
  return (
    a.ids.length === b.ids.length &&
    a.ids.every((id, index) => id === b.ids[index] && sameData(a.elements[index], b.elements[index]))
  );
}

/** The plan that `planChange(before, …)` was told of. Collections without a change are the very ones of `before`. */
export function applyPlanChange(before: Plan, { mesh = before.mesh, set, removed }: PlanChange): Plan {
  const changed = planCollections.flatMap((collection) => {
    const elements = set[collection] ?? {};
    const gone = new Set(removed[collection]);
    if (Object.keys(elements).length + gone.size === 0) return [];
    return [[collection, changeCollection<unknown>(before[collection], { set: elements, removed: gone })] as const];
  });
  return { ...before, mesh, ...(Object.fromEntries(changed) as Partial<Plan>) };
}

/**
 * `after`, with each element that is as it was in `before` replaced by that very element: a plan that is compiled again after a
 * change then takes little more memory than the change, and whoever compares the two need not look into what is the same.
 */
export function sharePlan(before: Plan, after: Plan): Plan {
  const shared = planCollections.map(
    (collection) => [collection, shareAll(before[collection], after[collection])] as const,
  );
  return { ...after, ...(Object.fromEntries(shared) as Partial<Plan>) };
}

function shareAll(before: Collection, after: Collection): Collection {
  if (before === after) return before;
  const elements: unknown[] = [];
  let differs = false;
  let isNew = true;
  compareListings(before, after, (_, old, now) => {
    if (now === undefined) {
      differs = true;
      return;
    }
    const isSame = old === now || sameData(old, now);
    elements.push(isSame ? old : now);
    if (!isSame) differs = true;
    else if (old !== now) isNew = false;
  });
  if (!differs) return before;
  // Those that stayed were shared already.
  return isNew ? after : collectionOf({ ids: listingOf(after).ids, elements });
}

import { elementIn, listingOf, type Listing } from './collection.ts';
import { planCollections, type PlanCollection } from './collections.ts';
import { diffListings, diffPlans, nextListing, sameData } from './diff.ts';
import { listingsOf, planOf, type PlanListings } from './listings.ts';
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
export function isOfRoutes(change: PlanChange): boolean {
  return isWithin(change, ofRoutes);
}

const ofRoutes = new Set<PlanCollection>(['virtualHosts', 'routes']);

/** Whether it is about nothing but elements of these collections. */
export function isWithin({ mesh, set }: PlanChange, collections: ReadonlySet<string>): boolean {
  return mesh === undefined && Object.keys(set).every((collection) => collections.has(collection));
}

/** Undefined when the plans are alike. */
export function planChange(before: Plan, after: Plan): PlanChange | undefined {
  const { meshChanged, collections } = diffPlans(before, after);
  if (!meshChanged && Object.keys(collections).length === 0) return undefined;
  const set: Partial<Record<PlanCollection, Record<string, unknown>>> = {};
  const removed: Partial<Record<PlanCollection, readonly string[]>> = {};
  const listings: Readonly<Record<PlanCollection, Listing>> = listingsOf(after);
  for (const collection of planCollections) {
    const diff = collections[collection];
    if (diff === undefined) continue;
    set[collection] = Object.fromEntries(
      [...diff.added, ...diff.changed].map((id) => [id, elementIn(listings[collection], id)]),
    );
    removed[collection] = diff.removed;
  }
  return { ...(meshChanged ? { mesh: after.mesh } : {}), set, removed };
}

/** Whether `planChange` has nothing to say. */
export function isSamePlan(before: Plan, after: Plan): boolean {
  if (before === after) return true;
  const [old, now] = [listingsOf(before), listingsOf(after)];
  return sameData(before.mesh, after.mesh) && planCollections.every((name) => isSameListing(old[name], now[name]));
}

function isSameListing(before: Listing, after: Listing): boolean {
  const { added, removed, changed } = diffListings(before, after);
  return added.length + removed.length + changed.length === 0;
}

/** The plan that `planChange(before, …)` was told of. Collections without a change are the very ones of `before`. */
export function applyPlanChange(before: Plan, { mesh = before.mesh, set, removed }: PlanChange): Plan {
  const old: Readonly<Record<PlanCollection, Listing>> = listingsOf(before);
  const listings = planCollections.map((name) => {
    const change = { set: listingOf<unknown>(set[name] ?? {}), removed: removed[name] ?? [] };
    return [name, nextListing(old[name], change)] as const;
  });
  return planOf(mesh, Object.fromEntries(listings) as unknown as PlanListings);
}

import { collectionOf, listingOf, type Listing } from './collection.ts';
import { planCollections, type PlanCollection } from './collections.ts';
import type { Mesh, Plan } from './types.ts';

/** The collections of a plan in order of their ids. */
export type PlanListings = { readonly [Name in PlanCollection]: Listing<Plan[Name][string]> };

const listingsBefore = new WeakMap<Plan, PlanListings>();

/** A plan of these elements. The map of a collection is made when it is first looked at: most are not, from change to change. */
export function planOf(mesh: Mesh, listings: PlanListings): Plan {
  const plan = { mesh };
  for (const name of planCollections) {
    Object.defineProperty(plan, name, { enumerable: true, get: () => collectionOf<unknown>(listings[name]) });
  }
  listingsBefore.set(plan as Plan, listings);
  return plan as Plan;
}

export function listingsOf(plan: Plan): PlanListings {
  const known = listingsBefore.get(plan);
  if (known !== undefined) return known;
  const listings = Object.fromEntries(planCollections.map((name) => [name, listingOf<unknown>(plan[name])] as const));
  listingsBefore.set(plan, listings as unknown as PlanListings);
  return listings as unknown as PlanListings;
}

/** A plan as it is sent to another process: without the maps, and each id once. */
export interface PackedPlan {
  readonly mesh: Mesh;
  readonly elements: Readonly<Record<PlanCollection, readonly unknown[]>>;
  /** Those of `peers`, whose elements do not hold them. */
  readonly peers: readonly string[];
}

export function packPlan(plan: Plan): PackedPlan {
  const listings = listingsOf(plan);
  const elements = planCollections.map((name) => [name, listings[name].elements] as const);
  return {
    mesh: plan.mesh,
    elements: Object.fromEntries(elements) as unknown as PackedPlan['elements'],
    peers: listings.peers.ids,
  };
}

export function unpackPlan({ mesh, elements, peers }: PackedPlan): Plan {
  const listings = planCollections.map((name) => {
    const own = elements[name];
    const ids = name === 'peers' ? peers : (own as readonly { readonly id: string }[]).map(({ id }) => id);
    return [name, { ids, elements: own }] as const;
  });
  return planOf(mesh, Object.fromEntries(listings) as unknown as PlanListings);
}

/** The same plan with some of its collections replaced. */
export function withListings(plan: Plan, listings: Partial<PlanListings>): Plan {
  return planOf(plan.mesh, { ...listingsOf(plan), ...listings });
}

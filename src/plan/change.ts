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

/** The plan that `planChange(before, …)` was told of. Collections without a change are the very ones of `before`. */
export function applyPlanChange(before: Plan, { mesh = before.mesh, set, removed }: PlanChange): Plan {
  const changed = planCollections.flatMap((collection) => {
    const elements = set[collection];
    if (elements === undefined) return [];
    const all: Record<string, unknown> = { ...before[collection], ...elements };
    for (const id of removed[collection] ?? []) delete all[id];
    return [[collection, all] as const];
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

function shareAll(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const entries = Object.entries(after).map(([id, element]) => {
    const known = Object.hasOwn(before, id) ? before[id] : undefined;
    return [id, sameData(known, element) ? known : element] as const;
  });
  return Object.fromEntries(entries);
}

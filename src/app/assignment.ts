import { istioSpiffeId } from '../identity/index.ts';
import { isSamePlan, type Plan, type PlanSecrets, type Proxy } from '../plan/index.ts';
import { nextSlice, slicePlan, type PlanStep } from './plan-slice.ts';

/** What a proxy must do, as the newest plan has it. */
export interface Assignment {
  readonly proxy: Proxy;
  readonly slice: Plan;
  /** Private keys of listener certificates, PEM by certificate id. */
  readonly keys: ReadonlyMap<string, string>;
  /** The identity that this proxy's CSRs are granted, whatever they ask for. */
  readonly spiffeId: string;
}

/** The newest plan, with what its proxies must know beside it. */
export interface Published {
  readonly plan: Plan;
  readonly secrets: PlanSecrets;
  readonly trustDomain: string;
}

/**
 * The part of a plan, its secrets and its identities that is this proxy's. `before`: what it had, and the way from the plan
 * that this was of.
 */
export function assign(
  proxy: Proxy,
  { plan, secrets, trustDomain }: Published,
  before?: { readonly assignment: Assignment; readonly step: PlanStep },
): Assignment {
  const slice = before === undefined ? slicePlan(plan, proxy.id) : nextSlice(before.assignment.slice, before.step);
  const keys = Object.keys(slice.certificates).flatMap((id) => {
    const key = secrets.get(id);
    return key === undefined ? [] : [[id, key.reveal()] as const];
  });
  const { namespace, serviceAccount } = proxy;
  return { proxy, slice, keys: new Map(keys), spiffeId: istioSpiffeId({ trustDomain, namespace, serviceAccount }) };
}

export function isSameAssignment(a: Assignment, b: Assignment): boolean {
  const hasSameKeys = a.keys.size === b.keys.size && [...a.keys].every(([id, key]) => b.keys.get(id) === key);
  return a.spiffeId === b.spiffeId && hasSameKeys && isSamePlan(a.slice, b.slice);
}

import { istioSpiffeId } from '../identity/index.ts';
import { planChange, type Plan, type PlanSecrets, type Proxy } from '../plan/index.ts';
import { slicePlan } from './plan-slice.ts';

/** What a proxy must do, as the newest plan has it. */
export interface Assignment {
  readonly proxy: Proxy;
  readonly slice: Plan;
  /** Private keys of listener certificates, PEM by certificate id. */
  readonly keys: ReadonlyMap<string, string>;
  /** The identity that this proxy's CSRs are granted, whatever they ask for. */
  readonly spiffeId: string;
}

/** The part of a plan, its secrets and its identities that is this proxy's. */
export function assign(
  proxy: Proxy,
  from: { readonly plan: Plan; readonly secrets: PlanSecrets; readonly trustDomain: string },
): Assignment {
  const slice = slicePlan(from.plan, proxy.id);
  const keys = Object.keys(slice.certificates).flatMap((id) => {
    const key = from.secrets.get(id);
    return key === undefined ? [] : [[id, key.reveal()] as const];
  });
  const { namespace, serviceAccount } = proxy;
  const { trustDomain } = from;
  return { proxy, slice, keys: new Map(keys), spiffeId: istioSpiffeId({ trustDomain, namespace, serviceAccount }) };
}

export function isSameAssignment(a: Assignment, b: Assignment): boolean {
  const hasSameKeys = a.keys.size === b.keys.size && [...a.keys].every(([id, key]) => b.keys.get(id) === key);
  return a.spiffeId === b.spiffeId && hasSameKeys && planChange(a.slice, b.slice) === undefined;
}

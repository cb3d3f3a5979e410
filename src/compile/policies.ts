import type { PolicyModel } from '../analysis/index.ts';
import type { AuthorizationPolicy } from '../plan/index.ts';

/** The policies that a proxy enforces, as its own. */
export function lowerPolicies(proxy: string, policies: readonly PolicyModel[]): readonly AuthorizationPolicy[] {
  return policies.map((policy) => ({ ...policy, id: `${proxy}/${policy.namespace}/${policy.name}`, proxy }));
}

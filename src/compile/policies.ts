import type { PolicyModel, RequestAuthenticationModel } from '../analysis/index.ts';
import type { AuthorizationPolicy, RequestAuthentication } from '../plan/index.ts';

/** The policies that a proxy enforces, as its own. */
export function lowerPolicies(proxy: string, policies: readonly PolicyModel[]): readonly AuthorizationPolicy[] {
  return policies.map((policy) => ({ ...policy, id: `${proxy}/${policy.namespace}/${policy.name}`, proxy }));
}

/** What a proxy asks of tokens, as its own. */
export function lowerRequestAuthentications(
  proxy: string,
  authentications: readonly RequestAuthenticationModel[],
): readonly RequestAuthentication[] {
  return authentications.map((one) => ({ ...one, id: `${proxy}/${one.namespace}/${one.name}`, proxy }));
}

import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject, Unsupported, WorkloadSelector } from '../object.ts';

export interface AuthorizationPolicy extends ResourceObject {
  readonly spec: AuthorizationPolicySpec;
}

export interface AuthorizationPolicySpec {
  /** At most one of `selector` and `targetRefs`; neither: every workload in scope. */
  readonly selector?: WorkloadSelector;
  /** `targetRef` is read as a list of one. */
  readonly targetRefs: readonly TargetRef[];
  /** `AUDIT` never decides. `CUSTOM` is also in `unsupported`. */
  readonly action: Located<'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM'>;
  /** Annotation `istio.io/dry-run: "true"`. */
  readonly dryRun: boolean;
  /** OR-ed. Empty with ALLOW: matches nothing, so everything in scope is denied. */
  readonly rules: readonly AuthorizationRule[];
  /** Not empty (action CUSTOM): what the rules match must be denied. */
  readonly unsupported: readonly Unsupported[];
}

export interface TargetRef {
  readonly origin: Origin;
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

/** `from` and `to` hold when empty or when any entry matches; every `when` must match. */
export interface AuthorizationRule {
  readonly origin: Origin;
  readonly index: number;
  readonly from: readonly PolicySource[];
  readonly to: readonly PolicyOperation[];
  readonly when: readonly PolicyCondition[];
}

/**
 * Fields are AND-ed, values OR-ed; absent: holds. Strings as written (`*`, `*x`, `x*`).
 *
 * With `unsupported` not empty the source cannot be decided: in an ALLOW policy its rule must never match, in a DENY
 * policy these fields count as matching (istio.md 1.7: fail closed).
 */
export interface PolicySource {
  readonly origin: Origin;
  readonly principals?: readonly string[];
  readonly notPrincipals?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly notNamespaces?: readonly string[];
  /** `<ns>/<sa>`: a bare `<sa>` was completed with the policy's own namespace. */
  readonly serviceAccounts?: readonly string[];
  readonly notServiceAccounts?: readonly string[];
  readonly trustDomains?: readonly string[];
  readonly notTrustDomains?: readonly string[];
  readonly ipBlocks?: readonly string[];
  readonly notIpBlocks?: readonly string[];
  readonly unsupported: readonly Unsupported[];
}

export interface PolicyOperation {
  readonly origin: Origin;
  readonly hosts?: readonly string[];
  readonly notHosts?: readonly string[];
  readonly ports?: readonly number[];
  readonly notPorts?: readonly number[];
  readonly methods?: readonly string[];
  readonly notMethods?: readonly string[];
  readonly paths?: readonly string[];
  readonly notPaths?: readonly string[];
}

export interface PolicyCondition {
  readonly origin: Origin;
  /** One of Istio's keys, as written. */
  readonly key: string;
  readonly values: readonly string[];
  readonly notValues: readonly string[];
  /** Not empty: see `PolicySource`. */
  readonly unsupported: readonly Unsupported[];
}

/** Who may call what: AuthorizationPolicy in the words of the data plane. */
import type { Origin } from '../base/index.ts';

/** One AuthorizationPolicy as it applies to one proxy. Id: `<proxy>/<ns>/<name>`. */
export interface AuthorizationPolicy {
  readonly id: string;
  readonly origin: Origin;
  readonly proxy: string;
  readonly namespace: string;
  readonly name: string;
  /**
   * `AUDIT` is reported in the access log and decides nothing. `CUSTOM` denies what it matches, before anything else: there
   * is no external authorizer to ask.
   */
  readonly action: 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM';
  /** `istio.io/dry-run: "true"`: evaluated and reported, never enforced. */
  readonly dryRun: boolean;
  /** OR-ed. Empty with ALLOW: matches nothing, so everything is denied. */
  readonly rules: readonly PolicyRule[];
}

/** `from`, `to` and `when` are AND-ed; an empty `from` or `to` holds for all. */
export interface PolicyRule {
  /** The rule's own line. */
  readonly origin: Origin;
  /** Position in the YAML's `rules`, as in Istio's `ns[foo]-policy[bar]-rule[0]`. */
  readonly index: number;
  readonly from: readonly PolicySource[];
  readonly to: readonly PolicyOperation[];
  readonly when: readonly PolicyCondition[];
}

/** Fields are AND-ed, values of one field OR-ed; `not…` holds when none of its values matches. Absent: holds. */
export interface PolicySource {
  /** Matched against the peer's SPIFFE id without `spiffe://`; trust-domain aliases are expanded by the compiler. */
  readonly principals?: readonly StringMatch[];
  readonly notPrincipals?: readonly StringMatch[];
  readonly namespaces?: readonly StringMatch[];
  readonly notNamespaces?: readonly StringMatch[];
  /** Exact `<ns>/<sa>`. */
  readonly serviceAccounts?: readonly string[];
  readonly notServiceAccounts?: readonly string[];
  /** Exact first segments of the peer's SPIFFE id; those of this mesh are expanded by the compiler. */
  readonly trustDomains?: readonly string[];
  readonly notTrustDomains?: readonly string[];
  /** `<iss>/<sub>` of the verified token; an exact value is split at its last `/`. */
  readonly requestPrincipals?: readonly StringMatch[];
  readonly notRequestPrincipals?: readonly StringMatch[];
  /** Addresses or CIDRs of the direct TCP peer. */
  readonly ipBlocks?: readonly string[];
  readonly notIpBlocks?: readonly string[];
  /** Of the client that the trusted part of `x-forwarded-for` names. */
  readonly remoteIpBlocks?: readonly string[];
  readonly notRemoteIpBlocks?: readonly string[];
}

export interface PolicyOperation {
  /** Case-insensitive, against `:authority` with its port if the client sent one. */
  readonly hosts?: readonly StringMatch[];
  readonly notHosts?: readonly StringMatch[];
  /** Compared with `Port.number`. */
  readonly ports?: readonly number[];
  readonly notPorts?: readonly number[];
  readonly methods?: readonly StringMatch[];
  readonly notMethods?: readonly StringMatch[];
  /** Against the path without query and fragment. */
  readonly paths?: readonly PathPattern[];
  readonly notPaths?: readonly PathPattern[];
}

/** `key` as Istio spells it: `request.headers[x-user]`, `source.ip`, `source.namespace`, `source.principal`, `destination.port`, `connection.sni`, … */
export interface PolicyCondition {
  readonly key: string;
  readonly values: readonly StringMatch[];
  readonly notValues: readonly StringMatch[];
}

/** Istio's string match: `*` presence, `*x` suffix, `x*` prefix, otherwise exact; of namespaces every star is any text: `glob`. */
export interface StringMatch {
  readonly type: 'exact' | 'prefix' | 'suffix' | 'presence' | 'glob';
  /** Without the star, but for `glob`. */
  readonly value: string;
}

/** A string match, or a template with `{*}` (one segment) and `{**}` (any rest). */
export type PathPattern = StringMatch | { readonly type: 'template'; readonly value: string };

/** Authorization: the compiled form of policies, and what deciding on them answers. */
import type { Origin } from '../base/index.ts';
import type { AuthorizationPolicy, PolicyRule } from '../plan/index.ts';
import type { BoundedCache } from './bounded-cache.ts';
import type { ConnectionFacts, RequestFacts } from './facts.ts';

/** What policies read that stays the same for a connection, evaluated once for it. */
export type ConnectionDimension = 'principal' | 'sourceIp' | 'destinationIp' | 'port' | 'sni';

/** A connection as policies see it. */
export interface BoundFacts extends ConnectionFacts {
  /** `Port.number`, what `ports` and `destination.port` compare with. */
  readonly port: number;
  /** At a gateway, where this proxy itself says who the client is. */
  readonly isEdge: boolean;
}

/** One listed field (`principals`, `notPaths`, a `when` entry), ready to be evaluated. */
export type CompiledField = ConnectionField | RequestField | FactField;

interface FieldBase {
  /** As the user wrote it: `principals`, `notPaths`, `request.headers[x-role]`. */
  readonly name: string;
  /** What the rule asks for, for reasons: `"a" or prefix "b"`. */
  readonly wants: string;
}

export interface ConnectionField extends FieldBase {
  readonly scope: 'connection';
  readonly reads: ConnectionDimension;
  readonly holds: (connection: BoundFacts) => boolean;
}

export interface RequestField extends FieldBase {
  readonly scope: 'path' | 'method' | 'host';
  /** Takes the path without query, the method, or the authority. */
  readonly holds: (value: string) => boolean;
}

export interface HeaderField extends FieldBase {
  readonly scope: 'header';
  /** Lower case. */
  readonly header: string;
  readonly holds: (request: RequestFacts) => boolean;
}

/** Reads the verified token. */
export interface TokenField extends FieldBase {
  readonly scope: 'token';
  readonly holds: (request: RequestFacts) => boolean;
}

/** Reads the client's address as forwarded. */
export interface RemoteIpField extends FieldBase {
  readonly scope: 'remoteIp';
  readonly holds: (request: RequestFacts, connection: BoundFacts) => boolean;
}

/** What is looked at for each request, and never cached. */
export type FactField = HeaderField | TokenField | RemoteIpField;

/** What a source may list. */
export type SourceField = ConnectionField | TokenField | RemoteIpField;

/** A rule as three lists. */
export interface CompiledRule {
  readonly policy: AuthorizationPolicy;
  readonly rule: PolicyRule;
  /** Any must hold; empty holds. */
  readonly from: readonly (readonly SourceField[])[];
  /** Any must hold; empty holds. */
  readonly to: readonly (readonly (ConnectionField | RequestField)[])[];
  /** All must hold. */
  readonly when: readonly (ConnectionField | FactField)[];
  /** Why it cannot be evaluated as written; then an ALLOW rule never matches and a DENY rule always does. */
  readonly brokenReason: string | undefined;
  readonly reference: PolicyReference;
}

/** The policies of one proxy, split by what they do; rules in order of namespace, name and index. */
export interface CompiledPolicies {
  readonly enforced: RuleSet;
  /** `istio.io/dry-run`: evaluated, never enforced. */
  readonly shadow: RuleSet;
  /** AUDIT, as a rule set that only denies; whoever it would deny is marked. */
  readonly audit: RuleSet;
  /** Whether there is any CUSTOM policy, which is asked before tokens are. */
  readonly asksCustom: boolean;
  readonly trustedProxies: number;
  /** Whether tokens are verified here at all; for reasons. */
  readonly verifiesTokens: boolean;
  /** What any rule reads of a connection. */
  readonly connectionReads: ReadonlySet<ConnectionDimension>;
}

export interface RuleSet {
  readonly deny: readonly CompiledRule[];
  readonly allow: readonly CompiledRule[];
  /** The decision when no rule decides: denied where any ALLOW policy applies, also one without rules. */
  readonly otherwise: AuthorizationDecision;
  /** Whether there is any policy at all. */
  readonly isEmpty: boolean;
  /** The ALLOW policies, for reasons: also those that have no rules. */
  readonly allowPolicies: readonly AuthorizationPolicy[];
}

/** A rule whose connection part holds, with what is left to be decided per request. */
export interface BoundRule {
  readonly rule: CompiledRule;
  /** Any must hold; undefined holds. */
  readonly operations: readonly (readonly RequestField[])[] | undefined;
  /** Any must hold; undefined holds. */
  readonly sources: readonly (readonly (TokenField | RemoteIpField)[])[] | undefined;
  /** All must hold. */
  readonly facts: readonly FactField[];
}

export interface BoundRuleSet {
  readonly deny: readonly BoundRule[];
  readonly allow: readonly BoundRule[];
  /** The decision when no rule denies and no ALLOW policy applies, or none of their rules matches. */
  readonly otherwise: AuthorizationDecision;
}

/** The policies of a proxy for connections that share what policies read of them. */
export interface BoundAuthorization {
  readonly connection: BoundFacts;
  readonly policies: CompiledPolicies;
  readonly enforced: BoundRuleSet;
  readonly shadow: BoundRuleSet | undefined;
  /** AUDIT rules stand in its `deny`; undefined when there are none. */
  readonly audit: BoundRuleSet | undefined;
  /** Whether any rule left reads the `:authority`; then `byHost` is in use, else `byPath`. */
  readonly readsHost: boolean;
  readonly readsMethod: boolean;
  /** The outcome when no rule left reads anything of a request. */
  readonly constant: PathOutcome | undefined;
  readonly byPath: BoundedCache<PathOutcome>;
  readonly byHost: BoundedCache<BoundedCache<PathOutcome>>;
}

/** What path, method and host make of the rules: decided, or up to headers. */
export interface PathOutcome {
  /** Set when no header can change it. */
  readonly decision: AuthorizationDecision | undefined;
  readonly enforced: Candidates;
  readonly shadow: Candidates | undefined;
  readonly audit: Candidates | undefined;
}

/** Rules that path, method and host match; each up to and with the first that asks for nothing else. */
export type Candidates = BoundRuleSet;

/** Names a rule in decisions. */
export interface PolicyReference {
  readonly namespace: string;
  readonly name: string;
  /** Position in the YAML's `rules`, from 0. */
  readonly ruleIndex: number;
  /** The rule's own line. */
  readonly origin: Origin;
}

export interface AuthorizationDecision {
  readonly allowed: boolean;
  /** The rule that decided; absent when no policy applies, or when no ALLOW rule matched. */
  readonly policy?: PolicyReference;
  /** Envoy's response code details, `rbac_access_denied_matched_policy[…]`; empty when allowed. */
  readonly details: string;
  /** The ALLOW policies none of whose rules matched; absent for any other decision. */
  readonly considered?: readonly Origin[];
  /** What dry-run policies would have done; absent when there are none. */
  readonly shadow?: ShadowDecision;
  /** The AUDIT rule that asks for a mark in the log; absent for none. */
  readonly audited?: PolicyReference;
}

export interface ShadowDecision {
  readonly allowed: boolean;
  readonly policy?: PolicyReference;
}

/** Filled in by `decideAuthorization` when someone listens. */
export interface AuthorizationTrace {
  readonly steps: AuthorizationTraceStep[];
}

export interface AuthorizationTraceStep {
  readonly rule: PolicyReference;
  readonly action: 'ALLOW' | 'DENY';
  readonly matched: boolean;
  /** The first field that does not hold, in words; undefined when matched. */
  readonly mismatch: string | undefined;
}

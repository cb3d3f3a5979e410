import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { present } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { checkCondition, checkCustomRules, checkOperation, checkSource } from './policy-rules.ts';
import { decodeTargets, targetFields, type PolicyTargets } from './targets.ts';
import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject, Unsupported } from '../object.ts';

export interface AuthorizationPolicy extends ResourceObject {
  readonly spec: AuthorizationPolicySpec;
}

export interface AuthorizationPolicySpec extends PolicyTargets {
  /** `AUDIT` never decides. `CUSTOM` needs an external authorizer, and there is none. */
  readonly action: Located<'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM'>;
  /** Annotation `istio.io/dry-run: "true"`. */
  readonly dryRun: boolean;
  /** OR-ed. Empty with ALLOW: matches nothing, so everything in scope is denied. */
  readonly rules: readonly AuthorizationRule[];
  /** Not empty (action CUSTOM): what the rules match must be denied. */
  readonly unsupported: readonly Unsupported[];
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
  readonly requestPrincipals?: readonly string[];
  readonly notRequestPrincipals?: readonly string[];
  readonly ipBlocks?: readonly string[];
  readonly notIpBlocks?: readonly string[];
  readonly remoteIpBlocks?: readonly string[];
  readonly notRemoteIpBlocks?: readonly string[];
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

/** Istio refuses empty texts everywhere in a policy. */
const texts = z.array(z.string().min(1)).optional();

const source = z.strictObject({
  principals: texts,
  notPrincipals: texts,
  requestPrincipals: texts,
  notRequestPrincipals: texts,
  namespaces: texts,
  notNamespaces: texts,
  serviceAccounts: z.array(z.string().min(1).max(320)).max(16).optional(),
  notServiceAccounts: z.array(z.string().min(1).max(320)).max(16).optional(),
  trustDomains: texts,
  notTrustDomains: texts,
  ipBlocks: texts,
  notIpBlocks: texts,
  remoteIpBlocks: texts,
  notRemoteIpBlocks: texts,
});

const operation = z.strictObject({
  hosts: texts,
  notHosts: texts,
  ports: texts,
  notPorts: texts,
  methods: texts,
  notMethods: texts,
  paths: texts,
  notPaths: texts,
});

const condition = z.strictObject({ key: z.string(), values: texts, notValues: texts });

const rule = z.strictObject({
  from: z
    .array(z.strictObject({ source: source.optional() }))
    .max(512)
    .optional(),
  to: z.array(z.strictObject({ operation: operation.optional() })).optional(),
  when: z.array(condition).optional(),
});

const schema = objectOf({
  spec: z
    .strictObject({
      ...targetFields,
      action: z.enum(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']).default('ALLOW'),
      provider: z.strictObject({ name: z.string().default('') }).optional(),
      rules: z.array(rule).max(512).default([]),
    })
    .prefault({}),
});

type Spec = z.output<typeof schema>['spec'];

export const authorizationPolicyKind = defineKind<AuthorizationPolicy, typeof schema>({
  group: 'security.istio.io',
  kind: 'AuthorizationPolicy',
  versions: ['v1', 'v1beta1'],
  schema,
  decode: ({ spec, metadata }, context) => {
    const targets = decodeTargets(spec, context);
    checkAction(spec, context);
    if (spec.action === 'CUSTOM') checkCustomRules(spec.rules, context);
    return {
      spec: {
        ...targets,
        action: { value: spec.action, origin: context.at(['spec', 'action']) },
        dryRun: isDryRun(metadata.annotations['istio.io/dry-run'], context),
        rules: spec.rules.map((value, index) => decodeRule(value, index, context)),
        unsupported: context.refusedBelow(['spec'], ['rules']),
      },
    };
  },
});

const spellings: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
]);

/** Go's `strconv.ParseBool`; with anything else the policy is enforced (authz/builder.go, isDryRun). */
function isDryRun(text: string | undefined, context: DecodeContext): boolean {
  if (text === undefined) return false;
  const value = spellings.get(text);
  if (value === undefined) {
    context.warn(['metadata', 'annotations', 'istio.io/dry-run'], {
      message: `"${text}" is neither true nor false: the policy is enforced`,
      remedy: 'Write "true", or take the annotation away.',
    });
  }
  return value ?? false;
}

function checkAction({ action, provider, rules }: Spec, context: DecodeContext): void {
  const path = ['spec', 'action'];
  if (action === 'CUSTOM') {
    context.refuse(path, {
      message:
        'action CUSTOM is not yet supported: what its rules match is denied, as Istio does for an unknown provider',
      remedy: 'Use ALLOW or DENY; no external authorizer is asked.',
    });
    if ((provider?.name ?? '') === '') {
      context.error(path, { message: 'action CUSTOM needs provider.name', remedy: 'Name the extension provider.' });
    }
  } else if (provider !== undefined) {
    context.error(['spec', 'provider'], {
      message: `provider must not be set with action ${action}`,
      remedy: 'Take it away, or write action: CUSTOM.',
    });
  }
  if ((action === 'DENY' || action === 'CUSTOM') && rules.length === 0) {
    context.error(path, {
      message: `${action} without rules never has an effect`,
      remedy: action === 'DENY' ? 'Add rules; "rules: [{}]" denies everything.' : 'Add rules.',
    });
  }
}

function decodeRule(value: z.output<typeof rule>, index: number, context: DecodeContext): AuthorizationRule {
  const path = ['spec', 'rules', index];
  for (const field of ['from', 'to'] as const) {
    if (value[field]?.length !== 0) continue;
    context.error([...path, field], {
      message: `${field} is empty`,
      remedy: `Add an entry, or take ${field} away to mean "any".`,
    });
  }
  return {
    origin: context.at(path),
    index,
    from: (value.from ?? []).map((entry, at) => decodeSource(entry.source, [...path, 'from', at, 'source'], context)),
    to: (value.to ?? []).map((entry, at) =>
      decodeOperation(entry.operation, [...path, 'to', at, 'operation'], context),
    ),
    when: (value.when ?? []).map((entry, at) => decodeCondition(entry, [...path, 'when', at], context)),
  };
}

function decodeSource(value: z.output<typeof source> | undefined, path: Path, context: DecodeContext): PolicySource {
  checkSource(value, path, context);
  const given = nonEmpty(value, sourceFields);
  const complete = (names: readonly string[] | undefined): string[] | undefined =>
    names && inNamespace(names, context.document.namespace);
  return {
    origin: context.at(path),
    ...present({
      ...given,
      serviceAccounts: complete(given.serviceAccounts),
      notServiceAccounts: complete(given.notServiceAccounts),
    }),
    unsupported: context.refusedBelow(path),
  };
}

/** Service accounts with the namespace of each; without one it is the policy's own. */
function inNamespace(accounts: readonly string[], namespace: string): string[] {
  return accounts.map((account) => (account.includes('/') ? account : `${namespace}/${account}`));
}

/** The supported fields that have values; an empty list is how the wire says "not set". */
function nonEmpty<Field extends string>(
  value: Readonly<Partial<Record<Field, readonly string[] | undefined>>> | undefined,
  fields: readonly Field[],
): Partial<Record<Field, readonly string[]>> {
  const given = fields.filter((field) => (value?.[field] ?? []).length > 0);
  return Object.fromEntries(given.map((field) => [field, value?.[field]])) as Partial<Record<Field, readonly string[]>>;
}

const sourceFields = [
  'principals',
  'notPrincipals',
  'namespaces',
  'notNamespaces',
  'serviceAccounts',
  'notServiceAccounts',
  'trustDomains',
  'notTrustDomains',
  'requestPrincipals',
  'notRequestPrincipals',
  'ipBlocks',
  'notIpBlocks',
  'remoteIpBlocks',
  'notRemoteIpBlocks',
] as const;

const operationFields = [
  'hosts',
  'notHosts',
  'ports',
  'notPorts',
  'methods',
  'notMethods',
  'paths',
  'notPaths',
] as const;

function decodeOperation(
  value: z.output<typeof operation> | undefined,
  path: Path,
  context: DecodeContext,
): PolicyOperation {
  checkOperation(value, path, context);
  const { ports, notPorts, ...given } = nonEmpty(value, operationFields);
  return {
    origin: context.at(path),
    ...present({ ...given, ports: ports?.map(Number), notPorts: notPorts?.map(Number) }),
  };
}

function decodeCondition(value: z.output<typeof condition>, path: Path, context: DecodeContext): PolicyCondition {
  checkCondition(value, path, context);
  const { key, values = [], notValues = [] } = value;
  const isAccount = key === 'source.serviceAccount';
  const { namespace } = context.document;
  return {
    origin: context.at(path),
    key,
    values: isAccount ? inNamespace(values, namespace) : values,
    notValues: isAccount ? inNamespace(notValues, namespace) : notValues,
    unsupported: context.refusedBelow(path),
  };
}

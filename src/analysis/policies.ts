import { compareText, diagnose, type Origin } from '../base/index.ts';
import type { AuthorizationPolicy, ObjectMeta, PolicyTargets } from '../resource/index.ts';
import { codes } from './codes.ts';
import { hasLabels, indexSelectors } from './labels.ts';
import type { Identity, PolicyModel } from './model.ts';
import { readRules } from './policy-rules.ts';
import { groupBy, keyOf, type World } from './world.ts';

/** An AuthorizationPolicy as written and as read; its rules do not depend on where it is enforced. */
export interface CheckedPolicy {
  readonly source: AuthorizationPolicy;
  readonly model: PolicyModel;
}

/** Who enforces; `gatewayName` is the Gateway's name, for `targetRefs`. */
export interface Enforcer {
  readonly identity: Identity;
  readonly gatewayName?: string;
}

/** The policies that a proxy enforces, by namespace and name. */
export type PolicyLookup = (enforcer: Enforcer) => readonly PolicyModel[];

/** Reads every policy once. */
export function checkPolicies(world: World): readonly CheckedPolicy[] {
  const checked = world.resources.authorizationPolicies.map((source) => ({
    source,
    model: {
      origin: source.origin,
      namespace: source.metadata.namespace,
      name: source.metadata.name,
      action: source.spec.action.value,
      dryRun: source.spec.dryRun,
      rules: readRules(world, source),
    },
  }));
  for (const { source } of checked) reportDryRun(world, source);
  return checked.sort((a, b) => compareText(keyOf(a.source), keyOf(b.source)));
}

const tried =
  'dry run: the policy is tried on each request, and what it would say is logged and counted, but it is not enforced';

/** What a dry run makes of an action. */
const dryRuns = {
  ALLOW: tried,
  DENY: tried,
  AUDIT: 'dry run: the policy marks nothing',
  CUSTOM: 'dry run: a CUSTOM policy knows none, so that it is enforced',
} as const;

function reportDryRun(world: World, { spec, origin }: AuthorizationPolicy): void {
  if (!spec.dryRun) return;
  world.report(
    diagnose(codes.dryRun, {
      origin,
      message: dryRuns[spec.action.value],
      remedy: 'Remove the annotation istio.io/dry-run to put it in force.',
    }),
  );
}

/**
 * Kinds whose absence could open something: without a RequestAuthentication the headers that it fills from claims could be
 * forged, and tokens that it would refuse would pass.
 */
const closingKinds: ReadonlySet<string> = new Set(['AuthorizationPolicy', 'RequestAuthentication']);

/**
 * Which policies bind to a proxy (pilot/pkg/model/authorization.go): those of its namespace and of the root namespace,
 * by selector or for all; a policy with `targetRefs` only at the Gateway it names. No scope takes precedence.
 */
export function makePolicyLookup(world: World, policies: readonly CheckedPolicy[]): PolicyLookup {
  const byNamespace = new Map(
    [...groupBy(policies, ({ source }) => source.metadata.namespace)].map(([namespace, group]) => [
      namespace,
      indexSelectors(group, ({ source }) => source.spec.selector?.matchLabels ?? {}),
    ]),
  );
  const refused = groupBy(
    world.resources.rejected.filter(({ origin }) => closingKinds.has(origin.kind)),
    ({ origin }) => origin.namespace,
  );
  reportUnread(world);
  const { rootNamespace } = world.options;
  return (enforcer) => {
    const scopes = [...new Set([rootNamespace, enforcer.identity.namespace])];
    const bound = scopes
      .flatMap((namespace) => byNamespace.get(namespace)?.(enforcer.identity.labels) ?? [])
      .filter(({ source }) => binds(source, enforcer))
      .map(({ model }) => model);
    const closed = scopes.flatMap((namespace) => refused.get(namespace) ?? []);
    return [...bound, ...closed.map(({ origin }) => closedPolicy(origin))];
  };
}

/**
 * What stands for a policy that could not be read: it may have been meant to close something, and says neither what nor
 * for whom, so that everything in its namespace is denied until it is corrected.
 */
function closedPolicy(origin: Origin): PolicyModel {
  const { namespace, kind } = origin;
  // Another kind may have an object of the same name, whose policy this one must not stand in for.
  const name = kind === 'AuthorizationPolicy' ? origin.name : `${kind}:${origin.name}`;
  const everything = { origin, index: 0, from: [], to: [], when: [] };
  return { origin, namespace, name, action: 'DENY', dryRun: false, rules: [everything] };
}

function reportUnread(world: World): void {
  for (const { origin } of world.resources.rejected) {
    if (!closingKinds.has(origin.kind)) continue;
    const scope =
      origin.namespace === world.options.rootNamespace ? 'in the mesh' : `in namespace "${origin.namespace}"`;
    world.report(
      diagnose(codes.policyUnread, {
        origin,
        message: `everything ${scope} is denied, since nobody can tell what this policy was to close`,
        remedy: 'Correct the policy.',
      }),
    );
  }
}

/** Anything that applies to workloads and gateways as an AuthorizationPolicy does. */
export interface Targeting {
  readonly origin: Origin;
  readonly metadata: Pick<ObjectMeta, 'namespace' | 'name'>;
  readonly spec: PolicyTargets;
}

/** Whether a policy of a namespace in scope means this proxy. */
export function binds({ metadata, spec }: Targeting, { identity, gatewayName }: Enforcer): boolean {
  if (spec.targetRefs.length > 0) {
    return (
      gatewayName !== undefined &&
      metadata.namespace === identity.namespace &&
      spec.targetRefs.some((target) => isGatewayTarget(target) && target.name === gatewayName)
    );
  }
  return spec.selector === undefined || hasLabels(identity.labels, spec.selector.matchLabels);
}

/** Gateways are the only targets that are enforced; Services and GatewayClasses are for waypoints. */
export function isGatewayTarget({ group, kind }: { readonly group: string; readonly kind: string }): boolean {
  return group === 'gateway.networking.k8s.io' && kind === 'Gateway';
}

import { diagnose, formatOrigin, qualifiedName, type Origin } from '../base/index.ts';
import { codes } from './codes.ts';
import type { DestinationModel, Identity, PolicyModel, PolicySourceModel, WorkloadModel } from './model.ts';
import { principalOf } from './policy-findings.ts';
import { patternMatches, type StringPattern } from './policy-match.ts';
import type { World } from './world.ts';

/** A gateway and a Service port that its routes lead to. */
export interface Approach {
  readonly gateway: { readonly origin: Origin; readonly name: string; readonly identity: Identity };
  readonly destination: DestinationModel;
}

/**
 * Finds gateways whose every call a workload would deny, whatever is called: ALLOW policies are bound to the workload,
 * and none has a rule that this gateway's identity could satisfy.
 */
export function findAdmissionFaults(
  world: World,
  approaches: readonly Approach[],
  policiesOf: (workload: WorkloadModel) => readonly PolicyModel[],
): void {
  for (const { gateway, destination } of approaches) {
    for (const place of destination.places) {
      if (place.type !== 'proxied') continue;
      const allowing = policiesOf(place.workload).filter(({ action, dryRun }) => action === 'ALLOW' && !dryRun);
      const admits = allowing.some(({ rules }) =>
        rules.some(({ from }) => from.length === 0 || from.some((source) => mayBe(world, source, gateway.identity))),
      );
      const [first] = allowing;
      if (first === undefined || admits) continue;
      const principal = principalOf(world, gateway.identity);
      world.report(
        diagnose(codes.gatewayNotAdmitted, {
          origin: first.origin,
          message: `denies every call of Gateway "${gateway.identity.namespace}/${gateway.name}", which routes to workload "${qualifiedName({ ...place.workload.identity, name: place.workload.name })}" and presents ${principal}`,
          remedy: `Allow the principal ${principal}, or let the Gateway present an allowed one by the annotation networking.istio.io/service-account (${formatOrigin(gateway.origin)}).`,
        }),
      );
    }
  }
}

/** Whether a caller of this identity could be the source; what depends on addresses is taken to hold. */
function mayBe(world: World, source: PolicySourceModel, identity: Identity): boolean {
  const { namespace, serviceAccount } = identity;
  const account = `${namespace}/${serviceAccount}`;
  const principal = principalOf(world, identity);
  return (
    (source.principals === undefined || isAny(source.principals, principal)) &&
    !isAny(source.notPrincipals, principal) &&
    (source.namespaces === undefined || isAny(source.namespaces, namespace)) &&
    !isAny(source.notNamespaces, namespace) &&
    (source.serviceAccounts === undefined || source.serviceAccounts.includes(account)) &&
    !(source.notServiceAccounts?.includes(account) ?? false) &&
    (source.trustDomains === undefined || source.trustDomains.includes(world.options.trustDomain)) &&
    !(source.notTrustDomains?.includes(world.options.trustDomain) ?? false)
  );
}

function isAny(patterns: readonly StringPattern[] | undefined, value: string): boolean {
  return patterns?.some((pattern) => patternMatches(pattern, value)) ?? false;
}

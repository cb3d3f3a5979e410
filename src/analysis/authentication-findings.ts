import { diagnose, formatOrigin, type Origin } from '../base/index.ts';
import { factsOfListener } from './host-facts.ts';
import type { GatewayModel } from './model.ts';
import type { AuthorizationRule } from '../resource/index.ts';
import { codes } from './codes.ts';
import { binds, type CheckedPolicy } from './policies.ts';
import { asEnforcer, findScopeFaults, type Population } from './policy-findings.ts';
import type { CheckedAuthentication } from './request-authentications.ts';
import type { World } from './world.ts';

/** What is wrong with RequestAuthentications beside the policies that read what they verify; changes nothing of what is enforced. */
export function findAuthenticationFaults(
  world: World,
  found: {
    readonly authentications: readonly CheckedAuthentication[];
    readonly policies: readonly CheckedPolicy[];
    readonly population: Population;
  },
): void {
  const { authentications, policies, population } = found;
  for (const { source } of authentications) findScopeFaults(world, source, population);
  const enforcers = [
    ...population.workloads.all.map((workload) => ({ enforcer: asEnforcer(workload), origin: workload.origin })),
    ...population.gateways.map(({ identity, name, origin }) => ({ enforcer: { identity, gatewayName: name }, origin })),
  ];
  const isIn = (namespace: string, scope: string): boolean =>
    scope === namespace || scope === world.options.rootNamespace;
  for (const { source } of policies) {
    const field = source.spec.rules.map(tokenField).find((one) => one !== undefined);
    if (field === undefined) continue;
    const without = enforcers.find(
      ({ enforcer }) =>
        isIn(enforcer.identity.namespace, source.metadata.namespace) &&
        binds(source, enforcer) &&
        !authentications.some(
          (one) =>
            isIn(enforcer.identity.namespace, one.source.metadata.namespace) &&
            one.model.rules.length > 0 &&
            binds(one.source, enforcer),
        ),
    );
    if (without !== undefined) reportNeverVerified(world, { ...field, enforcer: without.origin });
  }
}

interface TokenField {
  readonly name: string;
  readonly origin: Origin;
}

/** The first part of a rule that reads a token. */
function tokenField({ from, when }: AuthorizationRule): TokenField | undefined {
  for (const source of from) {
    if (source.requestPrincipals !== undefined) return { name: 'requestPrincipals', origin: source.origin };
    if (source.notRequestPrincipals !== undefined) return { name: 'notRequestPrincipals', origin: source.origin };
  }
  const condition = when.find(({ key }) => key.startsWith('request.auth.'));
  return condition === undefined ? undefined : { name: condition.key, origin: condition.origin };
}

function reportNeverVerified(world: World, finding: TokenField & { readonly enforcer: Origin }): void {
  world.report(
    diagnose(codes.tokenNeverVerified, {
      origin: finding.origin,
      message: `${finding.name} is read at ${formatOrigin(finding.enforcer)}, where no RequestAuthentication applies: no request has a verified token there`,
      remedy: 'Add a RequestAuthentication with the same selector or target, that names the issuer.',
    }),
  );
}

/** A claim among the headers of a route is there only where a token is verified (istioctl: IST0149). */
export function findClaimRoutes(world: World, gateways: readonly GatewayModel[]): void {
  for (const { listeners, requestAuthentications, origin } of gateways) {
    if (requestAuthentications.some(({ rules }) => rules.length > 0)) continue;
    for (const { rule, name } of listeners.flatMap((listener) => factsOfListener(listener).claims)) {
      world.report(
        diagnose(codes.claimRouteWithoutToken, {
          origin: rule.origin,
          message: `routes by ${name} at ${formatOrigin(origin)}, where no RequestAuthentication applies: no request has a claim there`,
          remedy: 'Add a RequestAuthentication that selects the gateway and names the issuer.',
        }),
      );
    }
  }
}

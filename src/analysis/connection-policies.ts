/** Policies that ask something of requests, where connections are passed on without reading any (istio.md 1.7). */
import { diagnose, qualifiedName } from '../base/index.ts';
import { codes } from './codes.ts';
import type { GatewayModel, GuardedWorkload, PolicyModel, PolicyRuleModel } from './model.ts';
import type { World } from './world.ts';

interface Place {
  /** For the finding. */
  readonly name: string;
  /** Ports without HTTP. */
  readonly ports: readonly number[];
  readonly policies: readonly PolicyModel[];
}

export function findConnectionPolicies(
  world: World,
  proxies: { readonly gateways: readonly GatewayModel[]; readonly workloads: readonly GuardedWorkload[] },
): void {
  const places: readonly Place[] = [
    ...proxies.gateways.map((gateway) => ({
      name: `Gateway "${gateway.identity.namespace}/${gateway.name}"`,
      ports: gateway.listeners
        .filter(({ relay, unguarded }) => relay !== undefined && unguarded !== true)
        .map(({ port }) => port),
      policies: gateway.policies,
    })),
    ...proxies.workloads.map((workload) => ({
      name: `workload "${qualifiedName({ namespace: workload.identity.namespace, name: workload.name })}"`,
      ports: workload.ports.filter(({ relaysBytes }) => relaysBytes === true).map(({ number }) => number),
      policies: workload.policies,
    })),
  ];
  for (const place of places) {
    if (place.ports.length === 0) continue;
    for (const policy of place.policies) {
      for (const rule of policy.rules) findRule(world, place, { policy, rule });
    }
  }
}

const requestFields = ['hosts', 'notHosts', 'methods', 'notMethods', 'paths', 'notPaths'] as const;
const principalFields = ['requestPrincipals', 'notRequestPrincipals'] as const;

function findRule(
  world: World,
  place: Place,
  { policy, rule }: { readonly policy: PolicyModel; readonly rule: PolicyRuleModel },
): void {
  const fields = [
    ...rule.to.flatMap((operation) => requestFields.filter((name) => operation[name] !== undefined)),
    ...rule.from.flatMap((source) => principalFields.filter((name) => source[name] !== undefined)),
    ...rule.when.map(({ key }) => key).filter((key) => key.startsWith('request.')),
  ];
  const ports = place.ports.filter((port) => concerns(rule, port));
  const [field] = fields;
  if (field === undefined || ports.length === 0) return;
  const where = `port ${ports.join(', ')} of ${place.name}`;
  const effect =
    policy.action === 'ALLOW'
      ? 'the rule allows nothing there'
      : 'without it the rule denies all connections there that its other fields match';
  world.report(
    diagnose(codes.policyOfRequests, {
      origin: rule.origin,
      message: `${field} is a matter of requests, which connections to ${where} do not have: ${effect}`,
      remedy: 'Name the ports that speak HTTP in to.operation.ports, and write a rule without it for the others.',
    }),
  );
}

/** Whether a rule can hold for a port at all. */
function concerns({ to }: PolicyRuleModel, port: number): boolean {
  return (
    to.length === 0 ||
    to.some(({ ports, notPorts }) => ports?.includes(port) !== false && notPorts?.includes(port) !== true)
  );
}

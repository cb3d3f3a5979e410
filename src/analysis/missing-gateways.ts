import { qualifiedName } from '../base/index.ts';
import type { AuthorizationPolicy, ParentRef } from '../resource/index.ts';
import { compareObjects } from './age.ts';
import type { AddedObject } from './options.ts';
import { groupBy, keyOf, type WorldInput } from './world.ts';

const defaultListener = { name: 'http', port: 80 };

/** The Gateways that routes name and nobody wrote: plaintext HTTP, open for routes of all namespaces. */
export function missingGateways({ resources, options }: WorldInput): readonly AddedObject[] {
  const present = new Set([
    ...resources.gateways.map(keyOf),
    ...resources.rejected.filter(({ origin }) => origin.kind === 'Gateway').map(({ origin }) => qualifiedName(origin)),
  ]);
  const parents = [...resources.httpRoutes, ...resources.grpcRoutes]
    .flatMap(({ spec }) => spec.parentRefs)
    .filter(({ group, kind }) => group === 'gateway.networking.k8s.io' && kind === 'Gateway')
    .filter((parent) => !present.has(qualifiedName(parent)));
  return [...groupBy(parents, qualifiedName).values()].flatMap((refs) => {
    const [first] = refs;
    if (first === undefined) return [];
    const account = expectedAccount(resources.authorizationPolicies, first.namespace);
    const who =
      account === undefined
        ? ''
        : `, as service account "${account.name}", which ${qualifiedName(account.policy.metadata)} allows`;
    return [
      {
        kind: 'Gateway',
        namespace: first.namespace,
        name: first.name,
        why: `a route names it; HTTP on port ${listenersFor(refs)
          .map(({ port }) => port)
          .join(', ')} for routes of all namespaces${who}`,
        neededBy: first.origin,
        manifest: {
          apiVersion: 'gateway.networking.k8s.io/v1',
          kind: 'Gateway',
          metadata: {
            name: first.name,
            namespace: first.namespace,
            ...(account === undefined ? {} : { annotations: { 'networking.istio.io/service-account': account.name } }),
          },
          spec: {
            gatewayClassName: options.gatewayClass ?? 'istio',
            listeners: listenersFor(refs).map(({ name, port }) => ({
              name,
              port,
              protocol: 'HTTP',
              allowedRoutes: { namespaces: { from: 'All' } },
            })),
          },
        },
      },
    ];
  });
}

/** One listener for each that is named; a name without a port takes the next free one from 80 upwards. */
function listenersFor(refs: readonly ParentRef[]): readonly { readonly name: string; readonly port: number }[] {
  const listeners = new Map<string, number>();
  const taken = new Set(refs.flatMap(({ port }) => port ?? []));
  for (const { sectionName, port } of refs) {
    const name = sectionName ?? (port === undefined ? defaultListener.name : `http-${port}`);
    if (listeners.has(name)) continue;
    const chosen = port ?? freePort(taken);
    listeners.set(name, chosen);
    taken.add(chosen);
  }
  return [...listeners].map(([name, port]) => ({ name, port }));
}

function freePort(taken: ReadonlySet<number>): number {
  let port = defaultListener.port;
  while (taken.has(port)) port += 1;
  return port;
}

const completePrincipal = /^[^/*]+\/ns\/([^/*]+)\/sa\/([^/*]+)$/;

/** The service account of the Gateway's namespace that the oldest policy allows: whom else could it have meant? */
function expectedAccount(
  policies: readonly AuthorizationPolicy[],
  namespace: string,
): { readonly name: string; readonly policy: AuthorizationPolicy } | undefined {
  const allowed = policies
    .filter(({ spec }) => spec.action.value === 'ALLOW')
    .sort(compareObjects)
    .flatMap((policy) =>
      policy.spec.rules
        .flatMap(({ from }) =>
          from.flatMap(({ principals = [], serviceAccounts = [] }) => [
            ...principals.map((principal) => completePrincipal.exec(principal)),
            ...serviceAccounts.map((account) => /^([^/]+)\/([^/]+)$/.exec(account)),
          ]),
        )
        .map((match) => ({ policy, namespace: match?.[1], name: match?.[2] })),
    );
  for (const { policy, namespace: wanted, name } of allowed) {
    if (wanted === namespace && name !== undefined) return { name, policy };
  }
  return undefined;
}

import { controllerOfGateway } from './controller-name.ts';
import type { BackendTlsPolicies, CheckedBackendTls } from './backend-tls.ts';
import type { DestinationModel, GatewayModel } from './model.ts';
import type { AncestorStatus, Condition, ObjectStatus } from './status.ts';
import type { World } from './world.ts';

/** A gateway, and a Service port that one of its routes leads to. */
interface Way {
  readonly gateway: GatewayModel;
  readonly destination: DestinationModel;
}

/** The Gateway API allows this many. */
const maxAncestors = 16;

/** The conditions of BackendTLSPolicies, for each Gateway that leads to one of their targets. */
export function backendTlsStatus(
  world: World,
  { checked }: BackendTlsPolicies,
  ways: readonly Way[],
): readonly ObjectStatus[] {
  return checked.map((policy) => {
    const { source } = policy;
    const gateways = new Set(ways.filter((way) => isTarget(policy, way)).map(({ gateway }) => gateway));
    const ancestors = [...gateways].slice(0, maxAncestors).map((gateway): AncestorStatus => ({
      ancestorRef: {
        group: 'gateway.networking.k8s.io',
        kind: 'Gateway',
        namespace: gateway.identity.namespace,
        name: gateway.name,
      },
      controllerName: controllerOfGateway(world, `${gateway.identity.namespace}/${gateway.name}`),
      conditions: conditionsOf(policy),
    }));
    const { namespace, name } = source.metadata;
    return { kind: 'BackendTLSPolicy', namespace, name, origin: source.origin, ancestors };
  });
}

function isTarget({ source }: CheckedBackendTls, { destination }: Way): boolean {
  const { namespace, name } = destination.service;
  return namespace === source.metadata.namespace && source.spec.targetRefs.some((target) => target.name === name);
}

function conditionsOf({ source, refused, unresolved, conflict }: CheckedBackendTls): readonly Condition[] {
  const { generation } = source.metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const bad = conflict ?? refused;
  return [
    bad === undefined
      ? { type: 'Accepted', status: 'True', reason: 'Accepted', message: '', ...observed }
      : { type: 'Accepted', status: 'False', ...bad, ...observed },
    unresolved === undefined
      ? { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: '', ...observed }
      : { type: 'ResolvedRefs', status: 'False', ...unresolved, ...observed },
  ];
}

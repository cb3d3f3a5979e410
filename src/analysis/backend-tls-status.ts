import type { BackendTlsTarget } from '../resource/index.ts';
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
    const ours = ways.filter((way) => targetsOf(world, policy, way).length > 0);
    const gateways = new Set(ours.map(({ gateway }) => gateway));
    const ancestors = [...gateways].slice(0, maxAncestors).map((gateway): AncestorStatus => ({
      ancestorRef: {
        group: 'gateway.networking.k8s.io',
        kind: 'Gateway',
        namespace: gateway.identity.namespace,
        name: gateway.name,
      },
      controllerName: controllerOfGateway(world, `${gateway.identity.namespace}/${gateway.name}`),
      conditions: conditionsOf(
        policy,
        ours.filter((way) => way.gateway === gateway).flatMap((way) => targetsOf(world, policy, way)),
      ),
    }));
    const { namespace, name } = source.metadata;
    return { kind: 'BackendTLSPolicy', namespace, name, origin: source.origin, ancestors };
  });
}

/** Those that are about the port of a way, and those that name no port of its Service. */
function targetsOf(world: World, { source }: CheckedBackendTls, { destination }: Way): readonly BackendTlsTarget[] {
  const { namespace, name, port } = destination.service;
  if (namespace !== source.metadata.namespace) return [];
  const ports = world.services.get(`${namespace}/${name}`)?.spec.ports ?? [];
  return source.spec.targetRefs.filter((target) => {
    const named = ports.find((one) => one.name === target.sectionName);
    return target.name === name && (named === undefined || named.port === port);
  });
}

function conditionsOf(
  { source, refused, unresolved, conflicts }: CheckedBackendTls,
  targets: readonly BackendTlsTarget[],
): readonly Condition[] {
  const { generation } = source.metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const [conflict] = targets.flatMap((target) => conflicts.get(target) ?? []);
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

/**
 * Services of type ExternalName. One that names a host of the mesh is another name of it, with its policies and endpoints, as
 * in Istio (ENABLE_EXTERNAL_NAME_ALIAS); any other is looked up, at the Service's own port.
 */
import { diagnose } from '../base/index.ts';
import type { Service, ServicePort } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { DestinationModel } from './model.ts';
import { keyOf, serviceHost, type World } from './world.ts';

interface ServicePortPair {
  readonly service: Service;
  readonly port: ServicePort;
}

/** What the mesh has under the name; undefined where it has none, or no such port. */
export function aliasOf(world: World, service: Service, port: ServicePort): ServicePortPair | undefined {
  const target = targetOf(world, service);
  const found = target?.spec.ports.find((one) => one.port === port.port && one.protocol === port.protocol);
  return target === undefined || found === undefined ? undefined : { service: target, port: found };
}

/** The Service behind a name, whose own may not be such a name again: that could go in a circle. */
function targetOf(world: World, { spec: { externalName } }: Service): Service | undefined {
  const target = externalName === undefined ? undefined : world.hosts.byHost.get(externalName);
  return target?.spec.externalName === undefined ? target : undefined;
}

export function resolveExternalName(world: World, { service, port }: ServicePortPair): DestinationModel {
  const { namespace, name } = service.metadata;
  const { externalName: host = '' } = service.spec;
  const isOfMesh = world.hosts.byHost.has(host);
  if (isOfMesh) reportNoPort(world, { service, port });
  const { origin } = service;
  return {
    origin: port.origin,
    service: { namespace, name, host: serviceHost({ namespace, name }), port: port.port },
    places: isOfMesh ? [] : [{ type: 'direct', origin, name, host, lookup: 'all', port: port.port, weight: 1 }],
    spiffeIds: [],
    isExternal: true,
  };
}

function reportNoPort(world: World, { service, port }: ServicePortPair): void {
  const { externalName = '' } = service.spec;
  const isChain = world.hosts.byHost.get(externalName)?.spec.externalName !== undefined;
  const why = isChain ? 'which is only another name itself' : `which has no port ${port.port} to be called by it`;
  world.report(
    diagnose(codes.backendPortNotFound, {
      origin: port.origin,
      message: `Service "${keyOf(service)}" is another name of "${externalName}", ${why}`,
      remedy: 'Give it a port of that Service, or name the Service itself.',
    }),
  );
}

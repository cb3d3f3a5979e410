import { diagnose } from '../base/index.ts';
import type { ParentRef, Service } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { Fault } from './listener-owner.ts';
import type { RouteSource } from './route-rules.ts';
import { isRejected, type World } from './world.ts';

/** A route on ports of a Service: for calls to it that apps make through their sidecars (GEP-1324, GEP-1426). */
export interface ServiceBond {
  readonly service: Service;
  readonly ports: readonly number[];
}

/** What became of a parentRef that names a Service; see `Attachment`. */
export interface ServiceAttachment {
  readonly parentRef: ParentRef;
  /** No listener of any Gateway. */
  readonly bonds: readonly [];
  readonly service?: ServiceBond;
  readonly refused?: Fault;
}

export function isServiceParent({ group, kind }: ParentRef): boolean {
  return group === '' && kind === 'Service';
}

/** Attaches a route to the ports of the Service it names: all, or that of `port`, or the one that `sectionName` calls. */
export function attachToService(
  world: World,
  { route, parentRef }: { readonly route: RouteSource; readonly parentRef: ParentRef },
): ServiceAttachment {
  const { namespace, name, port, sectionName } = parentRef;
  if (route.kind !== 'HTTPRoute' && route.kind !== 'GRPCRoute') {
    return refuse(world, parentRef, {
      reason: 'NotAllowedByListeners',
      message: `a ${route.kind} on a Service has no effect here`,
      remedy: 'Write an HTTPRoute or GRPCRoute, or name a Gateway.',
    });
  }
  const service = world.services.get(`${namespace}/${name}`);
  if (service === undefined) {
    const broken = isRejected(world, { kind: 'Service', namespace, name });
    return refuse(world, parentRef, {
      reason: 'NoMatchingParent',
      message: broken ? 'the Service has an error and is left out' : `no such Service in namespace "${namespace}"`,
      remedy: broken ? 'Correct the Service.' : 'Create the Service, or set parentRef.namespace.',
    });
  }
  const ports = service.spec.ports.filter(
    (one) =>
      one.protocol === 'TCP' &&
      (port === undefined || one.port === port) &&
      (sectionName === undefined || one.name === sectionName),
  );
  if (ports.length === 0) {
    const all = service.spec.ports.map((one) => (one.name === '' ? `${one.port}` : `${one.port} (${one.name})`));
    return refuse(world, parentRef, {
      reason: 'NoMatchingParent',
      message: `the Service has no port ${sectionName === undefined ? (port ?? '') : `"${sectionName}"`}`,
      remedy: all.length === 0 ? 'Add the port to the Service.' : `The Service has ${all.join(', ')}.`,
    });
  }
  return { parentRef, bonds: [], service: { service, ports: ports.map((one) => one.port) } };
}

function refuse(
  world: World,
  parentRef: ParentRef,
  fault: { readonly reason: string; readonly message: string; readonly remedy: string },
): ServiceAttachment {
  const { reason, remedy } = fault;
  const message = `parentRef "${parentRef.name}": ${fault.message}`;
  world.report(diagnose(codes.serviceParent, { origin: parentRef.origin, message, remedy }));
  return { parentRef, bonds: [], refused: { reason, message } };
}

import { diagnose } from '../base/index.ts';
import type { BackendObjectRef, BackendRef, MirrorFilter, Service, ServicePort } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { DestinationLookup } from './destinations.ts';
import type { BackendModel, MirrorModel } from './model.ts';
import { canBeSupplied } from './options.ts';
import { grantRemedy, isPermitted } from './reference-grants.ts';
import { headersOf } from './route-filters.ts';
import { failureOf, type RouteSource } from './route-rules.ts';
import { didYouMean } from './suggest-name.ts';
import { isRejected, namesIn, type World } from './world.ts';

/** Why a reference does not resolve, as the reason of the `ResolvedRefs` condition. */
type UnresolvedReason = 'BackendNotFound' | 'InvalidKind' | 'RefNotPermitted' | 'UnsupportedProtocol';

export interface UnresolvedRef {
  readonly reason: UnresolvedReason;
  readonly message: string;
}

export interface ResolvedBackend {
  readonly model: BackendModel;
  readonly unresolved?: UnresolvedRef;
  /** What its share of the requests fails for, when it has a filter that is not supported. */
  readonly unsupported?: string;
}

/** Follows one backendRef. What cannot be followed keeps its weight: that share of the requests is answered with 500. */
export function resolveBackend(
  world: World,
  input: { readonly route: RouteSource; readonly ref: BackendRef; readonly destinations: DestinationLookup },
): ResolvedBackend {
  const { route, ref, destinations } = input;
  const { failure } = failureOf(ref.unsupported);
  const target = follow(world, route, ref);
  if ('reason' in target) {
    return { model: { weight: ref.weight, invalid: target.message }, unresolved: target };
  }
  if (failure !== undefined) {
    return { model: { weight: ref.weight, invalid: failure }, unsupported: failure };
  }
  const { requestHeaders, responseHeaders } = ref.filters;
  return {
    model: {
      weight: ref.weight,
      destination: destinations(target.service, target.port),
      ...headersOf('requestHeaders', requestHeaders),
      ...headersOf('responseHeaders', responseHeaders),
    },
  };
}

/** Follows the backendRef of a mirror. What cannot be followed gets no copies, and keeps nobody from being served. */
export function resolveMirror(
  world: World,
  input: { readonly route: RouteSource; readonly mirror: MirrorFilter; readonly destinations: DestinationLookup },
): { readonly model: MirrorModel } | { readonly unresolved: UnresolvedRef } {
  const { route, mirror, destinations } = input;
  const target = follow(world, route, mirror.backendRef);
  if ('reason' in target) return { unresolved: target };
  const { origin, percent } = mirror;
  return { model: { origin, destination: destinations(target.service, target.port), percent } };
}

interface Target {
  readonly service: Service;
  readonly port: ServicePort;
}

function follow(world: World, route: RouteSource, ref: BackendObjectRef): UnresolvedRef | Target {
  if (ref.group !== '' || ref.kind !== 'Service') {
    return report(world, ref, {
      code: codes.backendKindUnsupported,
      reason: 'InvalidKind',
      message: `backendRef "${ref.name}": kind "${ref.group === '' ? '' : `${ref.group}/`}${ref.kind}" cannot be routed to`,
      remedy: 'Name a Service.',
    });
  }
  const reference = {
    from: { group: 'gateway.networking.k8s.io', kind: route.kind, namespace: route.metadata.namespace },
    to: { group: '', kind: 'Service', namespace: ref.namespace, name: ref.name },
  };
  if (!isPermitted(world, reference)) {
    return report(world, ref, {
      code: codes.backendNotPermitted,
      reason: 'RefNotPermitted',
      message: `backendRef "${ref.name}": no ReferenceGrant lets namespace "${route.metadata.namespace}" use Services of namespace "${ref.namespace}"`,
      remedy: grantRemedy(world, reference),
    });
  }
  const service = world.services.get(`${ref.namespace}/${ref.name}`);
  if (service === undefined) return reportNoService(world, ref);
  if (service.spec.externalName !== undefined) {
    // Whoever may write a Service would otherwise decide to which host of any network a gateway leads (CVE-2021-25740).
    return report(world, ref, {
      code: codes.backendKindUnsupported,
      reason: 'UnsupportedProtocol',
      message: `backendRef "${ref.name}": a Service of type ExternalName takes no requests of the Gateway API's routes`,
      remedy: 'Use a Service with a selector or an EndpointSlice, or route there by a VirtualService.',
    });
  }
  const port = service.spec.ports.find((candidate) => candidate.port === ref.port && candidate.protocol === 'TCP');
  return port === undefined ? reportNoPort(world, ref, service) : { service, port };
}

function reportNoService(world: World, ref: BackendObjectRef): UnresolvedRef {
  const broken = isRejected(world, { kind: 'Service', namespace: ref.namespace, name: ref.name });
  const elsewhere = world.resources.services
    .filter(({ metadata }) => metadata.name === ref.name)
    .map(({ metadata }) => metadata.namespace)
    .sort();
  return report(world, ref, {
    code: codes.backendNotFound,
    reason: 'BackendNotFound',
    message: `backendRef "${ref.name}": ${broken ? 'the Service has an error and is left out,' : 'no such Service'} in namespace "${ref.namespace}"`,
    remedy: broken
      ? 'Correct the Service.'
      : elsewhere.length > 0
        ? `There is one in namespace "${elsewhere.join('", "')}": set backendRef.namespace, with a ReferenceGrant there.`
        : `Create the Service${canBeSupplied(ref.origin) ? ', or run with --add-missing' : ''}.${didYouMean(ref.name, namesIn(world.resources.services, ref.namespace))}`,
  });
}

function reportNoPort(world: World, ref: BackendObjectRef, service: Service): UnresolvedRef {
  const isUdp = service.spec.ports.some(({ port }) => port === ref.port);
  const tcp = service.spec.ports.filter(({ protocol }) => protocol === 'TCP');
  const ports = tcp.map(({ port, name }) => (name === '' ? `${port}` : `${port} (${name})`)).join(', ');
  return report(world, ref, {
    code: codes.backendPortNotFound,
    reason: 'BackendNotFound',
    message: `backendRef "${ref.name}": Service "${ref.namespace}/${ref.name}" has no ${isUdp ? 'TCP ' : ''}port ${ref.port ?? ''}`,
    remedy:
      ports === ''
        ? `${isUdp ? 'Write protocol: TCP in' : 'Add the port to'} the Service.`
        : `The Service has ${ports}; a backendRef names the Service port, not the target port.`,
  });
}

function report(
  world: World,
  ref: BackendObjectRef,
  fault: {
    readonly code: Parameters<typeof diagnose>[0];
    readonly reason: UnresolvedReason;
    readonly message: string;
    readonly remedy: string;
  },
): UnresolvedRef {
  const { code, reason, message, remedy } = fault;
  world.report(diagnose(code, { origin: ref.origin, message, remedy }));
  return { reason, message };
}

import { compareText, diagnose } from '../base/index.ts';
import type { Gateway } from '../resource/index.ts';
import { resolveCertificate } from './certificates.ts';
import { codes } from './codes.ts';
import { makeFrontendValidation, reportUnusedPorts } from './frontend-validation.ts';
import { placeGateway, type GatewayPlace } from './gateway-place.ts';
import { setsOf, type CheckedListenerSet } from './listener-sets.ts';
import type { Fault } from './listener-owner.ts';
import { checkListeners, endsTls, type CheckedListener } from './listeners.ts';
import type { Identity } from './model.ts';
import { keyOf, type World } from './world.ts';

/** A Gateway that is served here, with its checked listeners. */
export interface ServedGateway {
  readonly source: Gateway;
  readonly identity: Identity;
  readonly place: GatewayPlace;
  /** Its own, and then those of its ListenerSets. */
  readonly listeners: readonly CheckedListener[];
  readonly sets: readonly CheckedListenerSet[];
  /** `ResolvedRefs=False` of the Gateway itself. */
  readonly backendFault?: Fault;
}

/**
 * All Gateways of the YAML, whatever their class, or those of `options.gatewayClass`: on one's own machine there is no
 * other controller that would serve the rest. Sorted by namespace and name.
 */
export function serveGateways(world: World): readonly ServedGateway[] {
  const sorted = [...world.gateways.values()].sort((a, b) => compareText(keyOf(a), keyOf(b)));
  return sorted.filter((gateway) => isServed(world, gateway)).map((source) => serveGateway(world, source));
}

function serveGateway(world: World, source: Gateway): ServedGateway {
  const place = placeGateway(world, source);
  const common = { world, gatewayFault: place.refused, validationOf: makeFrontendValidation(world, source) };
  const listeners = [...checkListeners({ ...common, owner: { kind: 'Gateway', source }, before: [] })];
  const parentFault = place.refused && {
    reason: 'ParentNotAccepted',
    message: `Gateway "${keyOf(source)}" is not accepted: ${place.refused.message}`,
  };
  const sets = setsOf(world, source).map(({ source: set, refused }): CheckedListenerSet => {
    if (refused !== undefined) return { source: set, listeners: [], refused };
    const own = checkListeners({ ...common, owner: { kind: 'ListenerSet', source: set }, before: [...listeners] });
    listeners.push(...own);
    return { source: set, listeners: own, ...(parentFault && { parentFault }) };
  });
  const tls = listeners.filter((listener) => endsTls(listener.source));
  reportUnusedPorts(world, source, new Set(tls.map((listener) => listener.source.port)));
  const backend = backendCertificateOf(world, source);
  const identity = { ...gatewayIdentity(source), ...backend.identity };
  return { source, identity, place, listeners, sets, ...(backend.fault && { backendFault: backend.fault }) };
}

/** The client certificate of `tls.backend`; without a usable one, backends that are to see it are not called. */
function backendCertificateOf(
  world: World,
  source: Gateway,
): { readonly identity: Pick<Identity, 'backendCertificate'>; readonly fault?: Fault } {
  const ref = source.spec.backendCertificateRef;
  if (ref === undefined) return { identity: {} };
  const resolved = resolveCertificate(world, { kind: 'Gateway', source }, ref);
  if ('certificate' in resolved) return { identity: { backendCertificate: resolved.certificate } };
  const { reason, message } = resolved.fault;
  return {
    identity: { backendCertificate: { failure: 'spec.tls.backend.clientCertificateRef', origin: ref.origin } },
    fault: { reason: reason === 'RefNotPermitted' ? reason : 'InvalidClientCertificateRef', message },
  };
}

function isServed(world: World, { spec }: Gateway): boolean {
  const wanted = world.options.gatewayClass;
  if (wanted === undefined || spec.gatewayClassName.value === wanted) return true;
  const { origin, value } = spec.gatewayClassName;
  world.report(
    diagnose(codes.gatewayNotServed, {
      origin,
      message: `not served: class "${value}" is not "${wanted}"`,
      remedy: 'Run without --gateway-class to serve Gateways of every class.',
    }),
  );
  return false;
}

/**
 * Who the gateway is. Istio deploys it as `<gateway>-<class>` with a service account of that name, and lets annotations
 * change either (istio.md 4.9). The labels are those of its pods, which selectors of policies can pick.
 */
function gatewayIdentity({ metadata, spec }: Gateway): Identity {
  const workloadName = spec.nameOverride?.value ?? `${metadata.name}-${spec.gatewayClassName.value}`;
  return {
    namespace: metadata.namespace,
    serviceAccount: spec.serviceAccount?.value ?? workloadName,
    workloadName,
    labels: {
      // Istio gives its pods these, and the Gateway's own labels where none are written.
      ...(spec.infrastructure.labels ?? metadata.labels),
      'gateway.networking.k8s.io/gateway-name': metadata.name,
      'gateway.networking.k8s.io/gateway-class-name': spec.gatewayClassName.value,
      'service.istio.io/canonical-name': workloadName,
      'service.istio.io/canonical-revision': 'latest',
    },
  };
}

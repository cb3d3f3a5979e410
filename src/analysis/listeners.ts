import { diagnose, qualifiedName } from '../base/index.ts';
import type { Gateway, Listener } from '../resource/index.ts';
import { resolveCertificate, type CertificateFault } from './certificates.ts';
import { codes } from './codes.ts';
import { normalHostname } from './hostname.ts';
import type { CertificateModel } from './model.ts';
import { failureOf } from './route-rules.ts';
import { groupBy, type World } from './world.ts';

/** A fault as the reason and message of a condition. */
export interface Fault {
  readonly reason: string;
  readonly message: string;
}

/** A listener with everything that was found about it; also those that cannot be served. */
export interface CheckedListener {
  readonly source: Listener;
  readonly hostname: string;
  /** Kinds of routes that may attach; empty when the protocol or all kinds are unsupported. */
  readonly kinds: readonly string[];
  readonly certificates: readonly CertificateModel[];
  /** Condition `Accepted` is False because of this. */
  readonly refused?: Fault;
  /** Condition `Conflicted` is True because of this. */
  readonly conflict?: Fault;
  /** Condition `ResolvedRefs` is False because of this. */
  readonly unresolved?: Fault;
  /** Open for requests. */
  readonly isServed: boolean;
}

const httpKinds = ['HTTPRoute', 'GRPCRoute'] as const;
const group = 'gateway.networking.k8s.io';

/** Checks the listeners of one Gateway, alone and against each other. */
export function checkListeners(world: World, gateway: Gateway): readonly CheckedListener[] {
  const { listeners } = gateway.spec;
  const byPort = groupBy(listeners, ({ port }) => String(port));
  return listeners.map((listener) => {
    const refused = findRefusal(gateway, listener);
    const conflict = findConflict(world, listener, byPort.get(String(listener.port)) ?? []);
    const kinds = refused === undefined ? supportedKinds(world, listener) : { kinds: [] };
    const certificates = refused === undefined ? resolveCertificates(world, gateway, listener) : { usable: [] };
    const isOpen = listener.protocol.value === 'HTTP' || certificates.usable.length > 0;
    const unresolved = kinds.fault ?? certificates.fault;
    return {
      source: listener,
      hostname: normalHostname(listener.hostname?.value),
      kinds: kinds.kinds,
      certificates: certificates.usable,
      ...(refused === undefined ? {} : { refused }),
      ...(conflict === undefined ? {} : { conflict }),
      ...(unresolved === undefined ? {} : { unresolved }),
      isServed: refused === undefined && conflict === undefined && isOpen,
    };
  });
}

/** What the decoder could not take; it has reported that already. */
function findRefusal(gateway: Gateway, listener: Listener): Fault | undefined {
  const { protocol } = listener;
  if (!isHttp(listener)) {
    return {
      reason: 'UnsupportedProtocol',
      message: `listener "${listener.name}": protocol "${protocol.value}" is not supported`,
    };
  }
  const { failure } = failureOf([...gateway.spec.unsupported, ...listener.unsupported]);
  return failure === undefined ? undefined : { reason: 'UnsupportedValue', message: failure };
}

function isHttp({ protocol }: Listener): boolean {
  return protocol.value === 'HTTP' || protocol.value === 'HTTPS';
}

/**
 * Listeners of one port must agree in protocol. Of listeners that do not, none is served: the Gateway API forbids to
 * pick a winner. (Equal hostnames make the whole Gateway invalid, which its decoder sees.)
 */
function findConflict(world: World, listener: Listener, samePort: readonly Listener[]): Fault | undefined {
  const other = samePort.find((item) => isHttp(item) && item.protocol.value !== listener.protocol.value);
  if (other === undefined || !isHttp(listener)) return undefined;
  const message = `listener "${listener.name}" (${listener.protocol.value}) and listener "${other.name}" (${other.protocol.value}) both want port ${listener.port}`;
  world.report(
    diagnose(codes.listenerConflict, {
      origin: listener.origin,
      message,
      remedy: 'Give the listeners different ports; until then neither is served.',
    }),
  );
  return { reason: 'ProtocolConflict', message };
}

function supportedKinds(world: World, listener: Listener): { kinds: readonly string[]; fault?: Fault } {
  const wanted = listener.allowedRoutes.kinds;
  if (wanted.length === 0) return { kinds: httpKinds };
  const known: ReadonlySet<string> = new Set(httpKinds);
  const kinds = wanted.filter((item) => item.group === group && known.has(item.kind)).map(({ kind }) => kind);
  const unknown = wanted.find((item) => item.group !== group || !known.has(item.kind));
  if (unknown === undefined) return { kinds };
  const message = `listener "${listener.name}": allowedRoutes.kinds names "${unknown.kind}", which cannot attach to ${listener.protocol.value}`;
  world.report(
    diagnose(codes.routeKindUnsupported, {
      origin: unknown.origin,
      message,
      remedy: 'Name HTTPRoute, GRPCRoute or both, or leave kinds out.',
    }),
  );
  return { kinds, fault: { reason: 'InvalidRouteKinds', message } };
}

function resolveCertificates(
  world: World,
  gateway: Gateway,
  listener: Listener,
): { usable: readonly CertificateModel[]; fault?: Fault } {
  if (listener.protocol.value !== 'HTTPS') return { usable: [] };
  const refs = listener.tls?.certificateRefs ?? [];
  const resolved = refs.map((ref) => resolveCertificate(world, gateway, ref));
  const usable = resolved.flatMap((item) => ('certificate' in item ? [item.certificate] : []));
  const faults: readonly CertificateFault[] = resolved.flatMap((item) => ('fault' in item ? [item.fault] : []));
  if (usable.length > 0) return { usable, ...(faults[0] === undefined ? {} : { fault: faults[0] }) };
  const message = `listener "${listener.name}" of Gateway "${qualifiedName(gateway.metadata)}" has no usable certificate and is not opened`;
  world.report(
    diagnose(codes.certificateAllUnusable, {
      origin: listener.tls?.origin ?? listener.origin,
      message,
      remedy: 'Name a Secret of type kubernetes.io/tls in tls.certificateRefs.',
    }),
  );
  return { usable, fault: faults[0] ?? { reason: 'InvalidCertificateRef', message } };
}

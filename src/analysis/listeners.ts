import { diagnose, qualifiedName } from '../base/index.ts';
import type { ClientValidation } from '../plan/index.ts';
import type { Listener } from '../resource/index.ts';
import { resolveCertificate, type CertificateFault } from './certificates.ts';
import { codes } from './codes.ts';
import type { CheckedValidation } from './frontend-validation.ts';
import { normalHostname } from './hostname.ts';
import type { Fault, ListenerOwner } from './listener-owner.ts';
import type { CertificateModel, ListenerModel } from './model.ts';
import { failureOf } from './route-rules.ts';
import type { World } from './world.ts';

/** A listener with everything that was found about it; also those that cannot be served. */
export interface CheckedListener {
  readonly source: Listener;
  readonly owner: ListenerOwner;
  readonly hostname: string;
  /** Kinds of routes that may attach; empty when the protocol or all kinds are unsupported. */
  readonly kinds: readonly string[];
  readonly certificates: readonly CertificateModel[];
  readonly clientValidation?: ClientValidation;
  /** Bytes are relayed; absent: HTTP. */
  readonly relay?: NonNullable<ListenerModel['relay']>;
  /** Condition `Accepted` is False because of this. */
  readonly refused?: Fault;
  /** Condition `Conflicted` is True because of this. */
  readonly conflict?: Fault;
  /** Condition `ResolvedRefs` is False because of this. */
  readonly unresolved?: Fault;
  /** Open for requests. */
  readonly isServed: boolean;
}

const group = 'gateway.networking.k8s.io';

export interface ListenerInput {
  readonly world: World;
  readonly owner: ListenerOwner;
  /** Why the whole Gateway cannot be served. */
  readonly gatewayFault: Fault | undefined;
  readonly validationOf: (port: number) => CheckedValidation | undefined;
  /** Listeners that go before those of this owner: what conflicts with one of them loses. */
  readonly before: readonly CheckedListener[];
}

/** Checks the listeners of one Gateway or ListenerSet, alone, against each other, and against those before them. */
export function checkListeners(input: ListenerInput): readonly CheckedListener[] {
  const { listeners } = input.owner.source.spec;
  return listeners.map((listener) => checkListener(input, listener));
}

function checkListener(input: ListenerInput, listener: Listener): CheckedListener {
  const { world, owner, gatewayFault } = input;
  const clients = endsTls(listener) ? input.validationOf(listener.port) : undefined;
  const unsupported = findRefusal(world, owner, listener);
  const refused = unsupported ?? clients?.refused;
  const conflict = unsupported === undefined ? findConflict(input, listener) : undefined;
  const kinds = unsupported === undefined ? supportedKinds(world, listener) : { kinds: [] };
  const certificates = unsupported === undefined ? resolveCertificates(world, owner, listener) : { usable: [] };
  const isOpen = !endsTls(listener) || certificates.usable.length > 0;
  const unresolved = kinds.fault ?? certificates.fault ?? clients?.unresolved;
  const relay = relayOf(listener);
  return {
    source: listener,
    owner,
    hostname: normalHostname(listener.hostname?.value),
    kinds: kinds.kinds,
    certificates: certificates.usable,
    ...(clients?.validation === undefined ? {} : { clientValidation: clients.validation }),
    ...(relay === undefined ? {} : { relay }),
    ...(refused === undefined ? {} : { refused }),
    ...(conflict === undefined ? {} : { conflict }),
    ...(unresolved === undefined ? {} : { unresolved }),
    isServed: refused === undefined && conflict === undefined && gatewayFault === undefined && isOpen,
  };
}

/** Listeners of one family may share a port, told apart by hostname; TCP has none. */
const families: Readonly<Record<string, 'http' | 'tls' | 'tcp'>> = {
  HTTP: 'http',
  HTTPS: 'tls',
  TLS: 'tls',
  TCP: 'tcp',
};

function familyOf({ protocol }: Listener): 'http' | 'tls' | 'tcp' | undefined {
  return Object.hasOwn(families, protocol.value) ? families[protocol.value] : undefined;
}

function protocolRemedy(protocol: string): string {
  if (protocol === 'UDP') return 'Take the listener away here; the others are served without it.';
  const upper = protocol.toUpperCase();
  return Object.hasOwn(families, upper)
    ? `Write ${upper}: protocols are in upper case.`
    : 'Write HTTP, or HTTPS with a certificate: both carry gRPC; or TLS or TCP for connections as they are.';
}

/** Whether it has certificates and meets its clients' ones. */
export function endsTls({ protocol, tls }: Listener): boolean {
  return protocol.value === 'HTTPS' || (protocol.value === 'TLS' && tls?.mode !== 'Passthrough');
}

function relayOf({ protocol, tls }: Listener): CheckedListener['relay'] {
  if (protocol.value === 'TLS' && tls?.mode === 'Passthrough') return 'passthrough';
  return protocol.value === 'TLS' || protocol.value === 'TCP' ? 'tcp' : undefined;
}

/** A protocol that is not supported, or what the decoder could not take, and has reported already. */
function findRefusal(world: World, { kind, source }: ListenerOwner, listener: Listener): Fault | undefined {
  const { protocol } = listener;
  if (familyOf(listener) === undefined) {
    const message = `listener "${listener.name}": protocol "${protocol.value}" is not supported`;
    world.report(
      diagnose(codes.protocolUnsupported, {
        origin: protocol.origin,
        message: `${message}; it is not opened`,
        remedy: protocolRemedy(protocol.value),
      }),
    );
    return { reason: 'UnsupportedProtocol', message };
  }
  const ofGateway = kind === 'Gateway' ? source.spec.unsupported : [];
  const { failure } = failureOf([...ofGateway, ...listener.unsupported]);
  return failure === undefined ? undefined : { reason: 'UnsupportedValue', message: failure };
}

/**
 * Every connection must belong to exactly one listener. Of indistinct listeners of one object none is served: the Gateway
 * API forbids to pick a winner. Between objects the Gateway goes before its ListenerSets and the older set before the
 * newer (GEP-1713), so that only the later listener is left out.
 */
function findConflict({ world, owner, before }: ListenerInput, listener: Listener): Fault | undefined {
  const earlier = earlierThan(before, listener);
  // A sibling that has lost already harms nobody.
  const sibling = owner.source.spec.listeners.find(
    (other) =>
      other !== listener &&
      familyOf(other) !== undefined &&
      reasonOf(listener, other) !== undefined &&
      earlierThan(before, other) === undefined,
  );
  const other = earlier?.source ?? sibling;
  if (other === undefined) return undefined;
  const reason = reasonOf(listener, other) as string;
  const whose = earlier === undefined ? '' : ` of ${earlier.owner.kind}`;
  const message = `listener "${listener.name}" (${describe(listener)}) and listener "${other.name}"${whose} (${describe(other)}) both want port ${listener.port}`;
  world.report(
    diagnose(codes.listenerConflict, {
      origin: listener.origin,
      message,
      remedy: `Give the listeners different ports${reason === 'HostnameConflict' ? ' or hostnames' : ''}; until then ${earlier === undefined ? 'neither is' : 'this one is not'} served.`,
    }),
  );
  return { reason, message };
}

/** The listener of the Gateway, or of an older set, that a listener loses its port to. */
function earlierThan(before: readonly CheckedListener[], listener: Listener): CheckedListener | undefined {
  return before.find(
    (other) =>
      other.refused?.reason !== 'UnsupportedProtocol' &&
      (other.conflict === undefined || other.owner.kind === 'Gateway') &&
      reasonOf(listener, other.source) !== undefined,
  );
}

/** Why two listeners are not distinct; undefined when they are. */
function reasonOf(a: Listener, b: Listener): 'ProtocolConflict' | 'HostnameConflict' | undefined {
  if (a.port !== b.port) return undefined;
  if (familyOf(a) !== familyOf(b)) return 'ProtocolConflict';
  if (normalHostname(a.hostname?.value) !== normalHostname(b.hostname?.value)) return undefined;
  return a.protocol.value === b.protocol.value ? 'HostnameConflict' : 'ProtocolConflict';
}

function describe({ protocol, hostname }: Listener): string {
  return hostname === undefined ? protocol.value : `${protocol.value} ${hostname.value}`;
}

/** The kinds of routes that suit a protocol (Gateway API, RouteGroupKind), the usual one first. */
export function kindsFor(listener: Listener): readonly string[] {
  if (listener.protocol.value === 'TCP') return ['TCPRoute'];
  if (listener.protocol.value !== 'TLS') return ['HTTPRoute', 'GRPCRoute'];
  return relayOf(listener) === 'passthrough' ? ['TLSRoute'] : ['TLSRoute', 'TCPRoute'];
}

/** Protocols whose listeners take routes of a kind. */
export function protocolsFor(kind: string): readonly string[] {
  if (kind === 'TCPRoute') return ['TCP'];
  return kind === 'TLSRoute' ? ['TLS'] : ['HTTP', 'HTTPS'];
}

function supportedKinds(world: World, listener: Listener): { kinds: readonly string[]; fault?: Fault } {
  const wanted = listener.allowedRoutes.kinds;
  const suitable = kindsFor(listener);
  if (wanted.length === 0) return { kinds: suitable };
  const known: ReadonlySet<string> = new Set(suitable);
  const kinds = wanted.filter((item) => item.group === group && known.has(item.kind)).map(({ kind }) => kind);
  const unknown = wanted.find((item) => item.group !== group || !known.has(item.kind));
  if (unknown === undefined) return { kinds };
  const message = `listener "${listener.name}": allowedRoutes.kinds names "${unknown.group === group ? unknown.kind : `${unknown.group}/${unknown.kind}`}", which cannot attach to ${listener.protocol.value}`;
  world.report(
    diagnose(codes.routeKindUnsupported, {
      origin: unknown.origin,
      message,
      remedy: `Name ${suitable.join(', ')}${suitable.length > 1 ? ' or both' : ''}, or leave kinds out.`,
    }),
  );
  return { kinds, fault: { reason: 'InvalidRouteKinds', message } };
}

function resolveCertificates(
  world: World,
  owner: ListenerOwner,
  listener: Listener,
): { usable: readonly CertificateModel[]; fault?: Fault } {
  if (!endsTls(listener)) return { usable: [] };
  const refs = listener.tls?.certificateRefs ?? [];
  const resolved = refs.map((ref) => resolveCertificate(world, owner, ref));
  const usable = resolved.flatMap((item) => ('certificate' in item ? [item.certificate] : []));
  const faults: readonly CertificateFault[] = resolved.flatMap((item) => ('fault' in item ? [item.fault] : []));
  if (usable.length > 0) return { usable, ...(faults[0] === undefined ? {} : { fault: faults[0] }) };
  const message = `listener "${listener.name}" of ${owner.kind} "${qualifiedName(owner.source.metadata)}" has no usable certificate and is not opened`;
  world.report(
    diagnose(codes.certificateAllUnusable, {
      origin: listener.tls?.origin ?? listener.origin,
      message,
      remedy: 'Name a Secret of type kubernetes.io/tls in tls.certificateRefs.',
    }),
  );
  return { usable, fault: faults[0] ?? { reason: 'InvalidCertificateRef', message } };
}

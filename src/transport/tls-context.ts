import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { Secret } from '../base/index.ts';

/** The answer of a peer verification: who it is, or why not. */
export type PeerVerdict =
  /** `isAnonymous`: served, but its certificate, if it has one, counts for nothing. */
  { readonly principal: string; readonly isAnonymous?: true } | { readonly error: string };

/**
 * Judges the peer's certificate chain (DER, leaf first; empty if it presented none), at a server also by the server name
 * that the client asked for. A throw counts as a refusal.
 */
export type VerifyPeer = (derChain: readonly Buffer[], sni: string) => PeerVerdict;

export interface TlsIdentityOptions {
  /** Leaf first. */
  readonly certificatePem: string;
  readonly privateKeyPem: Secret;
  /** The mesh speaks TLS 1.3 only; gateways take 1.2 too. */
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** How a listener does TLS. */
export interface TlsServerContext {
  /** Called on each handshake with the lower-cased server name (empty if none); undefined refuses the handshake. */
  readonly selectIdentity: (sni: string) => SecureContext | undefined;
  /** Ask for a client certificate and judge it (also its absence); undefined: none is asked for. */
  readonly verifyPeer: VerifyPeer | undefined;
  /** Whether the server name wants TLS 1.3 at least; absent: TLS 1.2 is enough for all. */
  readonly wantsTls13?: (sni: string) => boolean;
}

/** How an outgoing connection does TLS. */
export interface TlsClientContext {
  /** Protocols to offer to a peer that need not choose any, for relayed bytes; empty: none. Absent: HTTP/2 or nothing. */
  readonly bytesAlpn?: readonly string[];
  /** Server name to send; empty for none. */
  readonly sni: string;
  readonly identity: SecureContext;
  /**
   * The chain must lead to one of the authorities in `identity`, as OpenSSL judges it (RFC 5280); `verifyPeer` is asked
   * after that. Absent: the chain is for `verifyPeer` alone to judge.
   */
  readonly chainMustLeadToAuthority?: boolean;
  readonly verifyPeer: VerifyPeer;
}

/** Asks the verifier; whatever goes wrong in it refuses the peer. */
export function judgePeer(verifyPeer: VerifyPeer, derChain: readonly Buffer[], sni: string): PeerVerdict {
  try {
    return verifyPeer(derChain, sni);
  } catch (error) {
    return { error: `verification failed: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** The only protocol spoken here. */
export const ALPN_PROTOCOLS: readonly string[] = ['h2'];

/** What a server of relayed bytes chooses from, first its own preference (istio.md 6.5: a chain for TCP; `istio` is Istio's mark of a mesh peer). */
export const BYTES_ALPN_PROTOCOLS: readonly string[] = ['istio', 'h2', 'http/1.1'];

/** OpenSSL's SSL_OP_NO_TICKET: each connection proves its identity anew, so a revoked or expired one does not live on. */
const NO_TICKETS = 0x4000;

/**
 * No certificate authority at all instead of the system's: chains are judged by `VerifyPeer` alone, and no list of
 * authorities is sent to clients.
 */
const NO_AUTHORITIES: string[] = [];

/** A reusable TLS identity without tickets. Throws if the PEM texts do not fit together. */
export function createTlsIdentity(options: TlsIdentityOptions): SecureContext {
  return createSecureContext({
    cert: options.certificatePem,
    key: options.privateKeyPem.reveal(),
    ca: NO_AUTHORITIES,
    minVersion: options.minVersion,
    secureOptions: NO_TICKETS,
  });
}

/** The anonymous client identity for upstreams that want no certificate. */
export function createAnonymousTlsIdentity(minVersion: 'TLSv1.2' | 'TLSv1.3'): SecureContext {
  return createSecureContext({ ca: NO_AUTHORITIES, minVersion, secureOptions: NO_TICKETS });
}

export interface BackendTlsOptions {
  /** PEM of the certificate authorities to trust; absent: those of the operating system. */
  readonly authoritiesPem?: string;
  /** What this side presents when asked. */
  readonly certificatePem?: string;
  readonly privateKeyPem?: { reveal(): string };
}

/** The TLS identity towards backends outside the mesh. Throws if the PEM texts do not fit together. */
export function createBackendTlsIdentity(options: BackendTlsOptions): SecureContext {
  const { authoritiesPem, certificatePem, privateKeyPem } = options;
  return createSecureContext({
    ca: authoritiesPem ?? systemAuthorities(),
    ...(certificatePem === undefined ? {} : { cert: certificatePem, key: privateKeyPem?.reveal() }),
    minVersion: 'TLSv1.2',
    secureOptions: NO_TICKETS,
  });
}

/** Node's own list where the system has none, as in a bare container. */
function systemAuthorities(): string[] {
  const ofSystem = getCACertificates('system');
  return ofSystem.length > 0 ? ofSystem : getCACertificates('bundled');
}

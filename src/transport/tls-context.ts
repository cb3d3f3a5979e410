import type { SecureContext } from 'node:tls';
import type { Secret } from '../base/index.ts';

/** The answer of a peer verification: who it is, or why not. */
export type PeerVerdict = { readonly principal: string } | { readonly error: string };

/** Judges the peer's certificate chain (DER, leaf first; empty if it presented none). Must not throw. */
export type VerifyPeer = (derChain: readonly Buffer[]) => PeerVerdict;

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
}

/** How an outgoing connection does TLS. */
export interface TlsClientContext {
  /** Server name to send; empty for none. */
  readonly sni: string;
  readonly identity: SecureContext;
  readonly verifyPeer: VerifyPeer;
}

/** A reusable TLS identity: ALPN `h2` only, no tickets, no resumption. Throws if the PEM texts do not fit together. */
export declare function createTlsIdentity(options: TlsIdentityOptions): SecureContext;

/** The anonymous client identity for upstreams that want no certificate. */
export declare function createAnonymousTlsIdentity(minVersion: 'TLSv1.2' | 'TLSv1.3'): SecureContext;

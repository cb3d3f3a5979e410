/** Who the peer of a mesh connection is, decided from the certificates it sent. */
import type { Buffer } from 'node:buffer';

/** Which roots speak for which trust domain. */
export interface PeerTrust {
  /** Lower case, for example `cluster.local`: whose peers are accepted. */
  readonly trustDomain: string;
  /** Roots of `trustDomain` and of its aliases, PEM; several while roots are being changed. */
  readonly bundlePem: string;
  /** Other names of the same mesh (`trustDomainAliases`), accepted as well. */
  readonly aliases?: readonly string[];
  /** Roots of foreign trust domains that are accepted too, each only for its own: trust domain → PEM. */
  readonly federatedBundles?: Readonly<Record<string, string>>;
}

export interface VerifyPeerOptions extends PeerTrust {
  /** What the peer is in this handshake; decides which extended key usage it needs. */
  readonly role: 'client' | 'server';
  /** SPIFFE ids of which the peer must have one; absent: any id of an accepted trust domain. An empty list accepts nobody. */
  readonly allowed?: readonly string[];
  /** Wall clock, milliseconds since 1970. */
  readonly nowMs: number;
}

export type PeerVerdict =
  | { readonly spiffeId: string; readonly error?: undefined }
  /** One line that says what failed; safe to log: escaped and bounded. */
  | { readonly error: string; readonly spiffeId?: undefined };

/** Checks the chain as the peer sent it (DER, leaf first). Never throws. */
export function verifyPeer(_derChain: readonly Buffer[], _options: VerifyPeerOptions): PeerVerdict {
  return { error: 'nothing is accepted yet' };
}

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** What is known of a connection from its socket and TLS handshake. */
export interface SocketFacts {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly isTls: boolean;
  /** `h2` with TLS, empty in plaintext. */
  readonly alpn: string;
  /** Lower-cased server name of the handshake, empty if none. */
  readonly sni: string;
  /** The peer's verified certificates as DER, leaf first; empty if none. */
  readonly peerCertificate: readonly Buffer[];
  /** What `verifyPeer` returned, empty if the peer has no verified identity. */
  readonly principal: string;
}

/** Facts before (or without) TLS. */
export function plainFacts(socket: Socket): SocketFacts {
  return {
    remoteAddress: socket.remoteAddress ?? '',
    remotePort: socket.remotePort ?? 0,
    localAddress: socket.localAddress ?? '',
    localPort: socket.localPort ?? 0,
    isTls: false,
    alpn: '',
    sni: '',
    peerCertificate: [],
    principal: '',
  };
}

/** Longest chain that is looked at; real ones have two to four certificates. */
const MAX_CHAIN_LENGTH = 10;

/** The peer's certificates as DER, leaf first, as far as they form a chain. */
export function peerChain(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < MAX_CHAIN_LENGTH) {
    chain.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}

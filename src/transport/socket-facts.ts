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
  /** The peer's certificates as DER, leaf first; empty if none. */
  readonly peerCertificate: readonly Buffer[];
  /** What `verifyPeer` returned, empty if the peer has no verified identity. */
  readonly principal: string;
}

import type { TokenFacts } from './token-facts.ts';

/** What a decision may read of one request. Strings are latin1: one character per byte, as they came over the wire. */
export interface RequestFacts {
  /** `:authority`, or `host` when the request had no `:authority`. */
  readonly authority: string;
  /** `:path` as received, query included. */
  readonly path: string;
  /** `:method`. */
  readonly method: string;
  /** `:scheme`. */
  readonly scheme: string;
  /** Value of a header by its lower-case name; values of repeated fields joined by `,`; undefined if absent. */
  header(name: string): string | undefined;
  /** The `index`-th value of a header, from 0; undefined beyond the last. Policies look at each value of a repeated header. */
  headerAt(name: string, index: number): string | undefined;
  /** The verified token; absent for a request without one. */
  readonly token?: TokenFacts | undefined;
}

/** What a policy may read of one connection. */
export interface ConnectionFacts {
  /** Address of the direct TCP peer. */
  readonly sourceIp: string;
  readonly sourcePort: number;
  /** Address the peer connected to. */
  readonly destinationIp: string;
  /** Server name of the TLS handshake, empty if there was none. */
  readonly sni: string;
  /** The peer's verified SPIFFE id without `spiffe://`; empty for a plaintext peer. */
  readonly principal: string;
}

import type { Socket } from 'node:net';
import type { SocketFacts } from './socket-facts.ts';
import type { TlsServerContext } from './tls-context.ts';

export type ListenSecurity =
  | { readonly mode: 'plaintext' }
  | { readonly mode: 'tls'; readonly tls: TlsServerContext }
  /** First byte 0x16 means TLS; otherwise `acceptPlaintext` decides (STRICT answers false: closed and reported). */
  | {
      readonly mode: 'sniff';
      readonly tls: TlsServerContext;
      readonly acceptPlaintext: (facts: SocketFacts) => boolean;
    };

/** Why a connection was refused before any HTTP/2 byte was processed. */
export interface RefusedConnection {
  readonly cause:
    | 'connection-cap'
    | 'plaintext-refused'
    | 'no-identity'
    | 'handshake-failed'
    | 'handshake-timeout'
    | 'no-alpn'
    | 'peer-refused';
  readonly detail: string;
  readonly facts: SocketFacts;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 asks for any free port. */
  readonly port: number;
  readonly security: ListenSecurity;
  /** An accepted connection, TLS done and the peer judged: make an `Http2Transport` of it at once. */
  readonly onConnection: (socket: Socket, facts: SocketFacts) => void;
  readonly onRefused: (refused: RefusedConnection) => void;
  /** The accept loop failed (for example: out of file descriptors); the listener goes on. */
  readonly onError?: (error: Error) => void;
  readonly maxConnections?: number;
  readonly handshakeTimeoutMs?: number;
  /** Share the port with other processes. */
  readonly reusePort?: boolean;
}

export interface Listener {
  readonly address: { readonly host: string; readonly port: number };
  readonly connectionCount: number;
  /** Replaces the security for connections accepted from now on. */
  setSecurity(security: ListenSecurity): void;
  /** Stops accepting and cuts unfinished handshakes; accepted connections live on. */
  close(): Promise<void>;
}

/** Binds and accepts; rejects if it cannot bind. */
export declare function listen(options: ListenOptions): Promise<Listener>;

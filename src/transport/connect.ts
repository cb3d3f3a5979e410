import type { Socket } from 'node:net';
import type { SocketFacts } from './socket-facts.ts';
import type { TlsClientContext } from './tls-context.ts';

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsClientContext;
  readonly connectTimeoutMs?: number;
  /** Connected, TLS done and the peer judged: make an `Http2Transport` of it at once. */
  readonly onConnected: (socket: Socket, facts: SocketFacts) => void;
  /** Nothing was sent on HTTP/2 level: every request may be tried elsewhere. */
  readonly onFailed: (failure: ConnectFailure) => void;
}

export interface ConnectFailure {
  readonly cause: 'connect-failed' | 'connect-timeout' | 'handshake-failed' | 'no-alpn' | 'peer-refused';
  readonly detail: string;
}

/** An attempt under way; `cancel` ends it without calling back. */
export interface ConnectAttempt {
  cancel(): void;
}

/** Connects; exactly one of the two callbacks is called, never before `connect` returned. */
export declare function connect(options: ConnectOptions): ConnectAttempt;

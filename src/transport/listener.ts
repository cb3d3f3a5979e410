import { createServer, type AddressInfo, type Socket } from 'node:net';
import { plainFacts, type SocketFacts } from './socket-facts.ts';
import type { ClientHello } from './client-hello.ts';
import { asListeningSocket, type ListeningSocket } from '../base/index.ts';
import { peekHello } from './peek-hello.ts';
import { acceptTls, type HandshakeFailure, type TlsAcceptOptions } from './tls-accept.ts';
import { resumeNextTurn } from './turn.ts';
import { BYTES_ALPN_PROTOCOLS, type TlsServerContext } from './tls-context.ts';
import {
  DRAIN_HANDSHAKE_MS,
  HANDSHAKE_TIMEOUT_MS,
  LISTEN_BACKLOG,
  MAX_CONNECTIONS,
  TCP_KEEPALIVE_DELAY_MS,
} from './transport-limits.ts';

export type ListenSecurity =
  | { readonly mode: 'plaintext' }
  /**
   * TLS that is not ended here: the ClientHello is looked at for its server name, and left in place. With `acceptsPlaintext`
   * connections that do not begin with TLS are served too, and TLS needs a server name.
   */
  | { readonly mode: 'peek'; readonly acceptsPlaintext: boolean }
  | { readonly mode: 'tls'; readonly tls: TlsServerContext; readonly treatmentOf?: TreatmentOf }
  /** First byte 0x16 means TLS; otherwise `acceptPlaintext` decides (STRICT answers false: closed and reported). */
  | {
      readonly mode: 'sniff';
      readonly tls: TlsServerContext;
      readonly acceptPlaintext: (facts: SocketFacts) => boolean;
      readonly treatmentOf?: TreatmentOf;
    };

/**
 * What to do with a TLS connection by its ClientHello: HTTP/2, terminate and hand over for relaying, or hand over as it is.
 * Absent: HTTP/2 for all, and no ClientHello is looked at.
 */
export type TreatmentOf = (hello: ClientHello) => 'http2' | 'bytes' | 'passthrough';

/** Why a connection was refused before any HTTP/2 byte was processed. */
export interface RefusedConnection {
  /** `client-cap`: by whoever counts connections per client. */
  readonly cause:
    | 'connection-cap'
    | 'client-cap'
    | 'plaintext-refused'
    | 'first-byte-timeout'
    | 'bad-client-hello'
    | HandshakeFailure;
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
  /** Accepting failed (for example: out of file descriptors); the listener goes on. */
  readonly onError?: (error: Error) => void;
  readonly maxConnections?: number;
  readonly handshakeTimeoutMs?: number;
  /** Share the port with other processes. */
  readonly reusePort?: boolean;
  /** Another process listens on it already: `host` and `port` are those of this socket. */
  readonly inherited?: ListeningSocket;
}

export interface Listener {
  readonly address: { readonly host: string; readonly port: number };
  /** For `inherited` of the process that comes after this one; undefined when closed. */
  readonly socket: ListeningSocket | undefined;
  /** Accepted sockets that are open, unfinished handshakes included. */
  readonly connectionCount: number;
  /** Replaces the security for connections accepted from now on. */
  setSecurity(security: ListenSecurity): void;
  /**
   * Accepts the connections that the system has taken already (closing resets them), then no more. What is accepted lives on;
   * unfinished handshakes have `DRAIN_HANDSHAKE_MS`. Resolves when the port is free.
   */
  drain(): Promise<void>;
  /** Stops accepting at once and cuts unfinished handshakes; accepted connections live on. */
  close(): Promise<void>;
  /** Resolves when no accepted socket is open, which is later than the end of its last call. Call it when nothing is accepted any more. */
  whenEmpty(): Promise<void>;
}

/** The first byte of a TLS handshake record (RFC 8446 §5.1); an HTTP/2 preface begins with `P`. */
const TLS_HANDSHAKE = 0x16;

/** Binds and accepts; rejects if it cannot bind. */
export function listen(options: ListenOptions): Promise<Listener> {
  const pending = new Set<Socket>();
  const handshakeTimeoutMs = options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
  let security = options.security;
  let connectionCount = 0;
  let acceptedCount = 0;
  let onEmpty: (() => void) | undefined;

  const refuse = (cause: RefusedConnection['cause'], detail: string, facts: SocketFacts): void =>
    options.onRefused({ cause, detail, facts });

  const hand = (socket: Socket, facts: SocketFacts): void => options.onConnection(socket, facts);

  const startTls = (socket: Socket, tls: TlsServerContext, bytes?: TlsAcceptOptions['bytes']): void => {
    pending.add(socket);
    const facts = plainFacts(socket);
    const onGone = (): void => {
      if (pending.delete(socket)) refuse('handshake-failed', 'closed before the handshake', facts);
    };
    socket.on('error', onGone);
    socket.on('close', onGone);
    // A handshake costs more than many calls: a storm of them shares the time that turns have for what can wait.
    resumeNextTurn({
      resume: () => {
        socket.off('error', onGone);
        socket.off('close', onGone);
        if (pending.has(socket)) handshake(socket, tls, bytes);
      },
    });
  };

  const handshake = (socket: Socket, tls: TlsServerContext, bytes: TlsAcceptOptions['bytes']): void => {
    acceptTls(socket, {
      tls,
      ...(bytes === undefined ? {} : { bytes }),
      timeoutMs: handshakeTimeoutMs,
      onSecure: (secure, facts) => {
        pending.delete(socket);
        hand(secure, facts);
      },
      onFailed: (cause, detail, facts) => {
        pending.delete(socket);
        refuse(cause, detail, facts);
      },
    });
  };

  const peek = (socket: Socket, then: (hello: ClientHello, facts: SocketFacts) => void): void => {
    const facts = plainFacts(socket);
    pending.add(socket);
    peekHello(socket, {
      timeoutMs: handshakeTimeoutMs,
      onHello: (hello) => {
        pending.delete(socket);
        then(hello, { ...facts, sni: hello.sni });
      },
      onFailed: (cause, detail) => {
        pending.delete(socket);
        socket.destroy();
        refuse(cause, detail, facts);
      },
    });
  };

  /** Where some connections are relayed, the ClientHello tells which. */
  const peekTls = (socket: Socket, tls: TlsServerContext, treatmentOf: TreatmentOf): void =>
    peek(socket, (hello, facts) => {
      const treatment = treatmentOf(hello);
      if (treatment === 'passthrough') return hand(socket, facts);
      if (treatment === 'http2') return startTls(socket, tls);
      startTls(socket, tls, { alpn: BYTES_ALPN_PROTOCOLS.find((name) => hello.alpn.includes(name)) });
    });

  const peekOrPlain = (socket: Socket): void => {
    const facts = plainFacts(socket);
    pending.add(socket);
    firstByte(socket, handshakeTimeoutMs, (byte) => {
      pending.delete(socket);
      if (byte !== undefined && byte !== TLS_HANDSHAKE) return hand(socket, facts);
      if (byte === TLS_HANDSHAKE) {
        return peek(socket, ({ sni }, named) => {
          if (sni !== '') return hand(socket, named);
          socket.destroy();
          refuse('bad-client-hello', 'no server name, which would say where TLS is to go', facts);
        });
      }
      socket.destroy();
      refuse('first-byte-timeout', 'no byte arrived', facts);
    });
  };

  const accept = (socket: Socket): void => {
    acceptedCount++;
    connectionCount++;
    socket.once('close', () => {
      connectionCount--;
      if (connectionCount === 0) onEmpty?.();
    });
    switch (security.mode) {
      case 'plaintext':
        return hand(socket, plainFacts(socket));
      case 'peek':
        return security.acceptsPlaintext ? peekOrPlain(socket) : peek(socket, (_, facts) => hand(socket, facts));
      case 'tls':
        if (security.treatmentOf === undefined) return startTls(socket, security.tls);
        return peekTls(socket, security.tls, security.treatmentOf);
      case 'sniff':
        return sniff(socket, security);
    }
  };

  const sniff = (socket: Socket, chosen: Extract<ListenSecurity, { mode: 'sniff' }>): void => {
    const facts = plainFacts(socket);
    pending.add(socket);
    firstByte(socket, handshakeTimeoutMs, (byte) => {
      pending.delete(socket);
      if (byte === TLS_HANDSHAKE) {
        if (chosen.treatmentOf === undefined) return startTls(socket, chosen.tls);
        return peekTls(socket, chosen.tls, chosen.treatmentOf);
      }
      if (byte !== undefined && chosen.acceptPlaintext(facts)) return hand(socket, facts);
      socket.destroy();
      if (byte === undefined) refuse('first-byte-timeout', 'no byte arrived', facts);
      else refuse('plaintext-refused', 'plaintext where mutual TLS is required', facts);
    });
  };

  const server = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_DELAY_MS },
    accept,
  );
  server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  const cutPending = (): void => {
    for (const socket of pending) socket.destroy();
  };

  /** The system's queue is empty when a turn accepts nothing. */
  const queueEmptied = async (): Promise<void> => {
    for (let turns = 0; turns < LISTEN_BACKLOG; turns++) {
      const before = acceptedCount;
      await new Promise(setImmediate);
      if (turns > 0 && acceptedCount === before) return;
    }
  };

  server.on('drop', (drop) => refuse('connection-cap', `${server.maxConnections} connections`, dropFacts(drop)));

  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const { host, port: wanted, inherited, reusePort = false } = options;
    server.listen(inherited ?? { host, port: wanted, ...(reusePort ? { reusePort } : {}) }, LISTEN_BACKLOG, () => {
      server.off('error', reject);
      server.on('error', (error) => options.onError?.(error));
      const { address, port } = server.address() as AddressInfo;
      resolve({
        address: { host: address, port },
        get socket() {
          return asListeningSocket(Reflect.get(server, '_handle'));
        },
        get connectionCount() {
          return connectionCount;
        },
        setSecurity(next) {
          security = next;
        },
        async drain() {
          await queueEmptied();
          // Not awaited: it calls back when the last connection ended, and those live on.
          server.close();
          setTimeout(cutPending, DRAIN_HANDSHAKE_MS).unref();
        },
        close() {
          cutPending();
          server.close();
          return Promise.resolve();
        },
        whenEmpty() {
          if (connectionCount === 0) return Promise.resolve();
          return new Promise((done) => (onEmpty = done));
        },
      });
    });
  });
}

/** Looks at the first byte and leaves it for the next reader; undefined if none came in time or the peer left. */
function firstByte(socket: Socket, timeoutMs: number, callback: (byte: number | undefined) => void): void {
  const finish = (byte: number | undefined): void => {
    clearTimeout(timer);
    socket.off('readable', onReadable);
    socket.off('end', onGone);
    socket.off('error', onGone);
    socket.off('close', onGone);
    callback(byte);
  };
  const onGone = (): void => finish(undefined);
  const onReadable = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    socket.unshift(chunk);
    finish(chunk[0]);
  };
  const timer = setTimeout(onGone, timeoutMs).unref();
  socket.on('readable', onReadable);
  socket.once('end', onGone);
  socket.once('error', onGone);
  socket.once('close', onGone);
}

function dropFacts(
  drop:
    | {
        readonly remoteAddress?: string;
        readonly remotePort?: number;
        readonly localAddress?: string;
        readonly localPort?: number;
      }
    | undefined,
): SocketFacts {
  return {
    remoteAddress: drop?.remoteAddress ?? '',
    remotePort: drop?.remotePort ?? 0,
    localAddress: drop?.localAddress ?? '',
    localPort: drop?.localPort ?? 0,
    isTls: false,
    alpn: '',
    sni: '',
    peerCertificate: [],
    principal: '',
  };
}

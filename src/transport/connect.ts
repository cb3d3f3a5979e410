import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { peerChain, plainFacts, type SocketFacts } from './socket-facts.ts';
import { ALPN_PROTOCOLS, judgePeer, type TlsClientContext } from './tls-context.ts';
import { CONNECT_TIMEOUT_MS, TCP_KEEPALIVE_DELAY_MS } from './transport-limits.ts';

export interface ConnectOptions {
  /**
   * An address, a name that is looked up within `connectTimeoutMs`, or a Unix socket, whatever the port: `unix:///path`, or
   * `unix://@name` for an abstract one.
   */
  readonly host: string;
  readonly port: number;
  /** Default: as the system does. */
  readonly lookup?: LookupFunction;
  readonly tls?: TlsClientContext;
  readonly connectTimeoutMs?: number;
  /** TCP keepalive; what is absent has this transport's default, or the system's. */
  readonly keepAlive?: { readonly timeMs?: number; readonly intervalMs?: number; readonly probes?: number };
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
export function connect(options: ConnectOptions): ConnectAttempt {
  const socket = open(options);
  let isConnected = false;
  let isSettled = false;

  const settle = (): boolean => {
    if (isSettled) return false;
    isSettled = true;
    clearTimeout(timer);
    return true;
  };
  const fail = (cause: ConnectFailure['cause'], detail: string): void => {
    if (!settle()) return;
    socket.destroy();
    options.onFailed({ cause, detail });
  };
  const failed = (detail: string): void => fail(isConnected ? 'handshake-failed' : 'connect-failed', detail);

  const timer = setTimeout(() => fail('connect-timeout', ''), options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS).unref();
  socket.on('error', (error) => failed(error.message));
  socket.on('close', () => failed('closed'));
  socket.once('connect', () => {
    isConnected = true;
    const { keepAlive } = options;
    if (keepAlive !== undefined) {
      const { timeMs = TCP_KEEPALIVE_DELAY_MS, intervalMs, probes } = keepAlive;
      socket.setKeepAlive(true, timeMs, intervalMs, probes);
    }
    if (options.tls === undefined && settle()) options.onConnected(socket, plainFacts(socket));
  });
  const { tls } = options;
  if (tls !== undefined) {
    socket.once('secureConnect', () => {
      const secure = socket as TLSSocket;
      if (isSettled) return;
      const { bytesAlpn } = tls;
      if (bytesAlpn === undefined && secure.alpnProtocol !== 'h2')
        return fail('no-alpn', 'the server did not choose h2');
      if (tls.chainMustLeadToAuthority === true && !secure.authorized) {
        return fail('peer-refused', `the certificate chain is not trusted: ${String(secure.authorizationError)}`);
      }
      const chain = peerChain(secure);
      const verdict = judgePeer(tls.verifyPeer, chain, tls.sni);
      if ('error' in verdict) return fail('peer-refused', verdict.error);
      settle();
      const { principal } = verdict;
      const alpn = bytesAlpn === undefined ? 'h2' : secure.alpnProtocol || '';
      options.onConnected(socket, {
        ...plainFacts(socket),
        isTls: true,
        alpn,
        sni: tls.sni,
        peerCertificate: chain,
        principal,
      });
    });
  }
  return {
    cancel() {
      settle();
      socket.destroy();
    },
  };
}

const unixScheme = 'unix://';

function placeOf({ host, port, lookup }: ConnectOptions) {
  if (!host.startsWith(unixScheme)) return { host, port, ...(lookup === undefined ? {} : { lookup }) };
  // Linux has abstract names behind a zero byte.
  return { path: host.slice(unixScheme.length).replace(/^@/, '\0') };
}

function open(options: ConnectOptions): Socket {
  const tcp = {
    ...placeOf(options),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEPALIVE_DELAY_MS,
  };
  if (options.tls === undefined) return connectTcp(tcp);
  return connectTls({
    ...tcp,
    servername: options.tls.sni,
    secureContext: options.tls.identity,
    ALPNProtocols: [...(options.tls.bytesAlpn ?? ALPN_PROTOCOLS)],
    // The verdict is `verifyPeer`'s, given before any HTTP/2 byte is processed.
    rejectUnauthorized: false,
    // Names too; what remains of Node's verdict is OpenSSL's on the chain.
    checkServerIdentity: () => undefined,
  });
}

import type { Socket } from 'node:net';
import { TLSSocket, type SecureContext } from 'node:tls';
import { peerChain, plainFacts, type SocketFacts } from './socket-facts.ts';
import { ALPN_PROTOCOLS, judgePeer, type PeerVerdict, type TlsServerContext } from './tls-context.ts';

/** Why a handshake did not lead to a connection. */
export type HandshakeFailure = 'no-identity' | 'handshake-failed' | 'handshake-timeout' | 'no-alpn' | 'peer-refused';

export interface TlsAcceptOptions {
  readonly tls: TlsServerContext;
  readonly timeoutMs: number;
  /** Bytes are relayed, so HTTP/2 is not asked for: the protocol to choose if any. Absent: HTTP/2 or nothing. */
  readonly bytes?: { readonly alpn: string | undefined };
  readonly onSecure: (socket: Socket, facts: SocketFacts) => void;
  /** The socket is already being destroyed. */
  readonly onFailed: (cause: HandshakeFailure, detail: string, facts: SocketFacts) => void;
}

/** Does the server's side of a TLS handshake on an accepted socket; exactly one callback follows. */
export function acceptTls(raw: Socket, options: TlsAcceptOptions): void {
  const facts = plainFacts(raw);
  let sni = '';
  let isSettled = false;
  let missingIdentity = false;

  /** A throw here would end the process, not the handshake. */
  const identityFor = (name: string): SecureContext | undefined => {
    let identity: SecureContext | undefined;
    try {
      identity = options.tls.selectIdentity(name);
    } catch {
      identity = undefined;
    }
    missingIdentity = identity === undefined;
    return identity;
  };
  const settle = (): boolean => {
    if (isSettled) return false;
    isSettled = true;
    clearTimeout(timer);
    return true;
  };
  const fail = (cause: HandshakeFailure, detail: string): void => {
    if (!settle()) return;
    // Not `raw`: the TLS layer still stands on its handle, and destroys it with itself.
    socket.destroy();
    options.onFailed(missingIdentity ? 'no-identity' : cause, detail, { ...facts, sni });
  };

  const anonymous = identityFor('');
  const socket = new TLSSocket(raw, {
    isServer: true,
    ...(anonymous === undefined ? {} : { secureContext: anonymous }),
    // The verdict is `verifyPeer`'s, given below before any HTTP/2 byte is processed.
    requestCert: options.tls.verifyPeer !== undefined,
    rejectUnauthorized: false,
    ...alpnOptions(options.bytes),
    SNICallback: (name, callback) => {
      sni = name.toLowerCase();
      const identity = identityFor(sni);
      if (identity === undefined) callback(new Error('no certificate for this server name'));
      else callback(null, identity);
    },
  });
  const timer = setTimeout(() => fail('handshake-timeout', ''), options.timeoutMs).unref();
  socket.on('error', (error) => fail('handshake-failed', error.message));
  socket.on('_tlsError', (error: Error) => fail('handshake-failed', error.message));
  socket.on('close', () => fail('handshake-failed', 'closed during the handshake'));
  raw.on('error', (error) => fail('handshake-failed', error.message));
  socket.once('secure', () => {
    if (isSettled) return;
    if (options.bytes === undefined && socket.alpnProtocol !== 'h2')
      return fail('no-alpn', 'the client did not offer h2');
    // OpenSSL settles the version before the server name is known, so that it is judged here.
    if (options.tls.wantsTls13?.(sni) === true && socket.getProtocol() !== 'TLSv1.3')
      return fail('handshake-failed', 'the client does not speak TLS 1.3');
    const { verifyPeer } = options.tls;
    const chain = verifyPeer === undefined ? [] : peerChain(socket);
    const verdict: PeerVerdict = verifyPeer === undefined ? { principal: '' } : judgePeer(verifyPeer, chain, sni);
    if ('error' in verdict) return fail('peer-refused', verdict.error);
    settle();
    options.onSecure(socket, {
      ...facts,
      isTls: true,
      alpn: options.bytes === undefined ? 'h2' : (options.bytes.alpn ?? ''),
      sni,
      peerCertificate: verdict.isAnonymous === true ? [] : chain,
      principal: verdict.principal,
    });
  });
}

/** Without a protocol in common Node would end the handshake, where Envoy goes on without one; so then none is offered. */
function alpnOptions(bytes: TlsAcceptOptions['bytes']): { readonly ALPNProtocols?: string[] } {
  if (bytes === undefined) return { ALPNProtocols: [...ALPN_PROTOCOLS] };
  return bytes.alpn === undefined ? {} : { ALPNProtocols: [bytes.alpn] };
}

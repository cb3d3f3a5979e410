import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';

/** Where to connect to. */
export type Target = { readonly host: string; readonly port: number } | { readonly path: string };

/** Opens a socket, starts HTTP/2 on it and waits for the server's SETTINGS. Rejects with the first error. */
export function openSession(what: {
  readonly target: Target;
  readonly tls: ConnectionOptions | undefined;
  readonly authority: string;
  readonly signal: AbortSignal;
}): Promise<ClientHttp2Session> {
  const { target, tls, signal } = what;
  return new Promise((resolve, reject) => {
    const socket: Socket | TLSSocket = tls === undefined ? connectTcp(target) : connectTls({ ...target, ...tls });
    let session: ClientHttp2Session | undefined;
    const fail = (error: unknown): void => {
      session?.destroy();
      socket.destroy();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const abort = (): void => fail(new Error('context deadline exceeded'));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', fail);
    socket.once('close', () => fail(new Error('the server closed the connection before HTTP/2 was set up')));
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      if ('alpnProtocol' in socket && socket.alpnProtocol !== 'h2') {
        return fail(new Error('the server speaks TLS but did not agree to HTTP/2 (ALPN h2)'));
      }
      session = connectHttp2(`http${tls === undefined ? '' : 's'}://${what.authority}`, {
        createConnection: () => socket,
        settings: { enablePush: false },
      });
      session.once('error', fail);
      const ready = session;
      session.once('remoteSettings', () => {
        signal.removeEventListener('abort', abort);
        resolve(ready);
      });
    });
  });
}

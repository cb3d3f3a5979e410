/** Calls that are no HTTP: some bytes on a connection of their own, plain or in TLS, and what comes back. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, TLSSocket, type ConnectionOptions } from 'node:tls';
import type { Backend, BackendOptions, Seen } from './backend.ts';
import type { Outcome } from './call.ts';
import type { Address } from './data-plane.ts';

/** The app of a workload that answers a connection's bytes, when they end, with its name and what it got. */
export async function startByteBackend(name: string, { state, tls }: BackendOptions): Promise<Backend> {
  const counts = { connections: 0, ended: 0, pings: 0 };
  const seen: Seen[] = [];
  const sockets = new Set<Socket>();
  const serve = (socket: Socket): void => {
    counts.connections++;
    sockets.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      counts.ended++;
      state.changed();
    });
    socket.on('error', () => undefined);
    const facts = factsOf(name, socket);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => {
      seen.push(facts);
      state.changed();
      socket.end(JSON.stringify({ facts, got: Buffer.concat(chunks).toString() }));
    });
  };
  const own = tls && {
    cert: tls.cert,
    key: tls.key,
    ca: tls.clientAuthority,
    requestCert: tls.clientAuthority !== undefined,
  };
  const server =
    own === undefined
      ? createServer({ allowHalfOpen: true }, serve)
      : createTlsServer({ ...own, allowHalfOpen: true }, serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    seen,
    counts,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function factsOf(backend: string, socket: Socket): Seen {
  const isTls = socket instanceof TLSSocket;
  return {
    ...{ backend, method: '', path: '', authority: '', headers: {} },
    servername: isTls && typeof socket.servername === 'string' ? socket.servername : null,
    client: (isTls && socket.getPeerX509Certificate()?.subjectAltName?.replace(/^\w+:/, '')) || null,
  };
}

/** Sends a text, and takes what comes back; with `tls` without judging the certificate of the other side. */
export async function sendBytes(address: Address, text: string, tls?: ConnectionOptions): Promise<Outcome> {
  const beganMs = performance.now();
  const socket =
    tls === undefined
      ? connect({ ...address, allowHalfOpen: true })
      : connectTls({ ...address, ...tls, rejectUnauthorized: false });
  let certificate: Buffer | undefined;
  socket.on('secureConnect', () => (certificate = (socket as TLSSocket).getPeerX509Certificate()?.raw));
  socket.on('error', () => undefined);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.end(text);
  await closed;
  const answer = Buffer.concat(chunks).toString();
  const { facts, got } = answer === '' ? {} : (JSON.parse(answer) as { readonly facts: Seen; readonly got: string });
  return {
    ...{ http: undefined, status: undefined, headers: {} },
    body: got ?? '',
    seen: facts,
    certificate,
    tookMs: performance.now() - beganMs,
  };
}

/** Servers that speak no HTTP, for relayed bytes. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Address } from '../../src/proxy/index.ts';

export interface ByteServer {
  readonly address: Address;
  readonly sockets: Socket[];
  /** The next connection, or the first that nobody has asked for yet. */
  next(): Promise<Socket>;
  close(): void;
}

/** `serve` gets each connection; half-open connections stay so. */
export async function startByteServer(serve: (socket: Socket) => void, tls?: TlsOptions): Promise<ByteServer> {
  const sockets: Socket[] = [];
  const unclaimed: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  const onConnection = (socket: Socket): void => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    serve(socket);
    const waiter = waiting.shift();
    if (waiter === undefined) unclaimed.push(socket);
    else waiter(socket);
  };
  const server: Server =
    tls === undefined
      ? createServer({ allowHalfOpen: true }, onConnection)
      : createTlsServer({ ...tls, allowHalfOpen: true }, onConnection);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    sockets,
    next: () => {
      const socket = unclaimed.shift();
      return socket === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(socket);
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Sends everything back, and ends when the client does. */
export function echo(socket: Socket): void {
  socket.pipe(socket);
}

/** Everything that a socket gives until it ends, and its own direction stays open; rejects if it is cut. */
export function readAll(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', () => resolve(Buffer.concat(chunks)));
    socket.once('close', () => reject(new Error('closed before its end')));
    socket.resume();
  });
}

import type { Socket } from 'node:net';
import { ClientHelloReader, type ClientHello } from './client-hello.ts';
import { MAX_PEEKED_BYTES } from './transport-limits.ts';

export interface PeekOptions {
  readonly timeoutMs: number;
  /** Every byte is back in the socket, for whoever reads next. */
  readonly onHello: (hello: ClientHello) => void;
  /** The socket is still open; safe to log. */
  readonly onFailed: (cause: 'bad-client-hello' | 'handshake-timeout' | 'handshake-failed', detail: string) => void;
}

/** Reads a connection's ClientHello and leaves it in place; exactly one callback follows. */
export function peekHello(socket: Socket, { timeoutMs, onHello, onFailed }: PeekOptions): void {
  const reader = new ClientHelloReader();
  const chunks: Buffer[] = [];
  let peekedBytes = 0;

  const finish = (callback: () => void): void => {
    clearTimeout(timer);
    socket.off('readable', onReadable);
    socket.off('end', onGone);
    socket.off('error', onGone);
    socket.off('close', onGone);
    callback();
  };
  const onGone = (): void => finish(() => onFailed('handshake-failed', 'closed during the handshake'));
  const onReadable = (): void => {
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      chunks.push(chunk);
      peekedBytes += chunk.length;
      const result = reader.push(chunk);
      if (result.type === 'invalid') return finish(() => onFailed('bad-client-hello', result.reason));
      if (result.type === 'hello') {
        return finish(() => {
          socket.unshift(chunks.length === 1 ? chunk : Buffer.concat(chunks));
          onHello(result.hello);
        });
      }
      if (peekedBytes > MAX_PEEKED_BYTES) return finish(() => onFailed('bad-client-hello', 'ClientHello is too long'));
    }
  };
  const timer = setTimeout(
    () => finish(() => onFailed('handshake-timeout', 'no whole ClientHello')),
    timeoutMs,
  ).unref();
  socket.on('readable', onReadable);
  socket.once('end', onGone);
  socket.once('error', onGone);
  socket.once('close', onGone);
}

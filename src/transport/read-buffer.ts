// Hot file: one buffer for all reads of the process. Node gives each read 64 KiB of new memory otherwise, which costs more
// than the relay itself: with one call in flight, half of a hop's CPU was the garbage collector (46 full collections in
// 55,000 calls became 4).
import { Socket } from 'node:net';

/** As much as Node reads at once. */
const readBufferBytes = 64 * 1024;
const shared = Buffer.allocUnsafeSlow(readBufferBytes);

/**
 * Node has this for sockets that it connects itself (`onread` of net.connect), but not for accepted ones and for TLS over
 * a given socket. The handle's method and the socket's three slots are the same in all of them.
 */
interface ReadSlots {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly generator: symbol;
}

const slots = findSlots();

/**
 * Makes `socket` read into the shared buffer: `onChunk` is given a view of it that is valid only until it returns, so
 * what is kept must be copied; it answers whether to go on reading (else: `readOn`). Answers false where this Node has no
 * such thing; then chunks come as `data` events.
 */
export function readIntoSharedBuffer(socket: Socket, onChunk: (chunk: Buffer) => boolean): boolean {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (slots === undefined || !takesBuffer(handle)) return false;
  handle.useUserBuffer(shared);
  Reflect.set(socket, slots.buffer, shared);
  Reflect.set(socket, slots.generator, null);
  // Node stops reading where this answers false.
  Reflect.set(socket, slots.callback, (bytes: number) => onChunk(shared.subarray(0, bytes)));
  return true;
}

/** Reads on where `onChunk` answered false. */
export function readOn(socket: Socket): void {
  // With a buffer of ours in use this starts the handle, and is nothing where it reads already.
  if (!socket.destroyed) socket.resume();
}

function takesBuffer(handle: unknown): handle is { useUserBuffer(buffer: Uint8Array): void } {
  return typeof handle === 'object' && handle !== null && typeof Reflect.get(handle, 'useUserBuffer') === 'function';
}

function findSlots(): ReadSlots | undefined {
  const probe = new Socket({ onread: { buffer: Buffer.alloc(1), callback: () => true } });
  const symbols = Object.getOwnPropertySymbols(probe);
  const named = (name: string): symbol | undefined => symbols.find(({ description }) => description === name);
  const [buffer, callback, generator] = [named('kBuffer'), named('kBufferCb'), named('kBufferGen')];
  probe.destroy();
  if (buffer === undefined || callback === undefined || generator === undefined) return undefined;
  return { buffer, callback, generator };
}

// Hot file: holds what cannot be sent yet. Empty on the fast path.

import { returnBlock, takeBlock } from './block-pool.ts';

/** Where bytes go: an HTTP/2 connection. Returns how many bytes it took now, and has copied them then. */
export interface DataSink<S> {
  sendData(stream: S, chunk: Buffer, start: number, end: number, endStream: boolean): number;
}

/**
 * Bytes in order, waiting for a window. Bounded by its users: they return credit to the sender only for what left, so
 * the queue of a stream never exceeds that stream's receive window.
 */
export class ByteQueue {
  byteLength = 0;
  #chunks: Buffer[] = [];
  #starts: number[] = [];
  #ends: number[] = [];

  push(chunk: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length === 0) return;
    this.byteLength += length;
    const last = this.#chunks.length - 1;
    const tail = this.#chunks[last];
    const tailEnd = this.#ends[last] ?? 0;
    if (tail !== undefined && tail.length - tailEnd >= length) {
      chunk.copy(tail, tailEnd, start, end);
      this.#ends[last] = tailEnd + length;
      return;
    }
    const block = takeBlock(length);
    chunk.copy(block, 0, start, end);
    this.#chunks.push(block);
    this.#starts.push(0);
    this.#ends.push(length);
  }

  /** Hands bytes to `sink`, at most `most`, until it takes less than offered; returns how many were taken in all. */
  drainTo<S>(sink: DataSink<S>, stream: S, most = Number.MAX_SAFE_INTEGER): number {
    let taken = 0;
    let done = 0;
    while (done < this.#chunks.length && taken < most) {
      const start = this.#starts[done] ?? 0;
      const blockEnd = this.#ends[done] ?? 0;
      const end = Math.min(blockEnd, start + most - taken);
      const count = sink.sendData(stream, this.#chunks[done] as Buffer, start, end, false);
      taken += count;
      // The sink ended the request, which cleared this queue.
      if (this.#chunks.length === 0) return taken;
      if (start + count < blockEnd) {
        this.#starts[done] = start + count;
        break;
      }
      done++;
    }
    this.byteLength -= taken;
    if (done > 0) this.#drop(done);
    return taken;
  }

  clear(): void {
    if (this.#chunks.length === 0) return;
    this.byteLength = 0;
    this.#drop(this.#chunks.length);
  }

  #drop(count: number): void {
    for (let i = 0; i < count; i++) returnBlock(this.#chunks[i] as Buffer);
    if (count === this.#chunks.length) {
      this.#chunks.length = 0;
      this.#starts.length = 0;
      this.#ends.length = 0;
      return;
    }
    this.#chunks.splice(0, count);
    this.#starts.splice(0, count);
    this.#ends.splice(0, count);
  }
}

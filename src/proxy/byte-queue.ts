// Hot file: holds what cannot be sent yet. Empty on the fast path.

/** Blocks for small pieces: eight HTTP/2 frames of one gRPC message each share one. */
const blockBytes = 4_096;

/** Where bytes go: an HTTP/2 connection. Returns how many bytes it took now. */
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
    const block = Buffer.allocUnsafeSlow(Math.max(blockBytes, length));
    chunk.copy(block, 0, start, end);
    this.#chunks.push(block);
    this.#starts.push(0);
    this.#ends.push(length);
  }

  /** Hands bytes to `sink` until it takes less than offered; returns how many were taken in all. */
  drainTo<S>(sink: DataSink<S>, stream: S): number {
    let taken = 0;
    let done = 0;
    while (done < this.#chunks.length) {
      const start = this.#starts[done] ?? 0;
      const end = this.#ends[done] ?? 0;
      const count = sink.sendData(stream, this.#chunks[done] as Buffer, start, end, false);
      taken += count;
      if (count < end - start) {
        this.#starts[done] = start + count;
        break;
      }
      done++;
    }
    this.byteLength -= taken;
    if (done === this.#chunks.length) this.clear();
    else if (done > 0) this.#drop(done);
    return taken;
  }

  clear(): void {
    if (this.#chunks.length === 0) return;
    this.byteLength = 0;
    this.#chunks.length = 0;
    this.#starts.length = 0;
    this.#ends.length = 0;
  }

  #drop(count: number): void {
    this.#chunks.splice(0, count);
    this.#starts.splice(0, count);
    this.#ends.splice(0, count);
  }
}

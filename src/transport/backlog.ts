import { returnSlab, takeSlab } from '../http2/index.ts';

/** Bytes of one connection that were read and wait for its turn, in memory that all connections share. Empty on the fast path. */
export class Backlog {
  readonly #slabs: Buffer[] = [];
  /** Where the bytes of each slab end. */
  readonly #ends: number[] = [];
  /** Where those of the first begin. */
  #start = 0;

  get isEmpty(): boolean {
    return this.#slabs.length === 0;
  }

  /** Copies what `chunk` has from `from` on. */
  push(chunk: Buffer, from: number): void {
    const length = chunk.length - from;
    if (length === 0) return;
    const last = this.#slabs.length - 1;
    const tail = this.#slabs[last];
    const tailEnd = this.#ends[last] ?? 0;
    if (tail !== undefined && tail.length - tailEnd >= length) {
      chunk.copy(tail, tailEnd, from);
      this.#ends[last] = tailEnd + length;
      return;
    }
    const slab = takeSlab(length);
    chunk.copy(slab, 0, from);
    this.#slabs.push(slab);
    this.#ends.push(length);
  }

  /** What comes first, valid until the next call of anything else; empty if nothing waits. */
  front(): Buffer {
    const slab = this.#slabs[0];
    return slab === undefined ? nothing : slab.subarray(this.#start, this.#ends[0]);
  }

  /** So many bytes of `front` were used. */
  consume(bytes: number): void {
    this.#start += bytes;
    if (this.#slabs.length > 0 && this.#start >= (this.#ends[0] ?? 0)) this.#dropFirst();
  }

  clear(): void {
    while (this.#slabs.length > 0) this.#dropFirst();
  }

  #dropFirst(): void {
    returnSlab(this.#slabs.shift() as Buffer);
    this.#ends.shift();
    this.#start = 0;
  }
}

const nothing = Buffer.alloc(0);

import { returnSlab, takeSlab } from '../http2/index.ts';

/** Bytes of one connection that were read and wait for its turn, in memory that all connections share. Empty on the fast path. */
export class Backlog {
  readonly #slabs: Buffer[] = [];
  /** Where the bytes of each slab end. */
  readonly #ends: number[] = [];
  /** Where those of the first begin. */
  #start = 0;
  /** Somebody reads `front`, so that its memory must not go to others yet. */
  #isLent = false;

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

  /** What comes first, valid until `consume`, which must follow; empty if nothing waits. */
  front(): Buffer {
    const slab = this.#slabs[0];
    if (slab === undefined) return nothing;
    this.#isLent = true;
    return slab.subarray(this.#start, this.#ends[0]);
  }

  /** So many bytes of `front` were used. */
  consume(bytes: number): void {
    this.#isLent = false;
    this.#start += bytes;
    if (this.#slabs.length > 0 && this.#start >= (this.#ends[0] ?? 0)) this.#dropFirst();
  }

  /** Nothing waits any more; what is lent goes once it was used. */
  clear(): void {
    const kept = this.#isLent ? 1 : 0;
    while (this.#slabs.length > kept) {
      returnSlab(this.#slabs.pop() as Buffer);
      this.#ends.pop();
    }
    if (kept === 0) this.#start = 0;
  }

  #dropFirst(): void {
    returnSlab(this.#slabs.shift() as Buffer);
    this.#ends.shift();
    this.#start = 0;
  }
}

const nothing = Buffer.alloc(0);

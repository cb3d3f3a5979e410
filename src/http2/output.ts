/** Hot file: frames are written here, straight into pooled slabs, until the transport takes them. */
import { returnSlab, SMALL_SLAB_BYTES, LARGE_SLAB_BYTES, takeSlab } from './slab-pool.ts';

const nothing = Buffer.alloc(0);

/** Frames that wait for the socket. */
export class OutputBuffer {
  /** Bytes that wait and were not taken yet. */
  byteLength = 0;
  /** Called when the first byte is written into an empty buffer; the transport schedules its flush here. */
  onPending: (() => void) | undefined;
  /** Acknowledgements, resets and ends of answers among what waits: a peer that does not read makes them pile up. */
  controlFrames = 0;
  /** Of these, what counts also after the socket took it, for it may lie in the kernel: ends of answers, until a peer shows that it reads. */
  unreadEnds = 0;
  /** Where to write now; valid between `reserve` and `commit`. */
  slab: Buffer = nothing;
  #position = 0;
  /** Start of what is in the slab and in no segment yet. */
  #start = 0;
  #segments: Buffer[] = [];
  #slabs: Buffer[] = [];
  #inFlight: Buffer[] = [];

  /** Makes room for `bytes`; returns the position in `slab` to write at. */
  reserve(bytes: number): number {
    if (this.#position + bytes > this.slab.length) this.#nextSlab(bytes);
    return this.#position;
  }

  /** What was written since `reserve` ends at `position`. */
  commit(position: number): void {
    const before = this.byteLength;
    this.byteLength = before + position - this.#position;
    this.#position = position;
    if (before === 0 && this.onPending !== undefined) this.onPending();
  }

  /** Hands over everything that waits. The memory stays valid until `written()` is called for this batch. */
  take(): Buffer[] {
    this.#closeSegment();
    const segments = this.#segments;
    this.#segments = [];
    if (this.slab !== nothing) this.#slabs.push(this.slab);
    const spare = this.#inFlight;
    this.#inFlight = this.#slabs;
    this.#slabs = spare;
    this.slab = nothing;
    this.#position = 0;
    this.#start = 0;
    this.byteLength = 0;
    this.controlFrames = this.unreadEnds;
    return segments;
  }

  /** The batch of the last `take()` left the process; its slabs go back to the pool. */
  written(): void {
    // Emptied by pop: setting an array's length is a call into the runtime.
    for (let slab = this.#inFlight.pop(); slab !== undefined; slab = this.#inFlight.pop()) returnSlab(slab);
  }

  #closeSegment(): void {
    if (this.#position > this.#start) {
      this.#segments.push(this.slab.subarray(this.#start, this.#position));
      this.#start = this.#position;
    }
  }

  #nextSlab(bytes: number): void {
    const full = this.slab;
    const isFirst = full === nothing;
    // Only the first slab of a batch is small.
    if (full.length === SMALL_SLAB_BYTES && this.#position + bytes <= LARGE_SLAB_BYTES) {
      // Moving a few KiB once keeps the batch in one piece, so it is written without a vector.
      this.slab = takeSlab(LARGE_SLAB_BYTES);
      full.copy(this.slab, 0, 0, this.#position);
      returnSlab(full);
      return;
    }
    this.#closeSegment();
    if (!isFirst) this.#slabs.push(full);
    this.slab = takeSlab(isFirst ? bytes : Math.max(bytes, LARGE_SLAB_BYTES));
    this.#position = 0;
    this.#start = 0;
  }
}

/** How a stream that is not live any more ended. */
export const PastStream = {
  /** Its id was jumped over: it was never opened and never can be (RFC 9113 §5.1.1). */
  skipped: 0,
  /** Both sides ended it: nothing more may come. */
  ended: 1,
  /** We reset it: frames that were under way are ignored. */
  resetByUs: 2,
  /** The peer reset it: anything more is the peer's mistake. */
  resetByPeer: 3,
  /** Too long ago to tell. */
  forgotten: 4,
} as const;

/** Ids remembered: frames of a reset stream arrive within a round trip, in which few hundred streams can open. */
const REMEMBERED = 512;

const none = new Uint8Array(0);

/** How the latest streams of one side ended, one byte each. */
export class RecentStreams {
  /** Made with the first stream. */
  #ends: Uint8Array = none;
  #lastId = 0;

  /** `id` is now open (and counts as ended by both unless marked otherwise); lower ids that were not used are skipped. */
  opened(id: number): void {
    if (this.#ends === none) this.#ends = new Uint8Array(REMEMBERED);
    let skipped = this.#lastId + 2;
    if (id - skipped > REMEMBERED * 2) skipped = id - REMEMBERED * 2;
    for (; skipped < id; skipped += 2) this.#ends[(skipped >>> 1) & (REMEMBERED - 1)] = PastStream.skipped;
    this.#ends[(id >>> 1) & (REMEMBERED - 1)] = PastStream.ended;
    this.#lastId = id;
  }

  mark(id: number, end: number): void {
    if (this.#isRemembered(id)) this.#ends[(id >>> 1) & (REMEMBERED - 1)] = end;
  }

  /** Of an id that was opened or jumped over. */
  endOf(id: number): number {
    return this.#isRemembered(id)
      ? (this.#ends[(id >>> 1) & (REMEMBERED - 1)] ?? PastStream.forgotten)
      : PastStream.forgotten;
  }

  #isRemembered(id: number): boolean {
    return id > this.#lastId - REMEMBERED * 2;
  }
}

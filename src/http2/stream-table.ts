/** Hot file: live streams by id. */
import type { StreamRecord } from './stream.ts';

const FIRST_SLOTS = 16;

/**
 * Direct-mapped by id, since ids count upwards and streams are mostly short; a long-lived stream in the way of a new
 * one moves to a map.
 */
export class StreamTable<U> {
  size = 0;
  #slots: (StreamRecord<U> | undefined)[] = Array.from<undefined>({ length: FIRST_SLOTS });
  #mask = FIRST_SLOTS - 1;
  readonly #overflow = new Map<number, StreamRecord<U>>();

  get(id: number): StreamRecord<U> | undefined {
    const stream = this.#slots[(id >>> 1) & this.#mask];
    if (stream !== undefined && stream.id === id) return stream;
    return this.#overflow.size === 0 ? undefined : this.#overflow.get(id);
  }

  add(stream: StreamRecord<U>): void {
    // At most four slots for each stream that is open at once.
    if (this.size > this.#mask >> 1) this.#grow();
    this.size++;
    this.#place(stream);
  }

  delete(stream: StreamRecord<U>): void {
    const slot = (stream.id >>> 1) & this.#mask;
    if (this.#slots[slot] === stream) this.#slots[slot] = undefined;
    else if (!this.#overflow.delete(stream.id)) return;
    this.size--;
  }

  /** A copy, so that streams may end while it is walked. */
  all(): StreamRecord<U>[] {
    const streams = [...this.#overflow.values()];
    for (const stream of this.#slots) {
      if (stream !== undefined) streams.push(stream);
    }
    return streams.sort((a, b) => a.id - b.id);
  }

  #place(stream: StreamRecord<U>): void {
    const slot = (stream.id >>> 1) & this.#mask;
    const inTheWay = this.#slots[slot];
    if (inTheWay !== undefined) this.#overflow.set(inTheWay.id, inTheWay);
    this.#slots[slot] = stream;
  }

  #grow(): void {
    const streams = this.all();
    this.#mask = this.#mask * 2 + 1;
    this.#slots = Array.from<undefined>({ length: this.#mask + 1 });
    this.#overflow.clear();
    for (const stream of streams) this.#place(stream);
  }
}

/** Hot file: HPACK's dynamic table (RFC 7541 §2.3.2, §4) as a ring of shared fields. */
import type { EngineField } from '../field.ts';

const FIRST_RING_LENGTH = 16;

/**
 * Entries carry an ever-growing sequence number; the newest is `inserted - 1`. The ring grows with use, so an idle
 * connection holds a few words.
 */
export class DynamicTable {
  ring: (EngineField | undefined)[] = Array.from<undefined>({ length: FIRST_RING_LENGTH });
  mask = FIRST_RING_LENGTH - 1;
  /** Sequence number of the next entry. */
  inserted = 0;
  count = 0;
  bytes = 0;
  maxBytes: number;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** `age` 0 is the newest; undefined beyond the oldest. */
  at(age: number): EngineField | undefined {
    return age < this.count ? this.ring[(this.inserted - 1 - age) & this.mask] : undefined;
  }

  /** An entry larger than the table empties it and is not kept (RFC 7541 §4.4). */
  insert(field: EngineField): void {
    this.evictTo(this.maxBytes - field.size);
    if (field.size > this.maxBytes) return;
    if (this.count > this.mask) this.#grow();
    this.ring[this.inserted & this.mask] = field;
    this.inserted++;
    this.count++;
    this.bytes += field.size;
  }

  resize(maxBytes: number): void {
    this.maxBytes = maxBytes;
    this.evictTo(maxBytes);
  }

  private evictTo(bytes: number): void {
    while (this.bytes > bytes && this.count > 0) {
      const slot = (this.inserted - this.count) & this.mask;
      this.bytes -= (this.ring[slot] as EngineField).size;
      this.ring[slot] = undefined;
      this.count--;
    }
  }

  #grow(): void {
    const length = this.ring.length * 2;
    const ring: (EngineField | undefined)[] = Array.from<undefined>({ length });
    for (let sequence = this.inserted - this.count; sequence < this.inserted; sequence++) {
      ring[sequence & (length - 1)] = this.ring[sequence & this.mask];
    }
    this.ring = ring;
    this.mask = length - 1;
  }
}

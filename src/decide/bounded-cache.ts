/** Hot: one `get` per request and decider. */

/** A key longer than this is decided anew each time, so that the bound on entries also bounds bytes. */
export const maxCachedKeyLength = 512;

/**
 * A map that never holds more than `maxEntries`, forgetting the least recently used half: two generations, so that a hit
 * costs one look-up, and an attacker who varies the key can evict but not grow it.
 */
export class BoundedCache<V> {
  readonly #generationSize: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  constructor(maxEntries: number) {
    this.#generationSize = Math.max(1, maxEntries >> 1);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#old.delete(key);
    this.#insert(key, old);
    return old;
  }

  /** The key must not be held already. */
  set(key: string, value: V): void {
    if (key.length <= maxCachedKeyLength) this.#insert(key, value);
  }

  #insert(key: string, value: V): void {
    if (this.#young.size >= this.#generationSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}

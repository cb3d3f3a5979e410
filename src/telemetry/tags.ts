import { maxTagSets, maxTagValueLength } from './limits.ts';

/** Values that a Telemetry has computed for labels, by their expressions. */
export type Tags = Readonly<Record<string, string>>;

/** `values` in the order of `texts`; clients may have written them, so they are cut. */
export function makeTags(texts: readonly string[], values: readonly string[]): Tags {
  return Object.fromEntries(texts.map((text, index) => [text, (values[index] ?? '').slice(0, maxTagValueLength)]));
}

/** No tags at all, as all have whose proxy computes none. */
export const noTags = 0;

/** Small numbers for tags. Beyond `maxTagSets` all values are `overflow`. */
export class TagTable {
  readonly #index = new Map<string, number>();
  readonly #tags: (Tags | undefined)[] = [undefined];

  indexOf(tags: Tags): number {
    const key = JSON.stringify(tags);
    const known = this.#index.get(key);
    if (known !== undefined) return known;
    if (this.#index.size < maxTagSets) return this.#add(key, tags);
    const overflow = Object.fromEntries(Object.keys(tags).map((text) => [text, 'overflow']));
    const overflowKey = JSON.stringify(overflow);
    // Expressions come from the manifests, so there are few sets of them.
    return this.#index.get(overflowKey) ?? this.#add(overflowKey, overflow);
  }

  at(index: number): Tags | undefined {
    return this.#tags[index];
  }

  #add(key: string, tags: Tags): number {
    this.#index.set(key, this.#tags.length);
    return this.#tags.push(tags) - 1;
  }
}

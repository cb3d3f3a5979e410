/** A small generator of numbers that repeats from its seed (mulberry32), and changes to bytes made with it. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

/** Longer inputs only repeat what shorter ones do. */
const MAX_INPUT_BYTES = 4096;

const edges = [0x00, 0x01, 0x0a, 0x0d, 0x20, 0x2e, 0x2f, 0x3a, 0x40, 0x7f, 0x80, 0xff];

/** One to four changes; `others` are inputs to cut pieces from, `tokens` pieces that mean something to the target. */
export function mutate(
  input: Buffer,
  random: Random,
  { others, tokens }: { readonly others: readonly Buffer[]; readonly tokens: readonly Buffer[] },
): Buffer {
  let bytes = Buffer.from(input);
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = random.below(bytes.length + 1);
    const end = Math.min(bytes.length, at + 1 + random.below(16));
    switch (random.below(8)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        bytes[at] = random.pick(edges);
        break;
      case 2:
        bytes[at] = random.below(256);
        break;
      case 3:
        bytes = replaced(bytes, at, end, Buffer.alloc(0));
        break;
      case 4:
        bytes = replaced(bytes, at, at, bytes.subarray(at, end));
        break;
      case 5:
        bytes = replaced(
          bytes,
          at,
          random.below(2) === 0 ? at : end,
          tokens.length === 0 ? Buffer.of(0) : random.pick(tokens),
        );
        break;
      case 6: {
        const other = random.pick(others);
        const from = random.below(other.length + 1);
        bytes = replaced(bytes, at, at, other.subarray(from, from + 1 + random.below(64)));
        break;
      }
      default: {
        const other = random.pick(others);
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))]);
      }
    }
  }
  return bytes.subarray(0, MAX_INPUT_BYTES);
}

function replaced(bytes: Buffer, start: number, end: number, by: Uint8Array): Buffer<ArrayBuffer> {
  return Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(end)]);
}

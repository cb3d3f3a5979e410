/**
 * Bytes that must not be printed: listener keys, CA keys.
 *
 * Everything that turns values into text (template strings, JSON, `util.inspect`) shows `[redacted]`; only `reveal()`
 * gives the content, so a reviewer can find each use by that word.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[redacted]';
  }
}

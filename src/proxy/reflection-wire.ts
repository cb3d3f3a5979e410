/** The little of Protobuf's wire format that asking for descriptors needs (protobuf.dev/programming-guides/encoding). */

/** A field as it stands on the wire: `bytes` for strings and messages, `number` for integers, neither for other kinds. */
export interface WireField {
  readonly field: number;
  readonly bytes?: Uint8Array;
  readonly number?: number;
}

const varint = 0;
const eightBytes = 1;
const withLength = 2;
const fourBytes = 5;

/**
 * The fields of a message, in their order.
 * @throws RangeError when the bytes are not a message, or have groups, which descriptors never had.
 */
export function readFields(message: Uint8Array): WireField[] {
  const reader = new Reader(message);
  const fields: WireField[] = [];
  while (!reader.isAtEnd) {
    const tag = reader.integer();
    const field = Math.floor(tag / 8);
    const kind = tag % 8;
    if (field === 0) throw new RangeError('a field has the number 0');
    if (kind === varint) fields.push({ field, number: reader.integer() });
    else if (kind === withLength) fields.push({ field, bytes: reader.take(reader.integer()) });
    else if (kind === eightBytes || kind === fourBytes) {
      reader.take(kind === eightBytes ? 8 : 4);
      fields.push({ field });
    } else throw new RangeError(`field ${field} is of the unknown kind ${kind}`);
  }
  return fields;
}

/** Text of the first field of this number; empty when there is none, as in Protobuf. @throws TypeError unless it is UTF-8. */
export function textOf(fields: readonly WireField[], field: number): string {
  const [first = ''] = textsOf(fields, field);
  return first;
}

/** Texts of all fields of this number. @throws TypeError unless they are UTF-8. */
export function textsOf(fields: readonly WireField[], field: number): string[] {
  return bytesOf(fields, field).map((bytes) => utf8.decode(bytes));
}

/** Contents of all strings or messages of this number. */
export function bytesOf(fields: readonly WireField[], field: number): Uint8Array[] {
  return fields.flatMap((one) => (one.field === field && one.bytes !== undefined ? [one.bytes] : []));
}

/** A message of this one text. */
export function writeText(field: number, text: string): Uint8Array {
  const bytes = Buffer.from(text);
  return Buffer.from([...integerBytes(field * 8 + withLength), ...integerBytes(bytes.length), ...bytes]);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Exact up to 2^53; what is larger, negative numbers among it, is only ever skipped or shown. */
  integer(): number {
    let value = 0;
    for (let index = 0; index < 10; index++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new RangeError('the message ends within a number');
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number has more than ten bytes');
  }

  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new RangeError('the message ends within a field');
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }
}

function integerBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}

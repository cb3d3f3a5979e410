/**
 * A strict reader of DER (X.690): definite minimal lengths, one-byte tags, every byte accounted for. Certificates from
 * peers are read with it because the textual SAN of `X509Certificate` has quoting pitfalls (CVE-2021-44532 and kin), and
 * a second, laxer reading of the same bytes is how identity checks are bypassed.
 */

import { maxOidBytes } from './limits.ts';

/** Identifier octets used in certificates. */
export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Identifier octet of a context-specific tag, as in `[0]`. */
export function contextTag(number: number, kind: 'primitive' | 'constructed'): number {
  return (kind === 'constructed' ? 0xa0 : 0x80) | number;
}

/** The input is not the DER that was expected. Thrown inside this folder only; `parseCertificate` turns it into a value. */
export class DerError extends Error {}

/** One tag-length-value; offsets into the buffer it was read from. */
export interface DerElement {
  readonly tag: number;
  /** Where the identifier octet is. */
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;
}

/** A cursor over the elements of one constructed value. Throws `DerError`. */
export class DerReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, element?: DerElement) {
    this.#bytes = bytes;
    this.#at = element?.contentStart ?? 0;
    this.#end = element?.end ?? bytes.length;
  }

  get done(): boolean {
    return this.#at === this.#end;
  }

  /** The next element, whatever it is. */
  any(): DerElement {
    const start = this.#at;
    const tag = this.#byte(start);
    if ((tag & 0x1f) === 0x1f) throw new DerError('tag number above 30');
    let contentStart = start + 2;
    let length = this.#byte(start + 1);
    if (length === 0x80) throw new DerError('indefinite length');
    if (length > 0x80) {
      const count = length & 0x7f;
      // Four bytes say 4 GiB, more than any buffer here.
      if (count > 4) throw new DerError('length of more than four bytes');
      length = 0;
      for (let i = 0; i < count; i += 1) length = length * 256 + this.#byte(contentStart + i);
      if (length < 0x80 || length < 256 ** (count - 1)) throw new DerError('length is not minimal');
      contentStart += count;
    }
    const end = contentStart + length;
    if (end > this.#end) throw new DerError('value runs past its container');
    this.#at = end;
    return { tag, start, contentStart, end };
  }

  /** The next element, which must have this tag. */
  expect(tag: number): DerElement {
    if (this.done) throw new DerError('a value is missing');
    const element = this.any();
    if (element.tag !== tag) throw new DerError(`tag ${hex(element.tag)} where ${hex(tag)} belongs`);
    return element;
  }

  /** The next element if it has this tag. */
  optional(tag: number): DerElement | undefined {
    return !this.done && this.#bytes[this.#at] === tag ? this.any() : undefined;
  }

  /** A cursor over the content of the next element, which must have this tag. */
  enter(tag: number): DerReader {
    return new DerReader(this.#bytes, this.expect(tag));
  }

  /** Nothing may follow. */
  finish(): void {
    if (!this.done) throw new DerError('bytes after the last value');
  }

  #byte(at: number): number {
    const byte = at < this.#end ? this.#bytes[at] : undefined;
    if (byte === undefined) throw new DerError('cut short');
    return byte;
  }
}

/** The value without identifier and length; shares memory. */
export function contentOf(bytes: Buffer, element: DerElement): Buffer {
  return bytes.subarray(element.contentStart, element.end);
}

/** The value with identifier and length; shares memory. */
export function wholeOf(bytes: Buffer, element: DerElement): Buffer {
  return bytes.subarray(element.start, element.end);
}

/** Dotted form, for example `2.5.29.17`. */
export function readOid(content: Buffer): string {
  if (content.length > maxOidBytes) throw new DerError(`object identifier is longer than ${maxOidBytes} bytes`);
  const last = content.at(-1);
  if (last === undefined || last >= 0x80) throw new DerError('object identifier is cut short');
  const arcs: number[] = [];
  let arc = 0;
  for (const [at, byte] of content.entries()) {
    if (arc === 0 && byte === 0x80 && (at === 0 || (content[at - 1] ?? 0) < 0x80)) {
      throw new DerError('object identifier is not minimal');
    }
    arc = arc * 128 + (byte & 0x7f);
    // Larger arcs exist only in UUID-based identifiers, which no extension here has.
    if (arc > 0xffff_ffff) throw new DerError('object identifier arc above 32 bits');
    if (byte >= 0x80) continue;
    if (arcs.length === 0) {
      const top = arc < 40 ? 0 : arc < 80 ? 1 : 2;
      arcs.push(top, arc - top * 40);
    } else {
      arcs.push(arc);
    }
    arc = 0;
  }
  return arcs.join('.');
}

/** `TRUE` or `FALSE`, no other byte. */
export function readBoolean(content: Buffer): boolean {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw new DerError('boolean is not 00 or FF');
  return content[0] === 0xff;
}

/** A non-negative integer below 2^31. */
export function readSmallInteger(content: Buffer): number {
  checkInteger(content);
  if (content.length > 4 || (content[0] ?? 0) >= 0x80) throw new DerError('integer is negative or too large');
  return content.readUIntBE(0, content.length);
}

/** DER integers are not empty and have no superfluous leading byte. */
export function checkInteger(content: Buffer): void {
  const [first, second] = content;
  if (first === undefined) throw new DerError('integer is empty');
  if (second === undefined) return;
  if ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
    throw new DerError('integer is not minimal');
}

/** Bits of a BIT STRING that holds bytes: the number of unused bits must be 0. */
export function readBitStringBytes(content: Buffer): Buffer {
  if (content[0] !== 0) throw new DerError('bit string does not end on a byte');
  return content.subarray(1);
}

const utcTimeForm = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const generalizedTimeForm = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/** Milliseconds since 1970 of a UTCTime or GeneralizedTime in RFC 5280's form (seconds present, `Z`). */
export function readTime(bytes: Buffer, element: DerElement): number {
  const text = contentOf(bytes, element).toString('latin1');
  const isUtc = element.tag === derTag.utcTime;
  if (!isUtc && element.tag !== derTag.generalizedTime) throw new DerError('time has another type');
  const match = (isUtc ? utcTimeForm : generalizedTimeForm).exec(text);
  if (match === null) throw new DerError('time has another form than RFC 5280 allows');
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  // RFC 5280 §4.1.2.5.1: two-digit years from 50 on belong to the twentieth century.
  const fullYear = isUtc ? (year >= 50 ? 1900 + year : 2000 + year) : year;
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const isReal =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  if (!isReal) throw new DerError('time does not exist in the calendar');
  return date.getTime();
}

function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, '0')}`;
}

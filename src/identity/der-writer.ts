/** DER (X.690) by concatenation: enough for a CSR. A library costs a proxy process 25 MB for the same 200 bytes. */
import { derTag } from './der-reader.ts';

/** Identifier, minimal length, content. */
export function derValue(tag: number, ...content: readonly Buffer[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(length)]), ...content]);
}

export function derSequence(...content: readonly Buffer[]): Buffer {
  return derValue(derTag.sequence, ...content);
}

/** `dotted` has at least two arcs. */
export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return derValue(derTag.oid, Buffer.from([first * 40 + second, ...rest].flatMap(base128)));
}

/** A bit string of whole bytes. */
export function derBitString(bytes: Buffer): Buffer {
  return derValue(derTag.bitString, Buffer.from([0]), bytes);
}

/** A non-negative integer from its big-endian bytes. */
export function derInteger(bytes: Buffer): Buffer {
  const firstUsed = bytes.findIndex((byte) => byte !== 0);
  const trimmed = firstUsed === -1 ? Buffer.from([0]) : bytes.subarray(firstUsed);
  const isNegative = (trimmed[0] ?? 0) >= 0x80;
  return derValue(derTag.integer, ...(isNegative ? [Buffer.from([0])] : []), trimmed);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

function base128(arc: number): number[] {
  const bytes = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(0x80 | (rest % 128));
  return bytes;
}

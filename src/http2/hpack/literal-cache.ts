/**
 * Hot file: literals that repeat are recognised by their bytes on the wire, before Huffman decoding, before a string
 * is made. nghttp2 and everything built on it (grpc-js, h2load, curl) sends `:path` as such a literal each time.
 *
 * So are the names of literals that repeat with ever new values (traceparent, grpc-timeout).
 *
 * Direct-mapped and shared by all connections; it holds no credentials (see `isTransientName`). A wrong guess costs a
 * comparison, an adversary's flood costs others their speed-up, never correctness: a hit compares every byte.
 */
import type { EngineField } from '../field.ts';
import type { FieldName } from '../field-name.ts';

const SLOTS = 1024;

/** Longer literals are decoded each time. */
export const MAX_CACHED_LITERAL_BYTES = 64;

const bytes = new Uint8Array(SLOTS * MAX_CACHED_LITERAL_BYTES);
/** Length of the literal in a slot, plus 256 if Huffman-coded. */
const shapes = new Uint16Array(SLOTS);
const values: (EngineField | undefined)[] = Array.from<undefined>({ length: SLOTS });

/** Slot of a literal. The multiplier is FNV's; the name's seed keeps equal values of different names apart. */
export function literalSlot(seed: number, source: Uint8Array, start: number, end: number): number {
  let hash = seed;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (source[i] as number), 0x01000193);
  return (hash ^ (hash >>> 13)) & (SLOTS - 1);
}

/** The field decoded from these very bytes before, if it is still in the slot. */
export function cachedLiteral(
  slot: number,
  info: FieldName,
  shape: number,
  source: Uint8Array,
  start: number,
): EngineField | undefined {
  const field = values[slot];
  if (field === undefined || field.info !== info || shapes[slot] !== shape) return undefined;
  const offset = slot * MAX_CACHED_LITERAL_BYTES;
  const length = shape & 0xff;
  for (let i = 0; i < length; i++) {
    if (bytes[offset + i] !== source[start + i]) return undefined;
  }
  return field;
}

const NAME_SLOTS = 256;

/** Longer names are looked up as text. */
export const MAX_CACHED_NAME_BYTES = 32;

const nameBytes = new Uint8Array(NAME_SLOTS * MAX_CACHED_NAME_BYTES);
const nameShapes = new Uint16Array(NAME_SLOTS);
const names: (FieldName | undefined)[] = Array.from<undefined>({ length: NAME_SLOTS });

/** Slot of a name's bytes. */
export function nameSlot(source: Uint8Array, start: number, end: number): number {
  return literalSlot(0, source, start, end) & (NAME_SLOTS - 1);
}

/** The name read from these very bytes before, if it is still in the slot. */
export function cachedName(slot: number, shape: number, source: Uint8Array, start: number): FieldName | undefined {
  if (nameShapes[slot] !== shape) return undefined;
  const offset = slot * MAX_CACHED_NAME_BYTES;
  const length = shape & 0xff;
  for (let i = 0; i < length; i++) {
    if (nameBytes[offset + i] !== source[start + i]) return undefined;
  }
  return names[slot];
}

export function rememberName(slot: number, shape: number, source: Uint8Array, start: number, name: FieldName): void {
  const length = shape & 0xff;
  const offset = slot * MAX_CACHED_NAME_BYTES;
  for (let i = 0; i < length; i++) nameBytes[offset + i] = source[start + i] as number;
  nameShapes[slot] = shape;
  names[slot] = name;
}

export function rememberLiteral(
  slot: number,
  shape: number,
  source: Uint8Array,
  start: number,
  field: EngineField,
): void {
  const length = shape & 0xff;
  const offset = slot * MAX_CACHED_LITERAL_BYTES;
  for (let i = 0; i < length; i++) bytes[offset + i] = source[start + i] as number;
  shapes[slot] = shape;
  values[slot] = field;
}

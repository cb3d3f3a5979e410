/** Hot file: HPACK encoding (RFC 7541 §6) by identity of shared fields; never Huffman, which costs more than it saves here. */
import { FieldKind } from '../field-kind.ts';
import { USES_BEFORE_INDEXING, type EngineField } from '../field.ts';
import { writeLatin1 } from '../latin1.ts';
import { MAX_ENCODER_TABLE_BYTES } from '../limits.ts';
import { DynamicTable } from './dynamic-table.ts';
import { STATIC_TABLE_LENGTH } from './static-table.ts';

/** The protocol's table size before any SETTINGS. */
const INITIAL_TABLE_BYTES = 4096;

/** Direct-mapped slots from field ids to table entries; twice the entries that fit a 4 KiB table. */
const SLOTS = 256;

/** Worst case beyond name and value: two integers of 5 bytes and the type. */
const LITERAL_OVERHEAD_BYTES = 16;

/** An entry this large would push out most of the table for one field. */
const MAX_INDEXED_SHARE = 4;

export class HpackEncoder {
  readonly #table = new DynamicTable(INITIAL_TABLE_BYTES);
  /** Sequence number + 1 of the entry that a field id was last seen at; made on the first insertion. */
  #slots: Float64Array | undefined;
  #lowestPendingBytes = -1;
  #pendingBytes = -1;

  get tableBytes(): number {
    return this.#table.bytes;
  }

  /** The peer's HEADER_TABLE_SIZE: announced at the start of the next block (RFC 7541 §4.2). */
  setPeerTableBytes(peerBytes: number): void {
    const bytes = Math.min(peerBytes, MAX_ENCODER_TABLE_BYTES);
    const current = this.#pendingBytes >= 0 ? this.#pendingBytes : this.#table.maxBytes;
    if (bytes === current) return;
    this.#pendingBytes = bytes;
    if (this.#lowestPendingBytes < 0 || bytes < this.#lowestPendingBytes) this.#lowestPendingBytes = bytes;
  }

  /** Upper bound of the encoded block, for reserving space. */
  static maxEncodedBytes(fields: readonly EngineField[], count: number): number {
    let bytes = LITERAL_OVERHEAD_BYTES;
    for (let i = 0; i < count; i++) bytes += (fields[i] as EngineField).size;
    return bytes;
  }

  /** Writes the block to `target` from `position`; returns the position behind it. */
  encode(fields: readonly EngineField[], count: number, target: Buffer, position: number): number {
    let at = this.#pendingBytes >= 0 ? this.#writeSizeUpdates(target, position) : position;
    for (let i = 0; i < count; i++) {
      const field = fields[i] as EngineField;
      if (field.staticIndex !== 0) {
        target[at++] = 0x80 | field.staticIndex;
        continue;
      }
      if (field.id < 0) {
        at = this.#writeLiteral(field, target, at, 0x10, 0x0f);
        continue;
      }
      const index = this.#find(field);
      if (index > 0) {
        if (index < 0x7f) target[at++] = 0x80 | index;
        else at = writeInteger(index, 0x80, 0x7f, target, at);
      } else if (this.#isWorthIndexing(field)) {
        at = this.#writeLiteral(field, target, at, 0x40, 0x3f);
        this.#insert(field);
      } else {
        at = this.#writeLiteral(field, target, at, 0x00, 0x0f);
      }
    }
    return at;
  }

  /** Index of the field in the dynamic table, 0 if it is not there. */
  #find(field: EngineField): number {
    const slots = this.#slots;
    if (slots === undefined) return 0;
    const table = this.#table;
    const sequence = (slots[field.id & (SLOTS - 1)] as number) - 1;
    // An empty slot looks like an entry older than any that is left.
    const age = table.inserted - 1 - sequence;
    if (age < table.count && table.ring[sequence & table.mask] === field) return STATIC_TABLE_LENGTH + 1 + age;
    // Two ids may share a slot: look at all entries before calling it absent, then take the slot.
    for (let older = 0; older < table.count; older++) {
      const entry = table.inserted - 1 - older;
      if (table.ring[entry & table.mask] === field) {
        slots[field.id & (SLOTS - 1)] = entry + 1;
        return STATIC_TABLE_LENGTH + 1 + older;
      }
    }
    return 0;
  }

  #isWorthIndexing(field: EngineField): boolean {
    // Lengths repeat by chance, and would push out what repeats by nature.
    if (field.kind === FieldKind.contentLength) return false;
    if (field.size * MAX_INDEXED_SHARE > this.#table.maxBytes) return false;
    return field.uses >= USES_BEFORE_INDEXING || ++field.uses >= USES_BEFORE_INDEXING;
  }

  #insert(field: EngineField): void {
    this.#slots ??= new Float64Array(SLOTS);
    this.#table.insert(field);
    this.#slots[field.id & (SLOTS - 1)] = this.#table.inserted;
  }

  #writeSizeUpdates(target: Buffer, position: number): number {
    let at = position;
    if (this.#lowestPendingBytes < this.#pendingBytes)
      at = writeInteger(this.#lowestPendingBytes, 0x20, 0x1f, target, at);
    at = writeInteger(this.#pendingBytes, 0x20, 0x1f, target, at);
    this.#table.resize(this.#lowestPendingBytes);
    this.#table.resize(this.#pendingBytes);
    this.#pendingBytes = -1;
    this.#lowestPendingBytes = -1;
    return at;
  }

  #writeLiteral(field: EngineField, target: Buffer, position: number, type: number, prefixMask: number): number {
    const nameIndex = field.info.staticIndex;
    let at: number;
    if (nameIndex === 0) {
      target[position] = type;
      at = writeText(field.name, target, position + 1);
    } else {
      at = writeInteger(nameIndex, type, prefixMask, target, position);
    }
    return writeText(field.value, target, at);
  }
}

/** RFC 7541 §5.1. */
function writeInteger(value: number, type: number, prefixMask: number, target: Buffer, position: number): number {
  if (value < prefixMask) {
    target[position] = type | value;
    return position + 1;
  }
  let at = position;
  target[at++] = type | prefixMask;
  let rest = value - prefixMask;
  while (rest >= 0x80) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}

function writeText(text: string, target: Buffer, position: number): number {
  const length = text.length;
  const at = writeInteger(length, 0x00, 0x7f, target, position);
  writeLatin1(text, target, at);
  return at + length;
}

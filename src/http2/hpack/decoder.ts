/** Hot file: HPACK decoding (RFC 7541 §3, §6) straight into shared fields. */
import { internedField, MAX_INTERNED_VALUE_LENGTH, shareableField, unsharedField, type EngineField } from '../field.ts';
import { fieldName, type FieldName } from '../field-name.ts';
import { latin1Text } from '../latin1.ts';
import { MAX_TABLE_SIZE_UPDATES_PER_BLOCK } from '../limits.ts';
import { DynamicTable } from './dynamic-table.ts';
import { decodeHuffman, maxHuffmanDecodedLength } from './huffman.ts';
import {
  cachedLiteral,
  cachedName,
  literalSlot,
  MAX_CACHED_LITERAL_BYTES,
  MAX_CACHED_NAME_BYTES,
  nameSlot,
  rememberLiteral,
  rememberName,
} from './literal-cache.ts';
import { staticFields, STATIC_TABLE_LENGTH } from './static-table.ts';

export interface HpackDecoderOptions {
  readonly tableBytes: number;
  readonly maxListBytes: number;
  readonly maxFields: number;
}

const HUFFMAN_SHAPE = 256;

/** Decoded strings pass through here; grown to the largest block's need and shared, as decoding never nests. */
let scratch = Buffer.allocUnsafeSlow(4096);

/** RFC 7541 §5.1 integers need few bytes; 4 continuation bytes already exceed every length we accept. */
const MAX_INTEGER_SHIFT = 28;

/**
 * Decodes one block after the other. The result stands in `fields[0..count)` until the next block.
 *
 * A block over the list limits is still decoded to its end, since later blocks depend on the table, but its fields are
 * neither made nor kept; `isTooLarge` tells.
 */
export class HpackDecoder {
  readonly fields: EngineField[] = [];
  count = 0;
  /** Bytes of the list so far: name + value + 32 each. */
  listBytes = 0;
  isOverBytes = false;
  isOverFields = false;
  /** Why the last block could not be decoded. */
  error = '';
  readonly #table: DynamicTable;
  readonly #maxListBytes: number;
  readonly #maxFields: number;
  /** What our SETTINGS allow; the encoder announces what it uses. */
  #tableLimit: number;
  #mustShrink = false;
  #source: Buffer = scratch;
  #position = 0;
  #end = 0;

  constructor(options: HpackDecoderOptions) {
    this.#table = new DynamicTable(options.tableBytes);
    this.#tableLimit = options.tableBytes;
    this.#maxListBytes = options.maxListBytes;
    this.#maxFields = options.maxFields;
  }

  get isTooLarge(): boolean {
    return this.isOverBytes || this.isOverFields;
  }

  get tableBytes(): number {
    return this.#table.bytes;
  }

  /** Our changed HEADER_TABLE_SIZE was acknowledged; a lower one obliges the peer to announce it (RFC 7541 §4.2). */
  setTableLimit(bytes: number): void {
    this.#tableLimit = bytes;
    this.#mustShrink = this.#table.maxBytes > bytes;
  }

  /** False: the block is broken, see `error`; the connection cannot go on. */
  decode(source: Buffer, start: number, end: number): boolean {
    this.count = 0;
    this.listBytes = 0;
    this.isOverBytes = false;
    this.isOverFields = false;
    this.#source = source;
    this.#position = start;
    this.#end = end;
    if (!this.#readTableSizeUpdates()) return false;
    while (this.#position < end) {
      const byte = source[this.#position] as number;
      if (byte > 0x80 && byte < 0xff) {
        this.#position++;
        const field = this.#entry(byte & 0x7f);
        if (field === undefined) return this.#fail('index beyond the tables');
        this.#add(field);
      } else if (byte >= 0x80) {
        const index = this.#readInteger(0x7f);
        const field = this.#entry(index);
        if (field === undefined) return this.#fail('index beyond the tables');
        this.#add(field);
      } else if (byte >= 0x40) {
        if (!this.#readIndexedLiteral()) return false;
      } else if (byte >= 0x20) {
        return this.#fail('table size update after a field');
      } else if (!this.#readLiteral((byte & 0x10) !== 0)) {
        return false;
      }
    }
    return true;
  }

  #fail(error: string): false {
    this.error = error;
    return false;
  }

  #readTableSizeUpdates(): boolean {
    let updates = 0;
    while (this.#position < this.#end) {
      const byte = this.#source[this.#position] as number;
      if (byte < 0x20 || byte >= 0x40) break;
      const bytes = this.#readInteger(0x1f);
      if (bytes < 0 || bytes > this.#tableLimit) return this.#fail('table size update above the limit');
      if (++updates > MAX_TABLE_SIZE_UPDATES_PER_BLOCK) return this.#fail('too many table size updates');
      this.#table.resize(bytes);
      this.#mustShrink = false;
    }
    return this.#mustShrink ? this.#fail('missing table size update') : true;
  }

  #entry(index: number): EngineField | undefined {
    if (index > STATIC_TABLE_LENGTH) return this.#table.at(index - STATIC_TABLE_LENGTH - 1);
    return index > 0 ? staticFields[index - 1] : undefined;
  }

  #add(field: EngineField): void {
    this.listBytes += field.size;
    if (this.listBytes > this.#maxListBytes) this.isOverBytes = true;
    else if (this.count >= this.#maxFields) this.isOverFields = true;
    else this.fields[this.count++] = field;
  }

  /** Reads an integer whose prefix is in the current byte; -1 if it does not end in time or in the block. */
  #readInteger(prefixMask: number): number {
    const source = this.#source;
    let value = (source[this.#position++] as number) & prefixMask;
    if (value < prefixMask) return value;
    for (let shift = 0; shift < MAX_INTEGER_SHIFT; shift += 7) {
      if (this.#position >= this.#end) return -1;
      const byte = source[this.#position++] as number;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return -1;
  }

  #readName(prefixMask: number): FieldName | undefined {
    const index = this.#readInteger(prefixMask);
    if (index > 0) return this.#entry(index)?.info;
    if (index < 0) return undefined;
    const shape = this.#readStringShape();
    return shape < 0 ? undefined : this.#decodeName(shape);
  }

  #decodeName(shape: number): FieldName | undefined {
    const start = this.#position;
    const length = shape >> 1;
    const isCacheable = length > 0 && length <= MAX_CACHED_NAME_BYTES;
    const cacheShape = length | ((shape & 1) * HUFFMAN_SHAPE);
    const slot = isCacheable ? nameSlot(this.#source, start, start + length) : 0;
    const known = isCacheable ? cachedName(slot, cacheShape, this.#source, start) : undefined;
    if (known !== undefined) {
      this.#position = start + length;
      return known;
    }
    const text = this.#decodeText(shape);
    if (text === undefined) return undefined;
    const name = fieldName(text);
    if (isCacheable) rememberName(slot, cacheShape, this.#source, start, name);
    return name;
  }

  /** Literal with incremental indexing (RFC 7541 §6.2.1). */
  #readIndexedLiteral(): boolean {
    const info = this.#readName(0x3f);
    if (info === undefined) return this.#fail('bad field name');
    const shape = this.#readStringShape();
    if (shape < 0) return this.#fail('string beyond the block');
    const field = info.isTransient ? this.#makeUncached(info, shape, false) : this.#decodeField(info, shape, true);
    if (field === undefined) return this.#fail('bad Huffman code');
    this.#table.insert(field);
    this.#add(field);
    return true;
  }

  /** Literal without indexing or never indexed (RFC 7541 §6.2.2, §6.2.3). */
  #readLiteral(neverIndex: boolean): boolean {
    const info = this.#readName(0x0f);
    if (info === undefined) return this.#fail('bad field name');
    const shape = this.#readStringShape();
    if (shape < 0) return this.#fail('string beyond the block');
    // Nothing depends on this literal, so once over the limit it is not even decoded.
    if (this.isTooLarge || this.count >= this.#maxFields) {
      this.#position += shape >> 1;
      this.isOverFields ||= !this.isOverBytes;
      return true;
    }
    let field: EngineField | undefined;
    if (neverIndex || info.isTransient) field = this.#makeUncached(info, shape, neverIndex);
    else field = this.#decodeField(info, shape, false);
    if (field === undefined) return this.#fail('bad Huffman code');
    this.#add(field);
    return true;
  }

  /** Reads a string's head; its length times 2, plus 1 if Huffman-coded; -1 if it exceeds the block. */
  #readStringShape(): number {
    if (this.#position >= this.#end) return -1;
    const huffman = (this.#source[this.#position] as number) >> 7;
    const length = this.#readInteger(0x7f);
    if (length < 0 || this.#position + length > this.#end) return -1;
    return (length << 1) | huffman;
  }

  /** Text of the string at the position, which moves behind it; undefined if the Huffman code is broken. */
  #decodeText(shape: number): string | undefined {
    const start = this.#position;
    const end = start + (shape >> 1);
    this.#position = end;
    if ((shape & 1) === 0) return latin1Text(this.#source, start, end);
    const needed = maxHuffmanDecodedLength(end - start);
    if (needed > scratch.length) scratch = Buffer.allocUnsafeSlow(needed);
    const length = decodeHuffman(this.#source, start, end, scratch);
    return length < 0 ? undefined : latin1Text(scratch, 0, length);
  }

  #makeUncached(info: FieldName, shape: number, neverIndex: boolean): EngineField | undefined {
    const value = this.#decodeText(shape);
    return value === undefined ? undefined : unsharedField(info, value, neverIndex);
  }

  #decodeField(info: FieldName, shape: number, indexed: boolean): EngineField | undefined {
    const start = this.#position;
    const length = shape >> 1;
    if (length > MAX_CACHED_LITERAL_BYTES) {
      const value = this.#decodeText(shape);
      if (value === undefined) return undefined;
      if (value.length <= MAX_INTERNED_VALUE_LENGTH) return internedField(info, value);
      // A long value is only worth an entry in the next hop's table if this hop's table keeps its identity.
      return indexed ? shareableField(info, value) : unsharedField(info, value, false);
    }
    const slot = literalSlot(info.seed, this.#source, start, start + length);
    const cacheShape = length | ((shape & 1) * HUFFMAN_SHAPE);
    const known = cachedLiteral(slot, info, cacheShape, this.#source, start);
    if (known !== undefined) {
      this.#position = start + length;
      return known;
    }
    const value = this.#decodeText(shape);
    if (value === undefined) return undefined;
    const field = internedField(info, value);
    rememberLiteral(slot, cacheShape, this.#source, start, field);
    return field;
  }
}

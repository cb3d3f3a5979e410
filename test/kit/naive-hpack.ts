/**
 * HPACK as RFC 7541 writes it, slow and plain, as an oracle: bit strings for Huffman, an array for the dynamic table.
 */
import { huffmanCodeLengths } from '../../src/http2/hpack/huffman-table.ts';
import { staticFields } from '../../src/http2/hpack/static-table.ts';

type Pair = readonly [name: string, value: string];

const codes = huffmanCodes();
const bitsOfSymbol: readonly string[] = huffmanCodeLengths.map((length, symbol) =>
  (codes[symbol] ?? 0).toString(2).padStart(length, '0'),
);
const symbolOfBits: ReadonlyMap<string, number> = new Map(bitsOfSymbol.map((bits, symbol) => [bits, symbol]));

export function naiveHuffmanEncode(text: string): Buffer {
  let bits = '';
  for (const char of text) bits += bitsOfSymbol[char.charCodeAt(0)] ?? '';
  bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** Undefined if the code is not legal. */
export function naiveHuffmanDecode(bytes: Uint8Array): string | undefined {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let text = '';
  let code = '';
  for (const bit of bits) {
    code += bit;
    const symbol = symbolOfBits.get(code);
    if (symbol === 256) return undefined;
    if (symbol === undefined) continue;
    text += String.fromCharCode(symbol);
    code = '';
  }
  return code.length < 8 && !code.includes('0') ? text : undefined;
}

export function naiveInteger(value: number, prefixBits: number, type: number): Buffer {
  const max = 2 ** prefixBits - 1;
  if (value < max) return Buffer.of(type | value);
  const bytes = [type | max];
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

export function naiveString(text: string, huffman = false): Buffer {
  const bytes = huffman ? naiveHuffmanEncode(text) : Buffer.from(text, 'latin1');
  return Buffer.concat([naiveInteger(bytes.length, 7, huffman ? 0x80 : 0), bytes]);
}

/** Literal with a new name; type 0x00 without indexing, 0x10 never indexed, 0x40 with incremental indexing. */
export function naiveLiteral(name: string, value: string, type = 0x00, huffman = false): Buffer {
  return Buffer.concat([Buffer.of(type), naiveString(name, huffman), naiveString(value, huffman)]);
}

/** Decodes blocks of a well-behaved encoder; throws on anything else. */
export class NaiveDecoder {
  table: Pair[] = [];
  maxBytes = 4096;
  /** Types of the representations of the last block: indexed, incremental, plain, never. */
  representations: string[] = [];
  #bytes: Uint8Array = Buffer.alloc(0);
  #at = 0;

  decode(block: Uint8Array): Pair[] {
    this.#bytes = block;
    this.#at = 0;
    this.representations = [];
    const fields: Pair[] = [];
    while (this.#at < block.length) {
      const byte = this.#bytes[this.#at] ?? 0;
      if (byte >= 0x80) fields.push(this.#indexed());
      else if (byte >= 0x40) fields.push(this.#incremental());
      else if (byte >= 0x20) this.#resize();
      else fields.push(this.#plain(byte >= 0x10 ? 'never' : 'plain'));
    }
    return fields;
  }

  #indexed(): Pair {
    this.representations.push('indexed');
    return this.#entry(this.#integer(7));
  }

  #incremental(): Pair {
    this.representations.push('incremental');
    const field = this.#literal(6);
    this.table.unshift(field);
    this.#evict();
    return field;
  }

  #plain(type: string): Pair {
    this.representations.push(type);
    return this.#literal(4);
  }

  #literal(prefixBits: number): Pair {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    return [name, this.#string()];
  }

  #resize(): void {
    this.maxBytes = this.#integer(5);
    this.#evict();
  }

  #evict(): void {
    const size = () => this.table.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    while (size() > this.maxBytes) this.table.pop();
  }

  #entry(index: number): Pair {
    const known = staticFields[index - 1];
    const field: Pair | undefined = known === undefined ? this.table[index - 62] : [known.name, known.value];
    if (field === undefined) throw new Error(`index ${index} beyond the tables`);
    return field;
  }

  #integer(prefixBits: number): number {
    const max = 2 ** prefixBits - 1;
    let value = (this.#bytes[this.#at++] ?? 0) & max;
    if (value < max) return value;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Error('integer beyond the block');
      value += (byte & 0x7f) * factor;
      if (byte < 128) return value;
    }
  }

  #string(): string {
    const huffman = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    if (bytes.length !== length) throw new Error('string beyond the block');
    this.#at += length;
    const text = huffman ? naiveHuffmanDecode(bytes) : Buffer.from(bytes).toString('latin1');
    if (text === undefined) throw new Error('bad Huffman code');
    return text;
  }
}

/** Codes by symbol, right-aligned in `huffmanCodeLengths[symbol]` bits. */
function huffmanCodes(): readonly number[] {
  const bySymbol = huffmanCodeLengths.map(() => 0);
  const inCodeOrder = huffmanCodeLengths
    .map((length, symbol) => ({ length, symbol }))
    .sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  let code = 0;
  let lastLength = 0;
  for (const { length, symbol } of inCodeOrder) {
    code <<= length - lastLength;
    lastLength = length;
    bySymbol[symbol] = code++;
  }
  return bySymbol;
}

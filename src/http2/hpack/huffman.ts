/** Hot file: Huffman decoding by a table of four bits per step (RFC 7541 §5.2). */
import { HUFFMAN_EOS, huffmanCodeLengths, huffmanCodes } from './huffman-table.ts';

/** One step of the decoder is a 32-bit word: next state, flags, symbol. */
const EMIT = 1 << 16;
const FAIL = 1 << 17;
const NEXT_SHIFT = 8;
const SYMBOL_MASK = 0xff;
const STATE_MASK = 0xff;

/** A string may end in at most 7 bits of padding, all ones (the start of EOS). */
const MAX_PADDING_BITS = 7;

interface Node {
  zero: Node | undefined;
  one: Node | undefined;
  symbol: number;
  /** Number among the inner nodes, which are the decoder's states. */
  state: number;
}

function makeNode(): Node {
  return { zero: undefined, one: undefined, symbol: -1, state: 0 };
}

function buildTree(): Node {
  const root = makeNode();
  const codes = huffmanCodes();
  for (const [symbol, length] of huffmanCodeLengths.entries()) {
    let node = root;
    for (let bit = length - 1; bit >= 0; bit--) {
      const isOne = (Math.floor((codes[symbol] ?? 0) / 2 ** bit) & 1) === 1;
      const next = (isOne ? node.one : node.zero) ?? makeNode();
      if (isOne) node.one = next;
      else node.zero = next;
      node = next;
    }
    node.symbol = symbol;
  }
  return root;
}

function innerNodes(root: Node): Node[] {
  const inner: Node[] = [];
  const visit = (node: Node | undefined): void => {
    if (node === undefined || node.symbol >= 0) return;
    node.state = inner.length;
    inner.push(node);
    visit(node.zero);
    visit(node.one);
  };
  visit(root);
  return inner;
}

function step(root: Node, from: Node, nibble: number): number {
  let node = from;
  let symbol = -1;
  for (let bit = 3; bit >= 0; bit--) {
    const next = ((nibble >> bit) & 1) === 1 ? node.one : node.zero;
    // The tree is complete, so only EOS ends a walk.
    if (next === undefined || next.symbol === HUFFMAN_EOS) return FAIL;
    if (next.symbol >= 0) {
      symbol = next.symbol;
      node = root;
    } else {
      node = next;
    }
  }
  return (node.state << NEXT_SHIFT) | (symbol >= 0 ? EMIT | symbol : 0);
}

const steps = new Int32Array(256 * 16);
/** 1 for the states in which a string may end. */
const mayEnd = new Uint8Array(256);

function buildTables(): void {
  const root = buildTree();
  for (const node of innerNodes(root)) {
    for (let nibble = 0; nibble < 16; nibble++) steps[node.state * 16 + nibble] = step(root, node, nibble);
  }
  let node: Node | undefined = root;
  for (let bits = 0; bits <= MAX_PADDING_BITS && node !== undefined; bits++) {
    mayEnd[node.state] = 1;
    node = node.one;
  }
}

buildTables();

/** The shortest code has 5 bits, so text is at most 8/5 of its code. */
export function maxHuffmanDecodedLength(encodedLength: number): number {
  return ((encodedLength * 8) / 5) | 0;
}

/** Decodes `source[start..end)` to `target[0..)`; returns the decoded length, or -1 if the code is not legal. */
export function decodeHuffman(source: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let i = start; i < end; i++) {
    const byte = source[i] as number;
    let word = steps[(state << 4) | (byte >> 4)] as number;
    if ((word & EMIT) !== 0) target[length++] = word & SYMBOL_MASK;
    else if ((word & FAIL) !== 0) return -1;
    word = steps[(((word >> NEXT_SHIFT) & STATE_MASK) << 4) | (byte & 0xf)] as number;
    if ((word & EMIT) !== 0) target[length++] = word & SYMBOL_MASK;
    else if ((word & FAIL) !== 0) return -1;
    state = (word >> NEXT_SHIFT) & STATE_MASK;
  }
  return mayEnd[state] === 1 ? length : -1;
}

/** Hot file: Huffman decoding by a table of four bits per step (RFC 7541 §5.2). */
import { HUFFMAN_EOS, huffmanCodeLengths } from './huffman-table.ts';

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
  /** -1 for inner nodes. */
  symbol: number;
  /** Number among the inner nodes, which are the decoder's states. */
  state: number;
}

function makeNode(): Node {
  return { zero: undefined, one: undefined, symbol: -1, state: 0 };
}

/** Level by level: the code is canonical, so the first nodes of a level are its leaves, in symbol order. */
function buildTree(): Node {
  const symbolsByLength = Map.groupBy(huffmanCodeLengths.keys(), (symbol) => huffmanCodeLengths[symbol]);
  const root = makeNode();
  let inner = [root];
  for (let length = 1; inner.length > 0; length++) {
    const level = inner.flatMap((node) => [(node.zero = makeNode()), (node.one = makeNode())]);
    const symbols = symbolsByLength.get(length) ?? [];
    for (const [index, symbol] of symbols.entries()) (level[index] as Node).symbol = symbol;
    inner = level.slice(symbols.length);
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

/** The word for one bit that leads to `node`. The tree is complete, so only EOS ends a walk. */
function wordTo(node: Node | undefined): number {
  if (node === undefined || node.symbol === HUFFMAN_EOS) return FAIL;
  return node.symbol >= 0 ? EMIT | node.symbol : node.state << NEXT_SHIFT;
}

/** Words for twice as many bits at once. No code is as short as both halves, so one of them emits at most. */
function doubled(half: Int32Array, bits: number): Int32Array {
  const words = new Int32Array(half.length << bits);
  half.forEach((first, from) => {
    const next = ((first >> NEXT_SHIFT) & STATE_MASK) << bits;
    const emitted = first & (EMIT | SYMBOL_MASK);
    for (let choice = 0; choice < 1 << bits; choice++) {
      const second = half[next + choice] as number;
      words[(from << bits) + choice] = ((first | second) & FAIL) === 0 ? second | emitted : FAIL;
    }
  });
  return words;
}

/** 1 for the states in which a string may end. */
const mayEnd = new Uint8Array(256);

/**
 * Words by state and four bits. Each process makes them at its start, so they are made in few steps and without long loops: one of
 * some thousand turns is enough for V8 to bring in its optimising compiler, 5 MiB of an idle process.
 */
const steps = buildTables();

function buildTables(): Int32Array {
  const root = buildTree();
  const oneBit = new Int32Array(256 * 2);
  for (const node of innerNodes(root)) {
    oneBit[node.state * 2] = wordTo(node.zero);
    oneBit[node.state * 2 + 1] = wordTo(node.one);
  }
  let node: Node | undefined = root;
  for (let bits = 0; bits <= MAX_PADDING_BITS && node !== undefined; bits++) {
    mayEnd[node.state] = 1;
    node = node.one;
  }
  return doubled(doubled(oneBit, 1), 2);
}

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

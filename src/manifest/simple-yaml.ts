import type { Path } from './document.ts';
import { maxDepth } from './limits.ts';
import type { Place } from './place.ts';
import { emptyMap } from './plain.ts';
import { beyondSimple, readKey, readScalar, type Cursor } from './simple-scalar.ts';

/** Where a value stands, and what is in it, as offsets of the text. */
export interface SimplePlaces {
  readonly at: number;
  /** Fields with their keys' offsets, or items. */
  readonly below?: ReadonlyMap<string, Field> | readonly SimplePlaces[];
}

interface Field {
  readonly key: number;
  readonly value: SimplePlaces;
}

export interface SimpleYaml {
  readonly value: Readonly<Record<string, unknown>>;
  readonly places: SimplePlaces;
}

interface Node {
  readonly value: unknown;
  readonly places: SimplePlaces;
}

/**
 * Reads the YAML that manifests mostly are: block maps and lists, one-line flow collections, and scalars of one line. Many
 * times as fast as reading all of YAML. Undefined for everything else (anchors, tags, block scalars, empty values,
 * unusual numbers and booleans, mistakes): then the whole language must be read. What both read, they read alike.
 */
export function parseSimpleYaml(text: string): SimpleYaml | undefined {
  if (/[^\n\x20-\x7e]/.test(text)) return undefined;
  try {
    return readDocument({ text, at: 0 });
  } catch (error) {
    if (error === beyondSimple) return undefined;
    throw error;
  }
}

/** As `findPlace`: that of the nearest ancestor where the path is not written. */
export function findSimplePlace(root: SimplePlaces, path: Path): Place {
  let node = root;
  let place: Place = { key: root.at, value: root.at };
  for (const step of path) {
    const { below } = node;
    if (below instanceof Map) {
      const field = (below as ReadonlyMap<string, Field>).get(String(step));
      if (field === undefined) return place;
      node = field.value;
      place = { key: field.key, value: node.at };
    } else {
      const item = (below as readonly SimplePlaces[] | undefined)?.[Number(step)];
      if (item === undefined) return place;
      node = item;
      place = { key: node.at, value: node.at };
    }
  }
  return place;
}

function readDocument(cursor: Cursor): SimpleYaml | undefined {
  let indent = toContent(cursor);
  if (indent === 0 && cursor.text.startsWith('---', cursor.at)) {
    cursor.at += 3;
    endLine(cursor);
    indent = toContent(cursor);
  }
  if (indent !== 0) return undefined;
  const { value, places } = readBlock(cursor, { indent, depth: 0 });
  if (toContent(cursor) !== -1 || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return { value: value as Readonly<Record<string, unknown>>, places };
}

/** From the start of a line to the next content; gives its column, or -1 at the end of the text. */
function toContent(cursor: Cursor): number {
  const { text } = cursor;
  for (;;) {
    const lineStart = cursor.at;
    while (text.charCodeAt(cursor.at) === space) cursor.at++;
    if (cursor.at >= text.length) return -1;
    const first = text.charCodeAt(cursor.at);
    if (first !== lineFeed && first !== hash) return cursor.at - lineStart;
    const end = text.indexOf('\n', cursor.at);
    cursor.at = end === -1 ? text.length : end + 1;
  }
}

const space = 0x20;
const lineFeed = 0x0a;
const hash = 0x23;
const dash = 0x2d;

/** To the start of the next line: nothing may follow here but a comment. */
function endLine(cursor: Cursor): void {
  if (!skipToEnd(cursor)) throw beyondSimple;
}

/** Goes to the next line where only spaces and a comment are left on this one. */
function skipToEnd(cursor: Cursor): boolean {
  const { text } = cursor;
  let at = cursor.at;
  while (text.charCodeAt(at) === space) at++;
  const isComment = text.charCodeAt(at) === hash && at > cursor.at;
  if (at < text.length && text.charCodeAt(at) !== lineFeed && !isComment) return false;
  const end = text.indexOf('\n', at);
  cursor.at = end === -1 ? text.length : end + 1;
  return true;
}

interface Level {
  /** Column of the block. */
  readonly indent: number;
  readonly depth: number;
}

/** A list, map or scalar that begins at the cursor; the cursor is then at the start of a line. */
function readBlock(cursor: Cursor, level: Level): Node {
  if (level.depth > maxDepth) throw beyondSimple;
  if (isItem(cursor)) return readList(cursor, level);
  const at = cursor.at;
  const key = readKey(cursor);
  if (key !== undefined) return readMap(cursor, { ...level, at, key });
  const node = readInline(cursor, level.depth);
  endLine(cursor);
  return node;
}

function isItem({ text, at }: Cursor): boolean {
  if (text.charCodeAt(at) !== dash) return false;
  const next = text.charCodeAt(at + 1);
  return next === space || next === lineFeed;
}

function readList(cursor: Cursor, { indent, depth }: Level): Node {
  const { at } = cursor;
  const value: unknown[] = [];
  const below: SimplePlaces[] = [];
  for (;;) {
    const dashAt = cursor.at;
    cursor.at++;
    let column: number;
    if (skipToEnd(cursor)) {
      column = toContent(cursor);
      if (column <= indent) throw beyondSimple;
    } else {
      while (cursor.text.charCodeAt(cursor.at) === space) cursor.at++;
      column = indent + cursor.at - dashAt;
    }
    const item = readBlock(cursor, { indent: column, depth: depth + 1 });
    value.push(item.value);
    below.push(item.places);
    const lineStart = cursor.at;
    const next = toContent(cursor);
    if (next > indent) throw beyondSimple;
    if (next < indent || !isItem(cursor)) {
      // The list ends, also where a map goes on that it is a value of, in the same column.
      cursor.at = lineStart;
      return { value, places: { at, below } };
    }
  }
}

/** `at` and `key`: the first key, which has been read. */
function readMap(cursor: Cursor, first: Level & { readonly at: number; readonly key: string }): Node {
  const { indent, depth } = first;
  const value = emptyMap();
  const below = new Map<string, Field>();
  let { at, key } = first;
  for (;;) {
    if (below.has(key) || key === '__proto__') throw beyondSimple;
    const field = readValue(cursor, { indent, depth: depth + 1 });
    value[key] = field.value;
    below.set(key, { key: at, value: field.places });
    const lineStart = cursor.at;
    const column = toContent(cursor);
    if (column > indent) throw beyondSimple;
    if (column < indent) {
      cursor.at = lineStart;
      return { value, places: { at: first.at, below } };
    }
    at = cursor.at;
    const next = readKey(cursor);
    if (next === undefined) throw beyondSimple;
    key = next;
  }
}

/** What follows `key:`. */
function readValue(cursor: Cursor, { indent, depth }: Level): Node {
  if (skipToEnd(cursor)) {
    const column = toContent(cursor);
    const isBelow = column > indent || (column === indent && isItem(cursor));
    if (!isBelow) throw beyondSimple;
    return readBlock(cursor, { indent: column, depth });
  }
  while (cursor.text.charCodeAt(cursor.at) === space) cursor.at++;
  const node = readInline(cursor, depth);
  endLine(cursor);
  return node;
}

/** A scalar or flow collection that ends on its line. */
function readInline(cursor: Cursor, depth: number): Node {
  const { at } = cursor;
  if (depth > maxDepth) throw beyondSimple;
  const first = cursor.text[at];
  if (first === '{') return readFlowMap(cursor, depth);
  if (first === '[') return readFlowList(cursor, depth);
  return { value: readScalar(cursor, false), places: { at } };
}

function readFlowList(cursor: Cursor, depth: number): Node {
  const { at } = cursor;
  const value: unknown[] = [];
  const below: SimplePlaces[] = [];
  cursor.at++;
  if (!skipTo(cursor, ']')) {
    do {
      const item = readFlowValue(cursor, depth + 1);
      value.push(item.value);
      below.push(item.places);
    } while (!endsFlow(cursor, ']'));
  }
  return { value, places: { at, below } };
}

function readFlowMap(cursor: Cursor, depth: number): Node {
  const { at } = cursor;
  const value = emptyMap();
  const below = new Map<string, Field>();
  cursor.at++;
  if (!skipTo(cursor, '}')) {
    do {
      skipSpaces(cursor);
      const keyAt = cursor.at;
      const key = readKey(cursor);
      if (key === undefined || below.has(key) || key === '__proto__') throw beyondSimple;
      const field = readFlowValue(cursor, depth + 1);
      value[key] = field.value;
      below.set(key, { key: keyAt, value: field.places });
    } while (!endsFlow(cursor, '}'));
  }
  return { value, places: { at, below } };
}

function readFlowValue(cursor: Cursor, depth: number): Node {
  if (depth > maxDepth) throw beyondSimple;
  skipSpaces(cursor);
  const { at } = cursor;
  const first = cursor.text[at];
  if (first === '{') return readFlowMap(cursor, depth);
  if (first === '[') return readFlowList(cursor, depth);
  return { value: readScalar(cursor, true), places: { at } };
}

function skipSpaces(cursor: Cursor): void {
  while (cursor.text.charCodeAt(cursor.at) === space) cursor.at++;
}

/** Whether the bracket is next; then goes behind it. */
function skipTo(cursor: Cursor, bracket: string): boolean {
  skipSpaces(cursor);
  if (cursor.text[cursor.at] !== bracket) return false;
  cursor.at++;
  return true;
}

/** Behind the closing bracket, or behind a comma. */
function endsFlow(cursor: Cursor, bracket: string): boolean {
  if (skipTo(cursor, bracket)) return true;
  if (cursor.text[cursor.at] !== ',') throw beyondSimple;
  cursor.at++;
  return false;
}

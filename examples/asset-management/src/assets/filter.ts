/**
 * The filter language of ListAssets, a part of AIP-160:
 *
 *   filter     = conjunct { "AND" conjunct }
 *   conjunct   = factor { "OR" factor }              OR binds tighter than AND
 *   factor     = [ "NOT" ] ( "(" filter ")" | comparison )
 *   comparison = field operator value
 */
export type Filter =
  | { readonly type: 'and' | 'or'; readonly operands: readonly Filter[] }
  | { readonly type: 'not'; readonly operand: Filter }
  | { readonly type: 'comparison'; readonly comparison: Comparison };

export interface Comparison {
  readonly field: string;
  readonly operator: Operator;
  readonly value: string;
  /** Whether the value stood in quotes: an unquoted * is a wildcard. */
  readonly quoted: boolean;
}

const operators = ['=', '!=', '<', '<=', '>', '>=', ':'] as const;
export type Operator = (typeof operators)[number];

/** Bounds the work of one request; the longest filter that a person writes is far shorter. */
const MAX_FILTER_LENGTH = 2000;
/** Bounds the recursion, of this parser and of the database's. */
const MAX_DEPTH = 16;

/** Why a filter cannot be used, in words for its author. */
export class FilterError extends Error {}

interface Token {
  readonly kind: 'word' | 'string' | 'operator' | '(' | ')' | 'end';
  readonly text: string;
  readonly position: number;
}

/** Reads a filter; undefined for an empty one. Throws FilterError. */
export function parseFilter(text: string): Filter | undefined {
  if (text.length > MAX_FILTER_LENGTH) throw new FilterError(`must not have more than ${MAX_FILTER_LENGTH} characters`);
  if (/\p{Cc}/u.test(text)) throw new FilterError('must not contain control characters');
  if (text.trim() === '') return undefined;
  const reader = new TokenReader(text);
  const filter = parseConjunction(reader, 0);
  if (reader.current.kind !== 'end') throw unexpected(reader.current, 'AND, OR or the end');
  return filter;
}

function parseConjunction(reader: TokenReader, depth: number): Filter {
  if (depth > MAX_DEPTH) throw new FilterError(`must not be nested deeper than ${MAX_DEPTH}`);
  return parseJoined(reader, { type: 'and', keyword: 'AND', parse: () => parseDisjunction(reader, depth) });
}

function parseDisjunction(reader: TokenReader, depth: number): Filter {
  return parseJoined(reader, { type: 'or', keyword: 'OR', parse: () => parseFactor(reader, depth) });
}

function parseJoined(
  reader: TokenReader,
  { type, keyword, parse }: { type: 'and' | 'or'; keyword: string; parse: () => Filter },
): Filter {
  const first = parse();
  const operands = [first];
  while (reader.takeWord(keyword)) operands.push(parse());
  return operands.length === 1 ? first : { type, operands };
}

function parseFactor(reader: TokenReader, depth: number): Filter {
  if (reader.takeWord('NOT')) return { type: 'not', operand: parsePrimary(reader, depth) };
  return parsePrimary(reader, depth);
}

function parsePrimary(reader: TokenReader, depth: number): Filter {
  const token = reader.take();
  if (token.kind === '(') {
    const inner = parseConjunction(reader, depth + 1);
    const close = reader.take();
    if (close.kind !== ')') throw unexpected(close, '")"');
    return inner;
  }
  if (token.kind !== 'word') throw unexpected(token, 'a field');
  const operatorToken = reader.take();
  const operator = operators.find((candidate) => candidate === operatorToken.text);
  if (operatorToken.kind !== 'operator' || operator === undefined) {
    throw unexpected(operatorToken, `an operator (${operators.join(' ')}) after "${token.text}"`);
  }
  const value = reader.take();
  if (value.kind !== 'word' && value.kind !== 'string') throw unexpected(value, 'a value');
  return {
    type: 'comparison',
    comparison: { field: token.text, operator, value: value.text, quoted: value.kind === 'string' },
  };
}

function unexpected(token: Token, expected: string): FilterError {
  const found = token.kind === 'end' ? 'the end' : `"${token.text}"`;
  return new FilterError(`expected ${expected} at character ${token.position + 1}, found ${found}`);
}

/** Blanks, then one token: a parenthesis, an operator, a quoted string, or a word. */
const tokenPattern = /\s*(?:([()])|(!=|<=|>=|[=<>:])|"((?:[^"\\]|\\.)*)"|([^\s()=!<>:"\\]+))/uy;

class TokenReader {
  readonly #text: string;
  #position = 0;
  current: Token;

  constructor(text: string) {
    this.#text = text;
    this.current = this.#read();
  }

  take(): Token {
    const token = this.current;
    if (token.kind !== 'end') this.current = this.#read();
    return token;
  }

  takeWord(word: string): boolean {
    const found = this.current.kind === 'word' && this.current.text === word;
    if (found) this.take();
    return found;
  }

  #read(): Token {
    const rest = this.#text.slice(this.#position);
    const position = this.#position + (rest.length - rest.trimStart().length);
    if (position === this.#text.length) return { kind: 'end', text: '', position };
    tokenPattern.lastIndex = this.#position;
    const match = tokenPattern.exec(this.#text);
    if (match === null) throw new FilterError(`cannot be read at character ${position + 1}`);
    this.#position = tokenPattern.lastIndex;
    const [, parenthesis, operator, quoted, word] = match;
    if (parenthesis === '(' || parenthesis === ')') return { kind: parenthesis, text: parenthesis, position };
    if (operator !== undefined) return { kind: 'operator', text: operator, position };
    if (quoted !== undefined) return { kind: 'string', text: quoted.replace(/\\(.)/gu, '$1'), position };
    return { kind: 'word', text: word ?? '', position };
  }
}

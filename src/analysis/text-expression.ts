/**
 * Reads the value of a label: texts, attributes, `string()`, `+` and `a ? b : c`, where `a` is a condition as log filters have
 * them, and such a condition by itself. Whatever else CEL has is refused, so that no expression is ever understood in part.
 */
import type { TextExpression } from '../plan/index.ts';
import { readTokens, type TokenReader } from './expression-tokens.ts';
import { callAttribute, FilterParser, isTextAttribute } from './log-filter.ts';

export function parseTextExpression(text: string): TextExpression | { readonly error: string } {
  const tokens = readTokens(text);
  if (tokens === undefined) return { error: 'it has a part that is not read' };
  const parser = new TextParser(tokens);
  const expression = parser.choice();
  if (expression === undefined || !tokens.isAtEnd) return { error: parser.problem ?? 'it is not complete' };
  return expression;
}

/** Deeper than anybody writes; without a bound a long row of `(` could exhaust the stack. */
const maxDepth = 16;

class TextParser {
  problem: string | undefined;
  readonly #tokens: TokenReader;
  #depth = 0;

  constructor(tokens: TokenReader) {
    this.#tokens = tokens;
  }

  choice(): TextExpression | undefined {
    if (++this.#depth > maxDepth) return this.#fail('it is too deep');
    const begin = this.#tokens.at;
    const when = new FilterParser(this.#tokens).disjunction();
    if (when !== undefined && this.#endsHere()) {
      this.#depth--;
      return { type: 'choice', when, yes: { type: 'text', text: 'true' }, no: { type: 'text', text: 'false' } };
    }
    if (when === undefined || !this.#tokens.take('?')) {
      this.#tokens.at = begin;
      const joined = this.#join();
      this.#depth--;
      return joined;
    }
    const yes = this.choice();
    if (yes !== undefined && !this.#tokens.take(':')) return this.#fail('":" is missing');
    const no = yes === undefined ? undefined : this.choice();
    this.#depth--;
    return yes === undefined || no === undefined ? undefined : { type: 'choice', when, yes, no };
  }

  /** Nothing follows that could make more of a condition than true or false. */
  #endsHere(): boolean {
    return this.#tokens.isAtEnd || [')', ':'].includes(this.#tokens.peek()?.text ?? '');
  }

  #join(): TextExpression | undefined {
    const parts: TextExpression[] = [];
    do {
      const part = this.#part();
      if (part === undefined) return undefined;
      parts.push(part);
    } while (this.#tokens.take('+'));
    if (parts.length === 1) return parts[0];
    const areTexts = parts.every((part) => part.type !== 'attribute' || isTextAttribute(part.attribute));
    return areTexts ? { type: 'join', of: parts } : this.#fail('what is no text is joined as string(…)');
  }

  #part(): TextExpression | undefined {
    const token = this.#tokens.next();
    if (token?.type === 'text') return { type: 'text', text: token.text };
    if (token?.type === 'symbol' && token.text === '(') return this.#closed();
    if (token?.type !== 'name') return this.#fail('it must be made of texts in quotes and attributes');
    if (token.text === 'string' && this.#tokens.take('(')) return this.#written();
    const name = this.#tokens.attribute(token.text);
    const attribute = name === undefined ? undefined : callAttribute(name);
    if (attribute === undefined) return this.#fail(`attribute ${name ?? token.text} is not known here`);
    return { type: 'attribute', attribute };
  }

  #closed(): TextExpression | undefined {
    const inner = this.choice();
    if (inner === undefined) return undefined;
    return this.#tokens.take(')') ? inner : this.#fail('")" is missing');
  }

  /** In parentheses of its own it is a text for whatever stands around it. */
  #written(): TextExpression | undefined {
    const inner = this.#closed();
    return inner === undefined ? undefined : { type: 'join', of: [inner] };
  }

  #fail(problem: string): undefined {
    this.problem ??= problem;
  }
}

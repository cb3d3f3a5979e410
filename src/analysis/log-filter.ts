/**
 * Reads a log filter: comparisons of the attributes in `plan` with numbers and texts, `in` and the tests that texts have,
 * joined by `&&`, `||` and `!`.
 * Whatever else CEL has is refused, so that no filter is ever understood in part.
 */
import { numberAttributes, textAttributes, textTests, type LogFilter } from '../plan/index.ts';
import { isRegex } from '../resource/index.ts';

export function parseLogFilter(expression: string): LogFilter | { readonly error: string } {
  const tokens = tokenize(expression);
  if (tokens === undefined) return { error: 'it has a part that is not read' };
  const parser = new FilterParser(tokens);
  const filter = parser.disjunction();
  if (filter === undefined || !parser.isAtEnd) return { error: parser.problem ?? 'it is not complete' };
  return filter;
}

const tokenPattern =
  /\s*(?:(&&|\|\||[=!<>]=|[<>!()[\],])|([A-Za-z_][\w.]*)|(-?\d+(?![\w.]))|"([^"\\\n]*)"|'([^'\\\n]*)')/y;

type Token =
  | { readonly type: 'symbol' | 'name' | 'text'; readonly text: string }
  | { readonly type: 'number'; readonly text: string; readonly value: number };

function tokenize(expression: string): Token[] | undefined {
  const tokens: Token[] = [];
  let at = 0;
  const text = expression.trimEnd();
  while (at < text.length) {
    tokenPattern.lastIndex = at;
    const found = tokenPattern.exec(text);
    if (found === null) return undefined;
    const [whole, symbol, name, number, double, single] = found;
    at += whole.length;
    if (symbol !== undefined) tokens.push({ type: 'symbol', text: symbol });
    else if (name !== undefined) tokens.push({ type: 'name', text: name });
    else if (number !== undefined) tokens.push({ type: 'number', text: number, value: Number(number) });
    else tokens.push({ type: 'text', text: double ?? single ?? '' });
  }
  return tokens;
}

const operators = ['==', '!=', '<', '<=', '>', '>='] as const;

/** Deeper than anybody writes; without a bound a long row of `!(` could exhaust the stack. */
const maxDepth = 32;

class FilterParser {
  problem: string | undefined;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  disjunction(): LogFilter | undefined {
    return this.#joined('||', 'or', () => this.#joined('&&', 'and', () => this.#term()));
  }

  #joined(symbol: string, type: 'and' | 'or', part: () => LogFilter | undefined): LogFilter | undefined {
    const parts: LogFilter[] = [];
    do {
      const next = part();
      if (next === undefined) return undefined;
      parts.push(next);
    } while (this.#take(symbol));
    return parts.length === 1 ? parts[0] : { type, of: parts };
  }

  #term(): LogFilter | undefined {
    if (this.#take('!')) {
      if (this.#peek()?.text !== '(' && this.#peek(1)?.text !== '(') {
        return this.#fail('"!" must stand before "(" or a test such as request.path.startsWith("/a")');
      }
      const of = this.#term();
      return of === undefined ? undefined : { type: 'not', of };
    }
    if (!this.#take('(')) return this.#comparison();
    if (++this.#depth > maxDepth) return this.#fail('it is too deep');
    const inner = this.disjunction();
    this.#depth--;
    if (inner === undefined) return undefined;
    return this.#take(')') ? inner : this.#fail('")" is missing');
  }

  #comparison(): LogFilter | undefined {
    const [name, operator] = [this.#next(), this.#next()];
    if (name?.type === 'name' && operator?.type === 'symbol' && operator.text === '(') return this.#test(name.text);
    if (name?.type === 'name' && operator?.type === 'name' && operator.text === 'in') return this.#oneOf(name);
    return this.#compared(name, operator, this.#next());
  }

  /** What `#comparison` has read up to and with the opening parenthesis. */
  #test(path: string): LogFilter | undefined {
    const dot = path.lastIndexOf('.');
    const [attribute, test] = [path.slice(0, Math.max(0, dot)), path.slice(dot + 1)];
    const value = this.#next();
    if (!isOneOf(textTests, test)) return this.#fail(`function ${test} is not known here`);
    if (!isOneOf(textAttributes, attribute)) return this.#fail(`attribute ${attribute} is no text that is known here`);
    if (value?.type !== 'text') return this.#fail(`${test} takes a text in quotes`);
    if (test === 'matches' && !isRegex(value.text)) return this.#fail(`"${value.text}" is no RE2 expression`);
    if (!this.#take(')')) return this.#fail('")" is missing');
    return { type: 'test', attribute, test, value: value.text };
  }

  #oneOf(name: Token): LogFilter | undefined {
    if (!this.#take('[')) return this.#fail('"in" takes a list such as [200, 201]');
    const of: LogFilter[] = [];
    do {
      const one = this.#compared(name, { type: 'symbol', text: '==' }, this.#next());
      if (one === undefined) return undefined;
      of.push(one);
    } while (this.#take(','));
    return this.#take(']') ? { type: 'or', of } : this.#fail('"]" is missing');
  }

  #compared(name: Token | undefined, operator: Token | undefined, value: Token | undefined): LogFilter | undefined {
    if (name?.type !== 'name' || operator?.type !== 'symbol' || value === undefined) {
      return this.#fail('it must be made of comparisons such as response.code >= 400');
    }
    const isNumber = isOneOf(numberAttributes, name.text);
    if (!isNumber && !isOneOf(textAttributes, name.text)) return this.#fail(`attribute ${name.text} is not known here`);
    if (!isOneOf(operators, operator.text)) return this.#fail(`"${operator.text}" is no comparison`);
    if (value.type !== (isNumber ? 'number' : 'text')) {
      return this.#fail(`${name.text} must be compared with ${isNumber ? 'a whole number' : 'a text in quotes'}`);
    }
    return {
      type: 'compare',
      attribute: name.text,
      operator: operator.text,
      value: value.type === 'number' ? value.value : value.text,
    };
  }

  #peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }

  #next(): Token | undefined {
    return this.#tokens[this.#at++];
  }

  #take(symbol: string): boolean {
    const token = this.#peek();
    if (token?.type !== 'symbol' || token.text !== symbol) return false;
    this.#at++;
    return true;
  }

  #fail(problem: string): undefined {
    this.problem ??= problem;
  }
}

function isOneOf<T extends string>(list: readonly T[], text: string): text is T {
  return (list as readonly string[]).includes(text);
}

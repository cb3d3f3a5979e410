/** The words of a CEL expression, as far as expressions of a Telemetry have any that are known here. */

const tokenPattern =
  /\s*(?:(&&|\|\||[=!<>]=|[<>!()[\],?:+.])|([A-Za-z_][\w.]*)|(-?\d+(?![\w.]))|"([^"\\\n]*)"|'([^'\\\n]*)')/y;

export type Token =
  | { readonly type: 'symbol' | 'name' | 'text'; readonly text: string }
  | { readonly type: 'number'; readonly text: string; readonly value: number };

/** Longer than anybody writes; conditions are looked for at each place of an expression. */
const maxExpressionLength = 4_096;

/** Undefined where a part is not read. */
export function readTokens(expression: string): TokenReader | undefined {
  const text = expression.trimEnd();
  if (text.length > maxExpressionLength) return undefined;
  const tokens: Token[] = [];
  let at = 0;
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
  return new TokenReader(tokens);
}

/** A place in a list of tokens. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  /** May be set back to where it was. */
  at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get isAtEnd(): boolean {
    return this.at === this.#tokens.length;
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.at + ahead];
  }

  next(): Token | undefined {
    return this.#tokens[this.at++];
  }

  take(symbol: string): boolean {
    const token = this.peek();
    if (token?.type !== 'symbol' || token.text !== symbol) return false;
    this.at++;
    return true;
  }

  /** The rest of an attribute that begins with `name`, with what is called on it: `request.headers['x'].contains`; undefined where it is not whole. */
  attribute(name: string): string | undefined {
    if (name !== 'request.headers') return name.startsWith('request.headers.') ? undefined : name;
    const [open, key, close] = [this.next(), this.next(), this.next()];
    if (open?.text !== '[' || key?.type !== 'text' || close?.text !== ']') return undefined;
    const header = `request.headers.${key.text.toLowerCase()}`;
    if (!this.take('.')) return header;
    const called = this.next();
    return called?.type === 'name' ? `${header}.${called.text}` : undefined;
  }
}

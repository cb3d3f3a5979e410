/**
 * Reads a log filter: comparisons of the attributes in `plan` with numbers and texts, `in` and the tests that texts have,
 * joined by `&&`, `||` and `!`.
 * Whatever else CEL has is refused, so that no filter is ever understood in part.
 */
import {
  booleanAttributes,
  numberAttributes,
  textAttributes,
  textTests,
  type CallAttribute,
  type CallCondition,
  type TextAttribute,
} from '../plan/index.ts';
import { isRegex } from '../resource/index.ts';
import { readTokens, type Token, type TokenReader } from './expression-tokens.ts';

export function parseLogFilter(expression: string): CallCondition | { readonly error: string } {
  const tokens = readTokens(expression);
  if (tokens === undefined) return { error: 'it has a part that is not read' };
  const parser = new FilterParser(tokens);
  const filter = parser.disjunction();
  if (filter === undefined || !tokens.isAtEnd) return { error: parser.problem ?? 'it is not complete' };
  return filter;
}

const operators = ['==', '!=', '<', '<=', '>', '>='] as const;

/** Deeper than anybody writes; without a bound a long row of `!(` could exhaust the stack. */
const maxDepth = 32;

/** Reads one condition, and leaves what follows it. */
export class FilterParser {
  problem: string | undefined;
  readonly #tokens: TokenReader;
  #depth = 0;

  constructor(tokens: TokenReader) {
    this.#tokens = tokens;
  }

  disjunction(): CallCondition | undefined {
    return this.#joined('||', 'or', () => this.#joined('&&', 'and', () => this.#term()));
  }

  #joined(symbol: string, type: 'and' | 'or', part: () => CallCondition | undefined): CallCondition | undefined {
    const parts: CallCondition[] = [];
    do {
      const next = part();
      if (next === undefined) return undefined;
      parts.push(next);
    } while (this.#tokens.take(symbol));
    return parts.length === 1 ? parts[0] : { type, of: parts };
  }

  #term(): CallCondition | undefined {
    if (this.#tokens.take('!')) {
      const isClosed = this.#tokens.peek()?.text === '(';
      const of = this.#term();
      if (of !== undefined && !isClosed && !canBeDenied(of)) {
        return this.#fail('"!" must stand before "(" or a test such as request.path.startsWith("/a")');
      }
      return of === undefined ? undefined : { type: 'not', of };
    }
    if (!this.#tokens.take('(')) return this.#comparison();
    if (++this.#depth > maxDepth) return this.#fail('it is too deep');
    const inner = this.disjunction();
    this.#depth--;
    if (inner === undefined) return undefined;
    return this.#tokens.take(')') ? inner : this.#fail('")" is missing');
  }

  #comparison(): CallCondition | undefined {
    const name = this.#tokens.next();
    if (name?.type === 'text' && this.#tokens.peek()?.text === 'in') return this.#presence(name.text);
    const attribute = name?.type === 'name' ? this.#tokens.attribute(name.text) : undefined;
    if (attribute === undefined) return this.#fail('it must be made of comparisons such as response.code >= 400');
    if (isOneOf(booleanAttributes, attribute)) return { type: 'compare', attribute, operator: '==', value: 'true' };
    const operator = this.#tokens.next();
    if (operator?.type === 'symbol' && operator.text === '(') return this.#test(attribute);
    if (operator?.type === 'name' && operator.text === 'in') return this.#oneOf(attribute);
    return this.#compared(attribute, operator, this.#tokens.next());
  }

  /** `'x' in request.headers`. */
  #presence(name: string): CallCondition | undefined {
    this.#tokens.next();
    const map = this.#tokens.next();
    if (map?.type !== 'name' || map.text !== 'request.headers') {
      return this.#fail('only request.headers can be asked for a name');
    }
    return { type: 'present', attribute: `request.headers.${name.toLowerCase()}` };
  }

  /** What `#comparison` has read up to and with the opening parenthesis. */
  #test(path: string): CallCondition | undefined {
    const dot = path.lastIndexOf('.');
    const [attribute, test] = [path.slice(0, Math.max(0, dot)), path.slice(dot + 1)];
    const value = this.#tokens.next();
    if (!isOneOf(textTests, test)) return this.#fail(`function ${test} is not known here`);
    if (!isTextAttribute(attribute)) return this.#fail(`attribute ${attribute} is no text that is known here`);
    if (value?.type !== 'text') return this.#fail(`${test} takes a text in quotes`);
    if (test === 'matches' && !isRegex(value.text)) return this.#fail(`"${value.text}" is no RE2 expression`);
    if (!this.#tokens.take(')')) return this.#fail('")" is missing');
    return { type: 'test', attribute, test, value: value.text };
  }

  #oneOf(attribute: string): CallCondition | undefined {
    if (!this.#tokens.take('[')) return this.#fail('"in" takes a list such as [200, 201]');
    const of: CallCondition[] = [];
    do {
      const one = this.#compared(attribute, { type: 'symbol', text: '==' }, this.#tokens.next());
      if (one === undefined) return undefined;
      of.push(one);
    } while (this.#tokens.take(','));
    return this.#tokens.take(']') ? { type: 'or', of } : this.#fail('"]" is missing');
  }

  #compared(attribute: string, operator: Token | undefined, value: Token | undefined): CallCondition | undefined {
    if (operator?.type !== 'symbol' || value === undefined) {
      return this.#fail('it must be made of comparisons such as response.code >= 400');
    }
    const isNumber = isOneOf(numberAttributes, attribute);
    if (!isNumber && !isTextAttribute(attribute)) return this.#fail(`attribute ${attribute} is not known here`);
    if (!isOneOf(operators, operator.text)) return this.#fail(`"${operator.text}" is no comparison`);
    if (value.type !== (isNumber ? 'number' : 'text')) {
      return this.#fail(`${attribute} must be compared with ${isNumber ? 'a whole number' : 'a text in quotes'}`);
    }
    return {
      type: 'compare',
      attribute,
      operator: operator.text,
      value: value.type === 'number' ? value.value : value.text,
    };
  }

  #fail(problem: string): undefined {
    this.problem ??= problem;
  }
}

/** Without parentheses `!` is for what stands next to it alone, not for a comparison with it. */
function canBeDenied(condition: CallCondition): boolean {
  if (condition.type === 'test' || condition.type === 'not') return true;
  return condition.type === 'compare' && isOneOf(booleanAttributes, condition.attribute);
}

/** The attribute of that name, where it is one that is known here. */
export function callAttribute(name: string): CallAttribute | undefined {
  if (isOneOf(numberAttributes, name) || isOneOf(booleanAttributes, name)) return name;
  return isTextAttribute(name) ? name : undefined;
}

export function isTextAttribute(name: string): name is TextAttribute {
  return isOneOf(textAttributes, name) || name.startsWith('request.headers.');
}

function isOneOf<T extends string>(list: readonly T[], text: string): text is T {
  return (list as readonly string[]).includes(text);
}

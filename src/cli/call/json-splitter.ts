/**
 * Cuts a text of JSON values, one after the other with or without space between, into the values. Each is given out as
 * soon as its last character is there; a number or word needs the character after it, or the end.
 */
export async function* splitJson(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  const scanner = createScanner();
  for await (const chunk of chunks) yield* scanner.push(chunk);
  yield* scanner.end();
}

interface Scanner {
  push(chunk: string): Generator<string>;
  end(): Generator<string>;
}

function createScanner(): Scanner {
  let value = '';
  let depth = 0;
  let isInString = false;
  let isEscaped = false;

  const take = (): string => {
    const taken = value;
    value = '';
    return taken;
  };
  return {
    *push(chunk) {
      for (const character of chunk) {
        if (isInString) {
          value += character;
          if (isEscaped) isEscaped = false;
          else if (character === '\\') isEscaped = true;
          else if (character === '"') {
            isInString = false;
            if (depth === 0) yield take();
          }
          continue;
        }
        const isBoundary = /[\s{}[\]",:]/.test(character);
        if (depth === 0 && isBoundary && value !== '') yield take();
        if (depth === 0 && /\s/.test(character)) continue;
        if (depth === 0 && /[}\],:]/.test(character)) {
          throw new Error(`invalid character '${character}' looking for beginning of value`);
        }
        value += character;
        if (character === '"') isInString = true;
        else if (character === '{' || character === '[') depth += 1;
        else if (character === '}' || character === ']') {
          depth -= 1;
          if (depth === 0) yield take();
        }
      }
    },
    *end() {
      if (depth > 0 || isInString) throw new Error('unexpected EOF');
      if (value !== '') yield take();
    },
  };
}

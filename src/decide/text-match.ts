import type { NamedMatch, TextMatch } from '../plan/index.ts';
import { quote } from './quote.ts';
import { compileFullMatch, wireText, type TextPredicate } from './regex.ts';

/** A predicate on latin1 texts. A regular expression that is not RE2 matches nothing (the compiler reports it). */
export function compileTextMatch({ type, value, ignoreCase }: TextMatch): TextPredicate {
  if (type === 'RegularExpression') return compileFullMatch(value) ?? (() => false);
  const wanted = ignoreCase === true ? asciiLower(wireText(value)) : wireText(value);
  const read = ignoreCase === true ? asciiLower : same;
  return type === 'Exact' ? (text) => read(text) === wanted : (text) => read(text).startsWith(wanted);
}

/** As `compileTextMatch`; `Present` takes any value. */
export function compileNamedMatch({ type, value }: NamedMatch): TextPredicate {
  return type === 'Present' ? () => true : compileTextMatch({ type, value });
}

function same(text: string): string {
  return text;
}

/** Only A to Z: the texts are bytes, of which the others have no case that would be known (as Envoy's `ignore_case`). */
export function asciiLower(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** What a match asks for, for reasons: `"a"`, `prefix "a"`, `matching "a.*"`, `any value`. */
export function describeTextMatch(match: NamedMatch | TextMatch): string {
  const ignoreCase = 'ignoreCase' in match ? ' in any case' : '';
  switch (match.type) {
    case 'Exact':
      return quote(match.value) + ignoreCase;
    case 'Prefix':
      return `prefix ${quote(match.value)}${ignoreCase}`;
    case 'RegularExpression':
      return `matching ${quote(match.value)}`;
    case 'Present':
      return 'any value';
  }
}

import type { StringMatch } from '../plan/index.ts';
import { quote } from './quote.ts';
import { compileKnownPattern, escapeRegex, wireText } from './regex.ts';

/** Istio's string matches, any of which must hold; `*` in the middle of an exact value is a literal. */
export function compileAny(
  matches: readonly StringMatch[],
  options: { readonly ignoreCase?: boolean } = {},
): (value: string) => boolean {
  const ignoreCase = options.ignoreCase ?? false;
  return anyOf(
    matches.map(({ type, value }) => compileOne({ type, value: wireText(value) }, ignoreCase)),
    ignoreCase,
  );
}

/** The same for texts that came as JSON and not over the wire, such as claims. */
export function compileAnyText(matches: readonly StringMatch[]): (value: string) => boolean {
  return anyOf(
    matches.map((match) => compileOne(match, false)),
    false,
  );
}

function anyOf(tests: readonly ((value: string) => boolean)[], ignoreCase: boolean): (value: string) => boolean {
  return (value) => {
    const subject = ignoreCase ? value.toLowerCase() : value;
    for (let i = 0; i < tests.length; i++) {
      if ((tests[i] as (value: string) => boolean)(subject)) return true;
    }
    return false;
  };
}

function compileOne(match: StringMatch, ignoreCase: boolean): (value: string) => boolean {
  const wanted = ignoreCase ? match.value.toLowerCase() : match.value;
  switch (match.type) {
    case 'exact':
      return (value) => value === wanted;
    case 'prefix':
      return (value) => value.startsWith(wanted);
    case 'suffix':
      return (value) => value.endsWith(wanted);
    case 'presence':
      return (value) => value !== '';
    case 'glob':
      return compileKnownPattern(wanted.split('*').map(escapeRegex).join('(?s:.*)'));
  }
}

/** The pattern as it stands in YAML: `"/asset.*"`. */
export function describeMatch(match: { readonly type: string; readonly value: string }): string {
  if (match.type === 'prefix') return quote(`${match.value}*`);
  if (match.type === 'suffix') return quote(`*${match.value}`);
  return match.type === 'presence' ? quote('*') : quote(match.value);
}

/** Values in words: `"a"` or `one of "a", "b"`; long lists are cut. */
export function describeAny(values: readonly string[], negated: boolean): string {
  const shown = values.slice(0, 5).join(', ') + (values.length > 5 ? `, … ${values.length - 5} more` : '');
  const list = values.length === 1 ? shown : `one of ${shown}`;
  return negated ? `anything but ${list}` : list;
}

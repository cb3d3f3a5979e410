/** Regular expressions in RE2 syntax, in linear time whatever pattern or input, as Envoy has them. */
import { RE2JS } from 're2js';

export type TextPredicate = (text: string) => boolean;

/**
 * A predicate that holds when the pattern matches the whole text; undefined when the pattern is not RE2.
 *
 * Texts are latin1 (one character per byte) and are read as UTF-8, as the pattern is; bytes that are not UTF-8 become
 * U+FFFD and so still count as characters that a negated class or `.` matches.
 */
export function compileFullMatch(pattern: string): TextPredicate | undefined {
  const regex = tryCompile(pattern);
  return regex === undefined ? undefined : fullMatch(regex);
}

/**
 * As `compileFullMatch`, for a pattern that this program has put together.
 *
 * @throws RE2JSSyntaxException if it is not RE2 after all.
 */
export function compileKnownPattern(pattern: string): TextPredicate {
  return fullMatch(RE2JS.compile(pattern));
}

function fullMatch(regex: RE2JS): TextPredicate {
  return (text) => regex.testExact(isAscii(text) ? text : Buffer.from(text, 'latin1').toString('utf8'));
}

function tryCompile(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(pattern);
  } catch {
    return undefined;
  }
}

/** Bytes of a YAML string as a latin1 string, comparable with what came over the wire. */
export function wireText(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return false;
  }
  return true;
}

/** Regular expressions in RE2 syntax, in linear time whatever pattern or input, as Envoy has them. */
import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';

export type TextPredicate = (text: string) => boolean;

const require = createRequire(import.meta.url);

/** The library, loaded with the first pattern: few plans have one, and it is 4 MiB of a proxy's memory. */
function re2(): typeof RE2JS {
  return (require('re2js') as typeof import('re2js')).RE2JS;
}

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
  return fullMatch(re2().compile(pattern));
}

/**
 * As `compileKnownPattern`, for a match anywhere in the text.
 *
 * @throws RE2JSSyntaxException if the pattern is not RE2.
 */
export function compileSearch(pattern: string): TextPredicate {
  const regex = re2().compile(pattern);
  return (text) => regex.matcher(isAscii(text) ? text : Buffer.from(text, 'latin1').toString('utf8')).find();
}

/** The text as a pattern that matches nothing else. */
export function escapeRegex(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}

function fullMatch(regex: RE2JS): TextPredicate {
  return (text) => regex.testExact(isAscii(text) ? text : Buffer.from(text, 'latin1').toString('utf8'));
}

/**
 * A function that replaces every match of the pattern, as RE2's `GlobalReplace`: `\1` to `\9` in the substitution name
 * groups, `\0` the whole match, `\\` a backslash. Undefined when the pattern is not RE2 or the substitution names a group that
 * it does not have. Texts are latin1, read and written as UTF-8.
 */
export function compileReplacement(pattern: string, substitution: string): ((text: string) => string) | undefined {
  const regex = tryCompile(pattern);
  const parts = regex === undefined ? undefined : parseSubstitution(substitution, regex.groupCount());
  if (regex === undefined || parts === undefined) return undefined;
  return (text) =>
    wireText(replaceEach(regex, parts, isAscii(text) ? text : Buffer.from(text, 'latin1').toString('utf8')));
}

/** Literal texts and numbers of groups; undefined where an escape means nothing. */
function parseSubstitution(substitution: string, groups: number): readonly (string | number)[] | undefined {
  const parts: (string | number)[] = [];
  for (const [part] of substitution.matchAll(/\\[\s\S]?|[^\\]+/g)) {
    if (!part.startsWith('\\')) parts.push(part);
    else if (part === '\\\\') parts.push('\\');
    else if (!/^\\[0-9]$/.test(part) || Number(part[1]) > groups) return undefined;
    else parts.push(Number(part[1]));
  }
  return parts;
}

function replaceEach(regex: RE2JS, parts: readonly (string | number)[], text: string): string {
  const matcher = regex.matcher(text);
  let out = '';
  let last = 0;
  let isFirst = true;
  while (matcher.find()) {
    const start = matcher.start();
    const end = matcher.end();
    // RE2 takes no empty match that touches the match before it.
    if (start === end && start === last && !isFirst) continue;
    out += text.slice(last, start);
    for (const part of parts) out += typeof part === 'string' ? part : (matcher.group(part) ?? '');
    last = end;
    isFirst = false;
  }
  return out + text.slice(last);
}

function tryCompile(pattern: string): RE2JS | undefined {
  // Not in the `try`: a library that cannot be loaded is no pattern that cannot be read.
  const library = re2();
  try {
    return library.compile(pattern);
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

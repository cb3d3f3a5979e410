import type { PathPattern, StringMatch } from '../plan/index.ts';
import { compileKnownPattern, escapeRegex } from './regex.ts';
import { compileAny } from './string-match.ts';

/** Istio's `paths`: string matches and templates, any of which must hold; case-sensitive, on the path without query. */
export function compilePaths(patterns: readonly PathPattern[]): (path: string) => boolean {
  const anyText = compileAny(patterns.filter((pattern): pattern is StringMatch => pattern.type !== 'template'));
  const templates = patterns
    .filter((pattern) => pattern.type === 'template')
    .map((pattern) => compileTemplate(pattern.value));
  if (templates.length === 0) return anyText;
  return (path) => anyText(path) || templates.some((matches) => matches(path));
}

/** `{*}` is one path segment, `{**}` any rest, also an empty one; everything else is literal. */
function compileTemplate(template: string): (path: string) => boolean {
  const pattern = template
    .split(/(\{\*\*\}|\{\*\})/)
    .map((piece) => (piece === '{*}' ? '[^/]+' : piece === '{**}' ? '(?s:.*)' : escapeRegex(piece)))
    .join('');
  return compileKnownPattern(pattern);
}

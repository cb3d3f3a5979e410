import type { PathMatch, PathRewrite } from '../plan/index.ts';
import { endOfPath } from './path.ts';
import { compileReplacement, wireText } from './regex.ts';

/** A `PathRewrite` of the plan with the match it belongs to, ready to be applied. */
export interface CompiledPathRewrite {
  /** From the path without query to the new one; the latter may bring a query of its own. */
  readonly apply: (path: string) => string;
}

/** Undefined when the rewrite cannot be applied: its expression is not RE2, or its substitution names a group it lacks. */
export function compilePathRewrite(rewrite: PathRewrite, match: PathMatch): CompiledPathRewrite | undefined {
  if (rewrite.type === 'ReplaceRegex') {
    const apply = compileReplacement(rewrite.pattern, rewrite.substitution);
    return apply === undefined ? undefined : { apply };
  }
  const value = wireText(rewrite.value);
  if (rewrite.type === 'ReplaceFullPath') return { apply: () => value };
  switch (match.type) {
    case 'PathPrefix':
      return { apply: replaceElements(wireText(match.value), value) };
    case 'StringPrefix': {
      const { length } = wireText(match.value);
      return { apply: (path) => value + path.slice(length) };
    }
    default:
      // What an exact match or an expression has matched is the whole path (Envoy `prefix_rewrite`).
      return { apply: () => value };
  }
}

/**
 * Replaces whole path elements. Slashes at the ends of the prefix and of its replacement mean nothing, what is left begins
 * with one (Gateway API `HTTPPathModifier.replacePrefixMatch`, its table of examples).
 */
function replaceElements(prefix: string, replacement: string): (path: string) => string {
  const { length } = withoutFinalSlashes(prefix);
  const start = withoutFinalSlashes(replacement);
  return (path) => start + path.slice(length);
}

function withoutFinalSlashes(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0x2f) end--;
  return text.slice(0, end);
}

/**
 * The `:path` to send on, query and fragment of the request kept. A replacement with a query of its own replaces that too
 * (Envoy `path_redirect`). The result begins with a slash, whatever the replacement says.
 */
export function rewritePath(rewrite: CompiledPathRewrite, path: string): string {
  const end = endOfPath(path);
  const rewritten = rewrite.apply(path.slice(0, end));
  const absolute = rewritten.startsWith('/') ? rewritten : `/${rewritten}`;
  return absolute.includes('?') ? absolute : absolute + path.slice(end);
}

/** Hot: `isGrpcPath` runs once per request. */

const slash = 0x2f;

/** Paths that were found good, by length and last letter. */
const rememberedPaths = 128;
const longestRemembered = 128;
const remembered: string[] = Array.from({ length: rememberedPaths }, () => '/a/b');

/**
 * Whether a `:path` is `/package.Service/Method`, byte for byte: `^/[A-Za-z_][A-Za-z0-9_.]*\/[A-Za-z_][A-Za-z0-9_]*$`.
 *
 * Nothing is normalised: query, fragment, `;`, percent escapes, `//`, dot segments, a missing leading slash and every byte
 * above 0x7f are refused, so that router, policy and backend cannot read one path in two ways (CVE-2026-33186 and its kin).
 */
export function isGrpcPath(path: string): boolean {
  const length = path.length;
  if (length > longestRemembered) return hasGrpcShape(path);
  // The same few paths come again and again, mostly as the very same strings.
  const slot = (length + path.charCodeAt(length - 1)) & (rememberedPaths - 1);
  if (remembered[slot] === path) return true;
  if (!hasGrpcShape(path)) return false;
  remembered[slot] = path;
  return true;
}

/** Beyond its end a path has no character, so nothing there starts a name. */
function hasGrpcShape(path: string): boolean {
  const length = path.length;
  if (path.charCodeAt(0) !== slash || !isNameStart(path.charCodeAt(1))) return false;
  let i = 2;
  for (; i < length; i++) {
    const code = path.charCodeAt(i);
    if (code === slash) break;
    if (!isNamePart(code) && code !== 0x2e) return false;
  }
  if (!isNameStart(path.charCodeAt(i + 1))) return false;
  for (i += 2; i < length; i++) {
    if (!isNamePart(path.charCodeAt(i))) return false;
  }
  return true;
}

function isNameStart(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f;
}

function isNamePart(code: number): boolean {
  return isNameStart(code) || (code >= 0x30 && code <= 0x39);
}

/** The path without query and fragment, which routes and policies match on (Gateway API `HTTPPathMatch`, Istio §paths). */
export function pathWithoutQuery(path: string): string {
  const end = endOfPath(path);
  return end === path.length ? path : path.slice(0, end);
}

/** Where query or fragment begin; the length of a path that has neither. */
export function endOfPath(path: string): number {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 0x3f || code === 0x23) return i;
  }
  return path.length;
}

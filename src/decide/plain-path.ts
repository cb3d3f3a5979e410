/** For requests that are answered here without being gRPC calls; gRPC paths have a stricter rule, see `isGrpcPath`. */

/** Dot segments, empty segments, backslashes, and what becomes one of these or a control character when it is unescaped. */
const ambiguous = /\/\.{1,2}(?=\/|$)|\/\/|\\|%(?:2e|2f|5c|7f|[01][0-9a-f])/i;
const brokenEscape = /%(?![0-9a-f]{2})/i;

/**
 * Whether all who read the `:path` read the same one: route, policy, and whoever follows a redirect to it. Its query may be
 * anything. Nothing is normalised; what is ambiguous is refused.
 */
export function isPlainPath(path: string): boolean {
  const query = path.indexOf('?');
  const plain = query === -1 ? path : path.slice(0, query);
  return plain.startsWith('/') && !ambiguous.test(plain) && !brokenEscape.test(plain);
}

const plainAuthority = /^(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_.])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** Whether an authority is a host with or without a port, and can be written into a URL as it is. */
export function isPlainAuthority(authority: string): boolean {
  return plainAuthority.test(authority);
}

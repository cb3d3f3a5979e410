/** Hot: once per request whose authority the port's cache has not seen. */

/**
 * The host of an authority as it is looked up: lower case, without port, without the dot of a fully qualified name
 * (RFC 9110 §4.2.3: the host is case-insensitive; Istio ignores the port for virtual hosts). What is not host[:port] is
 * returned as it is and so matches nothing but `*`.
 */
export function canonicalHost(authority: string): string {
  let end = endOfHost(authority);
  if (end > 1 && authority.charCodeAt(end - 1) === 0x2e) end--;
  const host = end === authority.length ? authority : authority.slice(0, end);
  return host.toLowerCase();
}

/** Where `:port` begins; the length of an authority without port. */
export function endOfHost(authority: string): number {
  const colon = authority.lastIndexOf(':');
  // The colons inside an IPv6 literal's brackets are not a port's.
  const hasPort = colon !== -1 && colon > authority.lastIndexOf(']') && isDigits(authority, colon + 1);
  return hasPort ? colon : authority.length;
}

function isDigits(text: string, from: number): boolean {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

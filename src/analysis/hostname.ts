/**
 * Hostnames as the Gateway API has them: `*` for any, `*.example.com` for one or more labels below `example.com`, else
 * exact. Compared in lower case; callers pass names through `normalHostname` once.
 */

/** Lower case; an absent or empty hostname is `*`. */
export function normalHostname(hostname: string | undefined): string {
  return hostname === undefined || hostname === '' ? '*' : hostname.toLowerCase();
}

/** Whether every name that `inner` stands for is also one of `outer`'s. `*.a.com` does not cover `a.com`. */
export function hostnameCovers(outer: string, inner: string): boolean {
  if (outer === '*' || outer === inner) return true;
  return outer.startsWith('*.') && inner.length > outer.length - 1 && inner.endsWith(outer.slice(1));
}

/**
 * The names that both stand for, or undefined when there are none. Two hostnames never overlap in part: one covers the
 * other, and the narrower one is the answer.
 */
export function intersectHostnames(a: string, b: string): string | undefined {
  if (hostnameCovers(a, b)) return b;
  return hostnameCovers(b, a) ? a : undefined;
}

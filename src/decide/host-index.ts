/** Hot: one look-up per request on a host that the port's cache has not seen, no allocation but the slices of a wildcard walk. */

/** Values by hostname: exact names, `*.suffix` patterns and `*`. Cost of a look-up depends on the labels of the host only. */
export interface HostIndex<T> {
  readonly exact: ReadonlyMap<string, T>;
  /** Key: the suffix with its leading dot, `.example.com` for `*.example.com`. */
  readonly wildcards: ReadonlyMap<string, T>;
  readonly any: T | undefined;
}

/** RFC 1035 §2.3.4: a name has at most 255 octets; longer ones are served by `*` alone, so a walk over labels is bounded. */
const maxHostLength = 255;

/** Indexes `[hostname, value]` pairs; of two with the same hostname the first stays. */
export function buildHostIndex<T>(entries: Iterable<readonly [string, T]>): HostIndex<T> {
  const exact = new Map<string, T>();
  const wildcards = new Map<string, T>();
  let any: T | undefined;
  for (const [hostname, value] of entries) {
    const name = hostname.toLowerCase();
    if (name === '*') any ??= value;
    else if (name.startsWith('*.')) addFirst(wildcards, name.slice(1), value);
    else addFirst(exact, name, value);
  }
  return { exact, wildcards, any };
}

/**
 * Takes hostnames out of an index and puts others in. No two values may have the same hostname; whoever looks up meanwhile
 * must not be between two look-ups of one decision.
 */
export function changeHostIndex<T>(
  index: HostIndex<T>,
  change: { readonly removed: Iterable<string>; readonly added: Iterable<readonly [string, T]> },
): void {
  const changed = index as { exact: Map<string, T>; wildcards: Map<string, T>; any: T | undefined };
  for (const hostname of change.removed) {
    const name = hostname.toLowerCase();
    if (name === '*') changed.any = undefined;
    else if (name.startsWith('*.')) changed.wildcards.delete(name.slice(1));
    else changed.exact.delete(name);
  }
  for (const [hostname, value] of change.added) {
    const name = hostname.toLowerCase();
    if (name === '*') changed.any = value;
    else if (name.startsWith('*.')) changed.wildcards.set(name.slice(1), value);
    else changed.exact.set(name, value);
  }
}

function addFirst<T>(map: Map<string, T>, key: string, value: T): void {
  if (!map.has(key)) map.set(key, value);
}

/** The most specific value for a canonical host: exact name, then the longest wildcard, then `*` (Gateway API, `hostname`). */
export function lookupHost<T>(index: HostIndex<T>, host: string): T | undefined {
  if (host.length > maxHostLength) return index.any;
  const exact = index.exact.get(host);
  if (exact !== undefined) return exact;
  if (index.wildcards.size > 0) {
    // From 1: `*` stands for at least one label, so a host that begins with the dot does not match.
    for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const value = index.wildcards.get(host.slice(dot));
      if (value !== undefined) return value;
    }
  }
  return index.any;
}

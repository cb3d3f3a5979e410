/** Hot: one `candidatesFor` per request; from the cache it allocates nothing. */
import { BoundedCache } from './bounded-cache.ts';
import { pathWithoutQuery } from './path.ts';
import { compileFullMatch, wireText, type TextPredicate } from './regex.ts';
import type { CompiledRoute, RouteIndex } from './types.ts';

/** Indexes routes that are given in precedence order. A regular expression that is not RE2 matches nothing (the compiler reports it). */
export function buildRouteIndex(routes: readonly CompiledRoute[], maxCachedPaths: number): RouteIndex {
  const exact = new Map<string, CompiledRoute[]>();
  const prefixes = new Map<string, CompiledRoute[]>();
  const regexes: { route: CompiledRoute; matches: TextPredicate }[] = [];
  let maxPrefixDepth = 0;
  for (const route of routes) {
    const { type, value } = route.route.match.path;
    if (type === 'Exact') append(exact, wireText(value), route);
    else if (type === 'PathPrefix') {
      const key = prefixKey(wireText(value));
      maxPrefixDepth = Math.max(maxPrefixDepth, key.split('/').length - 1);
      append(prefixes, key, route);
    } else {
      const matches = compileFullMatch(value);
      if (matches !== undefined) regexes.push({ route, matches });
    }
  }
  return { routes, exact, prefixes, maxPrefixDepth, regexes, cache: new BoundedCache(maxCachedPaths) };
}

/** Gateway API: a trailing slash of a prefix means nothing, `/abc/` matches what `/abc` does. */
function prefixKey(prefix: string): string {
  let end = prefix.length;
  while (end > 0 && prefix.charCodeAt(end - 1) === 0x2f) end--;
  return prefix.slice(0, end);
}

function append(map: Map<string, CompiledRoute[]>, key: string, route: CompiledRoute): void {
  const routes = map.get(key);
  if (routes === undefined) map.set(key, [route]);
  else routes.push(route);
}

/** The routes whose path matches, in precedence order, up to and with the first for which the path decides. */
export function candidatesFor(index: RouteIndex, path: string): readonly CompiledRoute[] {
  const cached = index.cache.get(path);
  if (cached !== undefined) return cached;
  const candidates = findCandidates(index, pathWithoutQuery(path));
  index.cache.set(path, candidates);
  return candidates;
}

function findCandidates(index: RouteIndex, path: string): readonly CompiledRoute[] {
  const found: CompiledRoute[] = [...(index.exact.get(path) ?? [])];
  let depth = 0;
  for (let end = path.indexOf('/'); end !== -1 && depth <= index.maxPrefixDepth; end = path.indexOf('/', end + 1)) {
    collect(found, index.prefixes, path.slice(0, end));
    depth++;
  }
  // The whole path is an element boundary too; its key has no trailing slash, so `/a/` was already looked up as `/a`.
  if (depth <= index.maxPrefixDepth && !path.endsWith('/')) collect(found, index.prefixes, path);
  for (const { route, matches } of index.regexes) {
    if (matches(path)) found.push(route);
  }
  found.sort((a, b) => a.route.order - b.route.order);
  const decisive = found.findIndex((route) => route.pathDecides);
  return decisive === -1 ? found : found.slice(0, decisive + 1);
}

function collect(found: CompiledRoute[], prefixes: RouteIndex['prefixes'], key: string): void {
  const routes = prefixes.get(key);
  if (routes !== undefined) for (const route of routes) found.push(route);
}

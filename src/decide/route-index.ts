/** Hot: one `candidatesFor` per request; from the cache it allocates nothing. */
import { BoundedCache } from './bounded-cache.ts';
import { pathWithoutQuery } from './path.ts';
import { compileFullMatch, wireText, type TextPredicate } from './regex.ts';
import { compileTextMatch } from './text-match.ts';
import type { PathMatch } from '../plan/index.ts';
import type { CompiledRoute, RouteIndex } from './types.ts';

/** Indexes routes that are given in precedence order. A regular expression that is not RE2 matches nothing (the compiler reports it). */
export function buildRouteIndex(routes: readonly CompiledRoute[], maxCachedPaths: number): RouteIndex {
  const exact = new Map<string, CompiledRoute[]>();
  const prefixes = new Map<string, CompiledRoute[]>();
  const textPrefixes = new Map<string, CompiledRoute[]>();
  const scanned: { route: CompiledRoute; matches: TextPredicate }[] = [];
  let maxPrefixDepth = 0;
  for (const route of routes) {
    const { path } = route.route.match;
    const matches = scannedMatch(path);
    if (matches !== undefined) scanned.push({ route, matches });
    else if (path.type === 'Exact') append(exact, wireText(path.value), route);
    else if (path.type === 'PathPrefix') {
      const key = prefixKey(wireText(path.value));
      maxPrefixDepth = Math.max(maxPrefixDepth, key.split('/').length - 1);
      append(prefixes, key, route);
    } else if (path.type === 'StringPrefix') append(textPrefixes, wireText(path.value), route);
  }
  return {
    routes,
    exact,
    prefixes,
    maxPrefixDepth,
    textPrefixes,
    textPrefixLengths: [...new Set([...textPrefixes.keys()].map(({ length }) => length))].sort((a, b) => a - b),
    scanned,
    cache: new BoundedCache(maxCachedPaths),
  };
}

/** A predicate for what no map can find: expressions, and texts in any case. */
function scannedMatch(path: PathMatch): TextPredicate | undefined {
  if (path.type === 'RegularExpression') return compileFullMatch(path.value) ?? (() => false);
  if (path.type === 'PathPrefix' || path.ignoreCase !== true) return undefined;
  const type = path.type === 'Exact' ? 'Exact' : 'Prefix';
  return compileTextMatch({ type, value: path.value, ignoreCase: true });
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
  for (const length of index.textPrefixLengths) {
    if (length > path.length) break;
    collect(found, index.textPrefixes, path.slice(0, length));
  }
  for (const { route, matches } of index.scanned) {
    if (matches(path)) found.push(route);
  }
  found.sort((a, b) => a.route.order - b.route.order);
  const decisive = found.findIndex((route) => route.conditions.length === 0);
  return decisive === -1 ? found : found.slice(0, decisive + 1);
}

function collect(
  found: CompiledRoute[],
  routesByKey: ReadonlyMap<string, readonly CompiledRoute[]>,
  key: string,
): void {
  const routes = routesByKey.get(key);
  if (routes !== undefined) for (const route of routes) found.push(route);
}

/** Hot when a route or a policy names headers: no allocation. */
import type { RequestFacts } from './facts.ts';

/** Names that HTTP/2 carries as pseudo header fields; `host` is `:authority`, as in Envoy. */
const pseudoHeaders: ReadonlyMap<string, (request: RequestFacts) => string> = new Map([
  ['host', (request) => request.authority],
  [':authority', (request) => request.authority],
  [':path', (request) => request.path],
  [':method', (request) => request.method],
  [':scheme', (request) => request.scheme],
]);

/** How to read what has its own place in `RequestFacts`; undefined for an ordinary header. */
export function pseudoHeaderReader(name: string): ((request: RequestFacts) => string) | undefined {
  return pseudoHeaders.get(name);
}

/** Hot when a route asks for query parameters, and only then. */

/**
 * The first value of a parameter in the query of a `:path`, percent-decoded; undefined where there is none (Gateway API
 * `HTTPQueryParamMatch`: name exactly, of repeated ones the first). `+` stays as it is, as in Envoy; so does a `%` that begins no escape. Both
 * are latin1, one character per byte.
 */
export function queryParameter(path: string, name: string): string | undefined {
  let start = path.indexOf('?');
  if (start === -1) return undefined;
  const fragment = path.indexOf('#');
  if (fragment !== -1 && fragment < start) return undefined;
  const end = fragment === -1 ? path.length : fragment;
  while (start < end) {
    const next = path.indexOf('&', start + 1);
    const stop = next === -1 || next > end ? end : next;
    const parameter = path.slice(start + 1, stop);
    const equals = parameter.indexOf('=');
    const key = equals === -1 ? parameter : parameter.slice(0, equals);
    if (percentDecoded(key) === name) return equals === -1 ? '' : percentDecoded(parameter.slice(equals + 1));
    start = stop;
  }
  return undefined;
}

/** The `:path` without any parameter of that name, everything else as it is; without a query when nothing is left of it. */
export function withoutParameter(path: string, name: string): string {
  const query = path.indexOf('?');
  const fragment = path.indexOf('#');
  if (query === -1 || (fragment !== -1 && fragment < query)) return path;
  const end = fragment === -1 ? path.length : fragment;
  const kept = path
    .slice(query + 1, end)
    .split('&')
    .filter((parameter) => percentDecoded(parameter.split('=', 1)[0] as string) !== name);
  const rest = kept.length === 0 ? '' : `?${kept.join('&')}`;
  return path.slice(0, query) + rest + path.slice(end);
}

function percentDecoded(text: string): string {
  if (!text.includes('%')) return text;
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

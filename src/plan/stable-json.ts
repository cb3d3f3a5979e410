/**
 * JSON text with sorted keys: equal values give equal bytes whatever order their properties were made in.
 *
 * Values are plain JSON data; properties that are `undefined` are left out, as `JSON.stringify` does.
 * `indent` counts spaces per level; 0 (the default) writes one line.
 */
export function stableJson(value: unknown, indent = 0): string {
  return JSON.stringify(sorted(value), undefined, indent);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  // Through entries, not assignment, so that a key named `__proto__` stays an ordinary key.
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}

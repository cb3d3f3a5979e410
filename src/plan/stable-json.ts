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

/**
 * 16 hex digits that change when the value changes. For telling plans apart in logs and status, not for security: the
 * plan folder does no cryptography, and nobody gains by forging a plan's name.
 */
export function contentHash(value: unknown): string {
  const text = stableJson(value);
  // Two 32-bit multiply-xor lanes with different odd multipliers; each is mixed with the other at the end.
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return hex(high) + hex(low);
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}

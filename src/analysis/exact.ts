const none: readonly never[] = Object.freeze([]);

/** A list that is kept for long, without the room for more that it has from being made; all empty ones are the same. */
export function exact<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? none : list.slice();
}

/** Shared by all values that hold nothing: most fields of most objects do. */
const noItems: readonly never[] = Object.freeze([]);
const noFields = Object.freeze({});

/**
 * The same data in less memory. A mesh keeps tens of thousands of objects, and each has dozens of lists, of which most are
 * empty and the others have room for more than they will ever hold.
 */
export function compact<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return (value.length === 0 ? noItems : value.map(compact)) as T;
  // Not plain data: a Secret guards what it holds.
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  let isEmpty = true;
  const fields = value as Record<string, unknown>;
  for (const key in fields) {
    isEmpty = false;
    const field = fields[key];
    if (typeof field === 'object' && field !== null) fields[key] = compact(field);
  }
  return isEmpty ? (noFields as T) : value;
}

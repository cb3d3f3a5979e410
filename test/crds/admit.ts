/** What an API server does to a custom object before it judges it: nulls are pruned, defaults are filled in. */
import type { CrdSchema } from './official.ts';

/** A copy of the value; the input stays as it is. */
export function admit(schema: CrdSchema | undefined, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => admit(schema?.items, item));
  if (typeof value !== 'object' || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) {
    const below = fieldSchema(schema, key);
    // "Nullable" fields keep it; everywhere else null is the same as absent.
    if (field === null && below?.nullable !== true) continue;
    result[key] = admit(below, field);
  }
  for (const [key, field] of Object.entries(schema?.properties ?? {})) {
    if (field.default !== undefined && !Object.hasOwn(result, key)) result[key] = admit(field, field.default);
  }
  return result;
}

/** The schema of a key: a named property, or that of every value of a map. */
export function fieldSchema(schema: CrdSchema | undefined, key: string): CrdSchema | undefined {
  const named = schema?.properties !== undefined && Object.hasOwn(schema.properties, key);
  if (named) return schema.properties[key];
  return typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

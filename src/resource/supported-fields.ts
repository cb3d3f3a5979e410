import type { z } from 'zod';
import { kinds } from './kinds.ts';
import { markOf, shapeOf, unwrap, type FieldSupport } from './schema.ts';

/** One field of a kind, for docs/supported.md and for the test against the official CRDs. */
export interface SupportedField {
  readonly group: string;
  readonly kind: string;
  /** `spec.rules[].matches[].path.type`; `{}` stands for any key of a map. */
  readonly path: string;
  readonly support: FieldSupport;
  /** What happens instead, for `ignored` and `refused`. */
  readonly consequence: string;
}

/** All fields of all kinds, read off the schemas that decode them. A marked field stands for all below it. */
export function supportedFields(): SupportedField[] {
  return Object.values(kinds).flatMap(({ group, kind, schema }) =>
    fieldsBelow(schema, '').map((field) => ({ group, kind, ...field })),
  );
}

type Row = Pick<SupportedField, 'path' | 'support' | 'consequence'>;

function fieldsBelow(schema: z.core.$ZodType, path: string): Row[] {
  const mark = markOf(schema);
  if (mark !== undefined) return [{ path, support: mark.support, consequence: mark.consequence }];
  const shape = shapeOf(unwrap(schema));
  const own: Row[] = path === '' ? [] : [{ path, support: 'implemented', consequence: '' }];
  if (shape.type === 'array') {
    // A list whose entries are all left out is itself left out.
    const below = fieldsBelow(shape.element, `${path}[]`);
    return markOf(shape.element) === undefined ? [...own, ...below] : below.map((row) => ({ ...row, path }));
  }
  if (shape.type === 'record') return [...own, ...fieldsBelow(shape.element, `${path}{}`)];
  if (shape.type !== 'object') return own;
  const fields = Object.entries(shape.fields);
  return [...own, ...fields.flatMap(([name, field]) => fieldsBelow(field, path === '' ? name : `${path}.${name}`))];
}

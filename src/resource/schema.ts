import { z } from 'zod';

/**
 * What Sallyport does with a field:
 * - `implemented`: it has its documented effect;
 * - `accepted`: it has no meaning for a traffic path, or none outside a cluster, and stays quiet;
 * - `ignored`: not yet supported, reported, the rest works without it;
 * - `refused`: not yet supported, reported, and its element is not served because it would mean something else.
 */
export type FieldSupport = 'implemented' | 'accepted' | 'ignored' | 'refused';

export interface FieldMark {
  readonly support: Exclude<FieldSupport, 'implemented'>;
  /** What the field's absence means to the user, for the finding. */
  readonly consequence: string;
}

/** Marks lie beside the schemas, so that one definition decodes, reports, and lists itself in the docs. */
const marks = new WeakMap<z.core.$ZodType, FieldMark>();

export function markOf(schema: z.core.$ZodType): FieldMark | undefined {
  return marks.get(schema);
}

function opaque(mark: FieldMark): z.ZodOptional<z.ZodUnknown> {
  return marked(z.unknown(), mark);
}

/** Optional, so that the schema itself keeps no mark where it is used elsewhere. */
function marked<S extends z.ZodType>(schema: S, mark: FieldMark): z.ZodOptional<S> {
  const optional = schema.optional();
  marks.set(optional, mark);
  return optional;
}

/** A field, whatever is below it, without effect here. */
export function accepted(): z.ZodOptional<z.ZodUnknown> {
  return opaque({ support: 'accepted', consequence: '' });
}

/** As `accepted`, where the reason is not plain from the field's name. */
export function acceptedBecause(reason: string): z.ZodOptional<z.ZodUnknown> {
  return opaque({ support: 'accepted', consequence: reason });
}

/** As `acceptedBecause`, for a field that must be well-formed all the same, since an API server would refuse the object. */
export function wellFormedAccepted<S extends z.ZodType>(schema: S, reason: string): z.ZodOptional<S> {
  return marked(schema, { support: 'accepted', consequence: reason });
}

/** Many `accepted` fields by name. */
export function acceptedFields<Name extends string>(...names: Name[]): Record<Name, z.ZodOptional<z.ZodUnknown>> {
  return Object.fromEntries(names.map((name) => [name, accepted()])) as Record<Name, z.ZodOptional<z.ZodUnknown>>;
}

/** A field, whatever is below it, that is reported and left out. */
export function ignored(consequence = 'it has no effect'): z.ZodOptional<z.ZodUnknown> {
  return opaque({ support: 'ignored', consequence });
}

/** As `ignored`, for a field that must be well-formed all the same, since an API server would refuse the object. */
export function wellFormedIgnored<S extends z.ZodType>(schema: S, consequence: string): z.ZodOptional<S> {
  return marked(schema, { support: 'ignored', consequence });
}

/** A field, whatever is below it, whose element cannot be served. */
export function refused(consequence: string): z.ZodOptional<z.ZodUnknown> {
  return opaque({ support: 'refused', consequence });
}

/** As `refused`, for a field that must be well-formed all the same, since an API server would refuse the object. */
export function wellFormedRefused<S extends z.ZodType>(schema: S, consequence: string): z.ZodOptional<S> {
  return marked(schema, { support: 'refused', consequence });
}

/** A marked field in a value. */
export interface MarkedField {
  readonly path: readonly (string | number)[];
  readonly mark: FieldMark;
  readonly value: unknown;
}

/** All fields of a value whose schema is marked `ignored` or `refused`. Takes values that do not fit the schema too. */
export function markedFields(schema: z.core.$ZodType, value: unknown): MarkedField[] {
  const found: MarkedField[] = [];
  collect(schema, { path: [], value }, found);
  return found;
}

function collect(
  schema: z.core.$ZodType,
  at: { readonly path: readonly (string | number)[]; readonly value: unknown },
  found: MarkedField[],
): void {
  if (at.value === undefined) return;
  if (!holdsReported(schema)) return;
  const mark = marks.get(schema);
  if (mark !== undefined) {
    found.push({ path: at.path, mark, value: at.value });
    return;
  }
  const shape = shapeOf(schema);
  if (shape.type === 'wrapped') collect(shape.inner, at, found);
  if (typeof at.value !== 'object' || at.value === null) return;
  if (shape.type === 'array' && Array.isArray(at.value)) {
    for (const [index, item] of at.value.entries())
      collect(shape.element, { path: [...at.path, index], value: item }, found);
  }
  if (Array.isArray(at.value)) return;
  const fields = shape.type === 'object' ? reportingFields(schema, shape.fields) : undefined;
  const element = shape.type === 'record' ? shape.element : undefined;
  const values = at.value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(values)) {
    const below = fields?.get(key) ?? element;
    if (below !== undefined) collect(below, { path: [...at.path, key], value: values[key] }, found);
  }
}

const reporting = new WeakMap<z.core.$ZodType, ReadonlyMap<string, z.core.$ZodType>>();

/** The fields of an object that something is reported of, at any depth: few. */
function reportingFields(
  schema: z.core.$ZodType,
  fields: Readonly<Record<string, z.core.$ZodType>>,
): ReadonlyMap<string, z.core.$ZodType> {
  const known = reporting.get(schema);
  if (known !== undefined) return known;
  const found = new Map(Object.entries(fields).filter(([, field]) => holdsReported(field)));
  reporting.set(schema, found);
  return found;
}

const reported = new WeakMap<z.core.$ZodType, boolean>();

/** Whether a schema has a mark that is reported, at any depth; found out once for each. */
function holdsReported(schema: z.core.$ZodType): boolean {
  const known = reported.get(schema);
  if (known !== undefined) return known;
  const mark = marks.get(schema);
  const result = mark === undefined ? partsOf(shapeOf(schema)).some(holdsReported) : mark.support !== 'accepted';
  reported.set(schema, result);
  return result;
}

function partsOf(shape: Shape): readonly z.core.$ZodType[] {
  if (shape.type === 'object') return Object.values(shape.fields);
  if (shape.type === 'wrapped') return [shape.inner];
  return shape.type === 'leaf' ? [] : [shape.element];
}

/** The structure of a schema, as far as paths are concerned. */
export type Shape =
  | { readonly type: 'object'; readonly fields: Readonly<Record<string, z.core.$ZodType>> }
  | { readonly type: 'array' | 'record'; readonly element: z.core.$ZodType }
  | { readonly type: 'wrapped'; readonly inner: z.core.$ZodType }
  | { readonly type: 'leaf' };

export function shapeOf(schema: z.core.$ZodType): Shape {
  const known = shapes.get(schema) ?? findShape(schema);
  shapes.set(schema, known);
  return known;
}

/** Finding it out takes zod longer than all that is done with it. */
const shapes = new WeakMap<z.core.$ZodType, Shape>();

function findShape(schema: z.core.$ZodType): Shape {
  if (schema instanceof z.ZodObject) return { type: 'object', fields: schema.def.shape };
  if (schema instanceof z.ZodArray) return { type: 'array', element: schema.def.element };
  if (schema instanceof z.ZodRecord) return { type: 'record', element: schema.def.valueType };
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return { type: 'wrapped', inner: schema.def.innerType };
  }
  return { type: 'leaf' };
}

/** The schema at a path, wrappers taken off; undefined where the path leaves the schema. */
export function schemaAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType | undefined {
  let current: z.core.$ZodType | undefined = unwrap(schema);
  for (const step of path) {
    if (current === undefined) return undefined;
    const shape: Shape = shapeOf(current);
    if (shape.type === 'object') current = shape.fields[String(step)];
    else if (shape.type === 'array' || shape.type === 'record') current = shape.element;
    else return undefined;
    current = current === undefined ? undefined : unwrap(current);
  }
  return current;
}

export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const shape = shapeOf(schema);
  return shape.type === 'wrapped' ? unwrap(shape.inner) : schema;
}

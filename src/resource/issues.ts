import { safeParse, type z } from 'zod';
import type { Path } from '../manifest/index.ts';
import { fieldCodes } from './codes.ts';
import { pathText, type DecodeContext } from './context.ts';
import { foreignField } from './foreign-fields.ts';
import { nearestName } from './nearest.ts';
import { schemaAt, shapeOf } from './schema.ts';

type Issue = z.core.$ZodIssue;

/** Findings for what a schema refused, each at its own line. */
export function reportIssues(
  context: DecodeContext,
  refusal: { readonly issues: readonly Issue[]; readonly schema: z.core.$ZodType; readonly value: unknown },
): void {
  for (const issue of refusal.issues) {
    const path = issue.path as Path;
    const field = pathText(path);
    const value = valueAt(refusal.value, path);
    if (issue.code === 'unrecognized_keys')
      reportUnknownFields(context, { keys: issue.keys, path, schema: refusal.schema });
    else if (value === undefined) {
      const parent = pathText(path.slice(0, -1));
      context.report(fieldCodes.missingField, context.document.locate(path), {
        message: `required field ${field} is missing`,
        remedy: `Add ${String(path.at(-1))}${parent === '' ? '' : ` to ${parent}`}.`,
      });
    } else if (issue.code === 'invalid_type') {
      context.report(fieldCodes.wrongType, context.document.locateValue(path), {
        message: `${field} must be ${typeNames[issue.expected] ?? issue.expected}, not ${describe(context, value)}`,
        remedy: typeRemedy(issue.expected, value, schemaAt(refusal.schema, path)),
      });
    } else {
      const { what, remedy } = explain(issue, value);
      context.report(fieldCodes.badValue, context.document.locateValue(path), {
        message: `${field} ${what}, not ${describe(context, value)}`,
        remedy,
      });
    }
  }
}

/**
 * Fields that the schema does not have and that are no misspelling of one it has, for kinds that grow with each release of
 * Kubernetes: a newer field of a Pod must not take the workload away. They are reported and left out; undefined when
 * something else is wrong as well, or when there are none.
 */
export function leaveOutNewerFields(
  context: DecodeContext,
  refusal: { readonly issues: readonly Issue[]; readonly schema: z.core.$ZodType; readonly value: unknown },
): unknown {
  const found: Path[] = [];
  for (const issue of refusal.issues) {
    if (issue.code !== 'unrecognized_keys') return undefined;
    const path = issue.path as Path;
    const known = knownFields(refusal.schema, path);
    if (issue.keys.some((key) => nearestName(key, known) !== undefined)) return undefined;
    found.push(...issue.keys.map((key) => [...path, key]));
  }
  for (const path of found) {
    context.report(fieldCodes.newerField, context.document.locate(path), {
      message: `${pathText(path)} is not a field that Sallyport knows; it has no effect here`,
      remedy: 'Nothing to do, unless the field is misspelt.',
    });
  }
  return withoutPaths(refusal.value, found);
}

function withoutPaths(value: unknown, paths: readonly Path[]): unknown {
  if (paths.length === 0 || typeof value !== 'object' || value === null) return value;
  const below = (key: string | number) => paths.filter(([first]) => first === key).map((path) => path.slice(1));
  if (Array.isArray(value)) return value.map((item, index) => withoutPaths(item, below(index)));
  const result = Object.create(null) as Record<string, unknown>;
  for (const [key, field] of Object.entries(value)) {
    const inside = below(key);
    if (!inside.some((path) => path.length === 0)) result[key] = withoutPaths(field, inside);
  }
  return result;
}

function knownFields(schema: z.core.$ZodType, path: Path): readonly string[] {
  const owner = schemaAt(schema, path);
  const shape = owner === undefined ? undefined : shapeOf(owner);
  return shape?.type === 'object' ? Object.keys(shape.fields) : [];
}

function reportUnknownFields(
  context: DecodeContext,
  unknown: { readonly keys: readonly string[]; readonly path: Path; readonly schema: z.core.$ZodType },
): void {
  const known = knownFields(unknown.schema, unknown.path);
  const owner = unknown.path.length === 0 ? context.document.kind : pathText(unknown.path);
  for (const key of unknown.keys) {
    const near = nearestName(key, known);
    context.report(fieldCodes.unknownField, context.document.locate([...unknown.path, key]), {
      message: `${owner} has no field "${key}"`,
      remedy:
        foreignField(context.document.kind, key) ??
        (near === undefined ? `Take it away, or use one of: ${known.join(', ')}.` : `Did you mean "${near}"?`),
    });
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function typeRemedy(expected: string, value: unknown, schema: z.core.$ZodType | undefined): string {
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
    // Quotes alone do not make a duration of a number: what would be said next is said at once.
    const [next] = schema === undefined ? [] : (safeParse(schema, String(value)).error?.issues ?? []);
    return next?.message.split('\n')[1] ?? `Put it in quotes: "${String(value)}".`;
  }
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return 'Take the quotes away.';
  if (expected === 'array') return 'Write a list: each entry on its own line after "- ".';
  if (expected === 'object' || expected === 'record')
    return 'Write a map: lines of "key: value", indented below the field.';
  return `Write ${typeNames[expected] ?? expected}.`;
}

function explain(
  issue: Exclude<Issue, { code: 'unrecognized_keys' | 'invalid_type' }>,
  value: unknown,
): { what: string; remedy: string } {
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String);
    const near = typeof value === 'string' ? nearestName(value, values) : undefined;
    const remedy = near === undefined ? `Use one of: ${values.join(', ')}.` : `Did you mean "${near}"?`;
    return { what: `must be one of ${values.join(', ')}`, remedy };
  }
  if (issue.code === 'too_small') return bound(issue.origin, { word: 'at least', limit: issue.minimum });
  if (issue.code === 'too_big') return bound(issue.origin, { word: 'at most', limit: issue.maximum });
  // Formats and unions carry their own two lines, see `fields.ts`.
  const [what = '', remedy = 'Change the value.'] = issue.message.split('\n');
  return { what, remedy };
}

function bound(
  origin: string,
  { word, limit }: { readonly word: string; readonly limit: number | bigint },
): { what: string; remedy: string } {
  const unit = { string: 'character', array: 'entry', object: 'entry', record: 'entry' }[origin];
  if (unit === undefined) return { what: `must be ${word} ${limit}`, remedy: `Write a number of ${word} ${limit}.` };
  const units = Number(limit) === 1 ? unit : unit.replace(/y$/, 'ie') + 's';
  return { what: `must have ${word} ${limit} ${units}`, remedy: `Write ${word} ${limit} ${units}.` };
}

/** Never shows what a Secret holds. */
function describe(context: DecodeContext, value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0 ? 'an empty map' : 'a map';
  if (context.document.kind === 'Secret') return `that ${typeof value === 'string' ? 'text' : typeof value}`;
  const text = JSON.stringify(value) ?? String(value);
  return text.length > maxShownLength ? `${text.slice(0, maxShownLength)}…` : text;
}

/** A finding quotes this much of a value: enough to recognise it. */
const maxShownLength = 60;

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Readonly<Record<string | number, unknown>>)[step];
  }
  return current;
}

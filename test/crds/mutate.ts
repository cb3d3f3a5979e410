/** Small changes of an object, each of the kind that people and tools make. */
import type fc from 'fast-check';
import { pick, schemaAt, valueAt } from './generate.ts';
import type { CrdSchema } from './official.ts';
import type { CustomObject } from './verdict.ts';

type Path = readonly (string | number)[];

/** One change of `object`, deterministic in what is drawn. */
export function mutated(draw: fc.GeneratorValue, schema: CrdSchema, object: CustomObject): CustomObject {
  const copy = structuredClone(object);
  const paths = pathsBelow(copy['spec'], ['spec']);
  const path = pick(draw, paths);
  const change = pick(draw, changes);
  const parent = valueAt(copy, path.slice(0, -1)) as Record<string | number, unknown>;
  change({ parent, key: path.at(-1) as string | number, schema: schemaAt(schema, path) ?? {}, draw });
  return copy;
}

function pathsBelow(value: unknown, path: Path): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const entries: (readonly [string | number, unknown])[] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  return [path, ...entries.flatMap(([key, below]) => pathsBelow(below, [...path, key]))];
}

interface Place {
  readonly parent: Record<string | number, unknown>;
  readonly key: string | number;
  readonly schema: CrdSchema;
  readonly draw: fc.GeneratorValue;
}

const changes: readonly ((place: Place) => void)[] = [
  dropped,
  otherType,
  outOfBounds,
  extraField,
  emptied,
  repeated,
  spoilt,
];

function dropped({ parent, key }: Place): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
}

function otherType({ parent, key, draw }: Place): void {
  parent[key] = pick<unknown>(draw, ['text', '', 0, 7, 1.5, true, [], ['a'], {}, { a: 'b' }, [{}]]);
}

function outOfBounds({ parent, key, schema, draw }: Place): void {
  const value = parent[key];
  if (typeof value === 'number') {
    const { minimum = 0, maximum = 2 ** 31 - 1 } = schema;
    parent[key] = pick(draw, [minimum - 1, maximum + 1, -1, minimum, maximum, 2 ** 53]);
  } else if (typeof value === 'string') {
    const { maxLength = 400 } = schema;
    const length = pick(draw, [maxLength + 1, maxLength]);
    if (length <= maxText) parent[key] = 'a'.repeat(length);
  } else if (Array.isArray(value) && value.length > 0) {
    const { maxItems = 20 } = schema;
    if (maxItems <= maxList)
      parent[key] = Array.from({ length: maxItems + 1 }, (_, index) => withOwnName(value[0], index));
  }
}

const maxText = 5_000;
const maxList = 64;

/** Copies that differ in their name, so that it is the number of them that is wrong. */
function withOwnName(item: unknown, index: number): unknown {
  const named = typeof item === 'object' && item !== null && 'name' in item;
  return named ? { ...item, name: `n${index}` } : item;
}

function extraField({ parent, key, draw }: Place): void {
  const value = parent[key];
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    (value as Record<string, unknown>)[pick(draw, ['extra', 'Name', 'type', 'toString'])] = 'x';
}

function emptied({ parent, key }: Place): void {
  const value = parent[key];
  if (Array.isArray(value)) parent[key] = [];
  else if (typeof value === 'object') parent[key] = {};
  else if (typeof value === 'string') parent[key] = '';
}

function repeated({ parent, key }: Place): void {
  if (Array.isArray(parent)) parent.push(structuredClone(parent[Number(key)]));
}

function spoilt({ parent, key, draw }: Place): void {
  const value = parent[key];
  if (typeof value === 'string')
    parent[key] = pick(draw, [
      `${value} `,
      `${value}*`,
      `*${value}`,
      `-${value}`,
      value.toUpperCase(),
      `${value}/`,
      `/${value}`,
    ]);
}

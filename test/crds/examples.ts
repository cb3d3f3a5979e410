/**
 * Objects written by hand, `examples/<kind>.yaml`: a base `spec`, and changes of it that leave it valid or make it invalid.
 * A change maps paths below `spec` to values: `rules.0.name`; `~` takes the field away; `rules.*17` makes a list of 17
 * alike (items with a name get one of their own).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { CustomObject } from './verdict.ts';

export interface Example {
  readonly file: string;
  /** The change, as written. */
  readonly title: string;
  readonly valid: boolean;
  readonly object: CustomObject;
}

type Value = Readonly<Record<string, unknown>>;

interface ExampleFile {
  readonly apiVersion: string;
  readonly kind: string;
  readonly base: Value;
  readonly valid: readonly Value[];
  readonly invalid: readonly Value[];
}

export function readExamples(): Example[] {
  const folder = join(import.meta.dirname, 'examples');
  return readdirSync(folder)
    .sort()
    .flatMap((file) => {
      const { apiVersion, kind, base, valid, invalid } = parse(readFileSync(join(folder, file), 'utf8')) as ExampleFile;
      const toExample = (change: Value, isValid: boolean): Example => ({
        file,
        title: JSON.stringify(change).slice(0, maxTitle),
        valid: isValid,
        object: { apiVersion, kind, metadata: { name: 'example' }, spec: changed(base, change) },
      });
      return [...valid.map((change) => toExample(change, true)), ...invalid.map((change) => toExample(change, false))];
    });
}

const maxTitle = 120;

function changed(base: Value, change: Value): unknown {
  const spec = structuredClone(base);
  for (const [path, value] of Object.entries(change)) {
    const steps = path.split('.').filter((step) => !step.startsWith('*'));
    const last = steps.pop() ?? '';
    const parent = steps.reduce<unknown>((above, step) => (above as Value)[step], spec) as Record<string, unknown>;
    if (value === null) delete parent[last];
    else parent[last] = repeated(path, value);
  }
  return spec;
}

/** `name.*3: value` is `name` with three times the value, at any depth. */
function repeated(path: string, value: unknown): unknown {
  const inner = expanded(value);
  const count = /\.\*(\d+)$/.exec(path)?.[1];
  if (count === undefined) return inner;
  return Array.from({ length: Number(count) }, (_, index) =>
    typeof inner === 'object' && inner !== null && 'name' in inner ? { ...inner, name: `n${index}` } : inner,
  );
}

function expanded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(expanded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key.replace(/\.\*\d+$/, ''), repeated(key, field)]),
  );
}

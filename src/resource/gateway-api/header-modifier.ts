import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { headerName, headerValue } from '../fields.ts';
import { hopByHop } from '../hop-by-hop.ts';
import { checkUnique } from './unique.ts';

/** `HTTPHeaderFilter`. Names are lower case; of names that are equal in lower case only the first counts. */
export interface HeaderModifier {
  readonly origin: Origin;
  readonly set: readonly HeaderValue[];
  readonly add: readonly HeaderValue[];
  readonly remove: readonly string[];
}

export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

const headerValues = z
  .array(z.strictObject({ name: headerName, value: headerValue.min(1).max(4096) }))
  .max(16)
  .default([]);

export const headerModifier = z.strictObject({
  set: headerValues,
  add: headerValues,
  remove: z.array(z.string()).max(16).default([]),
});

export function decodeHeaderModifier(
  value: z.output<typeof headerModifier>,
  path: Path,
  context: DecodeContext,
): HeaderModifier {
  return {
    origin: context.at(path),
    set: decodeValues(value.set, { path: [...path, 'set'], fixed: hopByHop }, context),
    add: decodeValues(value.add, { path: [...path, 'add'], fixed: hopByHopAndHost }, context),
    remove: decodeRemove(value.remove, [...path, 'remove'], context),
  };
}

/** A request has exactly one host, its `:authority`: it can be set, but neither added nor removed. */
const hopByHopAndHost: ReadonlySet<string> = new Set([...hopByHop, 'host']);

function decodeValues(
  values: readonly HeaderValue[],
  { path, fixed }: { readonly path: Path; readonly fixed: ReadonlySet<string> },
  context: DecodeContext,
): readonly HeaderValue[] {
  checkUnique(
    values.map(({ name }) => name),
    { path, what: 'header' },
    context,
  );
  const decoded: HeaderValue[] = [];
  for (const [index, { name, value }] of values.entries()) {
    const lower = name.toLowerCase();
    if (fixed.has(lower)) reportFixed(name, [...path, index], context);
    else if (decoded.every((earlier) => earlier.name !== lower)) decoded.push({ name: lower, value });
    else if (values.findIndex((earlier) => earlier.name === name) === index) {
      context.warn([...path, index], {
        message: `header "${name}" is written twice; only the first counts`,
        remedy: 'Join the values with a comma, or take one away.',
      });
    }
  }
  return decoded;
}

function decodeRemove(names: readonly string[], path: Path, context: DecodeContext): readonly string[] {
  checkUnique(names, { path, what: 'header' }, context);
  const decoded = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (hopByHopAndHost.has(name.toLowerCase())) reportFixed(name, [...path, index], context);
    else decoded.add(name.toLowerCase());
  }
  return [...decoded];
}

function reportFixed(name: string, path: Path, context: DecodeContext): void {
  context.ignore(path, {
    message: `header "${name}" is not changed: each proxy writes its own`,
    remedy:
      name.toLowerCase() === 'host' ? 'Use set, or the hostname of a URLRewrite, to change the host.' : 'Take it away.',
  });
}

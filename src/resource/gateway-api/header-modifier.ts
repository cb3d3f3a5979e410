import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { headerName, headerValue } from '../fields.ts';
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
    set: decodeValues(value.set, [...path, 'set'], context),
    add: decodeValues(value.add, [...path, 'add'], context),
    remove: decodeRemove(value.remove, [...path, 'remove'], context),
  };
}

function decodeValues(values: readonly HeaderValue[], path: Path, context: DecodeContext): readonly HeaderValue[] {
  checkUnique(
    values.map(({ name }) => name),
    { path, what: 'header' },
    context,
  );
  const decoded: HeaderValue[] = [];
  for (const [index, { name, value }] of values.entries()) {
    const lower = name.toLowerCase();
    if (isHopByHop(lower, [...path, index], context)) continue;
    const earlier = decoded.find((one) => one.name === lower);
    if (earlier === undefined) decoded.push({ name: lower, value });
    else if (values.findIndex((one) => one.name === name) === index) {
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
  const lower = names.map((name) => name.toLowerCase());
  return lower.filter((name, index) => lower.indexOf(name) === index && !isHopByHop(name, [...path, index], context));
}

/** Headers that describe one connection or the framing of one message: a proxy writes its own (RFC 9113 §8.2.2). */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

function isHopByHop(name: string, path: Path, context: DecodeContext): boolean {
  if (!hopByHop.has(name)) return false;
  context.ignore(path, {
    message: `header "${name}" is not changed: it belongs to one connection, and a proxy writes its own`,
    remedy: 'Take it away.',
  });
  return true;
}

import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { headerName } from '../fields.ts';
import { checkRegex } from '../regex.ts';
import { checkUnique } from './unique.ts';

/** A condition on a header, whose name is in lower case, or on a query parameter. Of equal names only the first counts. */
export interface NamedMatch {
  readonly origin: Origin;
  readonly name: string;
  readonly type: 'Exact' | 'RegularExpression';
  readonly value: string;
}

/** GRPCRoute takes any `value`, HTTPRoute what may stand in a header. */
export function headerMatches(value: z.ZodString) {
  return namedMatches(value.min(1).max(4096));
}

export const queryParamMatches = namedMatches(z.string().min(1).max(1024));

function namedMatches(value: z.ZodString) {
  const type = z.enum(['Exact', 'RegularExpression']).default('Exact');
  return z
    .array(z.strictObject({ name: headerName, type, value }))
    .max(16)
    .default([]);
}

type Written = readonly Omit<NamedMatch, 'origin'>[];

export function decodeHeaderMatches(matches: Written, match: Path, context: DecodeContext): NamedMatch[] {
  const path = [...match, 'headers'];
  const decoded: NamedMatch[] = [];
  for (const [index, one] of decodeMatches(matches, { path, what: 'header match' }, context).entries()) {
    const name = one.name.toLowerCase();
    if (decoded.every((earlier) => earlier.name !== name)) decoded.push({ ...one, name });
    else if (matches.findIndex((earlier) => earlier.name === one.name) === index) {
      context.warn([...path, index], {
        message: `header "${one.name}" is matched twice; only the first counts`,
        remedy: 'Put both conditions into one regular expression.',
      });
    }
  }
  return decoded;
}

export function decodeQueryParams(matches: Written, match: Path, context: DecodeContext): NamedMatch[] {
  return decodeMatches(matches, { path: [...match, 'queryParams'], what: 'query parameter' }, context);
}

function decodeMatches(
  matches: Written,
  { path, what }: { readonly path: Path; readonly what: string },
  context: DecodeContext,
): NamedMatch[] {
  checkUnique(
    matches.map(({ name }) => name),
    { path, what },
    context,
  );
  return matches.map(({ name, type, value }, index) => {
    if (type === 'RegularExpression') checkRegex(value, [...path, index, 'value'], context);
    return { origin: context.at([...path, index]), name, type, value };
  });
}

import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { checkRegex } from '../regex.ts';

/** Istio's `StringMatch`. `Present` is `{}`, and for headers and query parameters also the regular expression `*`. */
export interface StringMatch {
  readonly type: 'Exact' | 'Prefix' | 'RegularExpression' | 'Present';
  /** Empty for `Present`. */
  readonly value: string;
}

/** A condition on something that has a name: lower case for headers, as written for query parameters. */
export interface NamedStringMatch extends StringMatch {
  readonly name: string;
}

export const stringMatch = z.strictObject({
  exact: z.string().optional(),
  prefix: z.string().optional(),
  regex: z.string().optional(),
});

export const stringMatches = z.record(z.string(), stringMatch).default({});

const fields = ['exact', 'prefix', 'regex'] as const;

/** With the rules of Istio's validation: one of the three at most, RE2, no empty prefix but for a path. */
export function decodeStringMatch(
  value: z.output<typeof stringMatch>,
  path: Path,
  context: DecodeContext,
): StringMatch {
  const written = fields.filter((field) => value[field] !== undefined);
  if (written.length > 1) {
    context.error(path, {
      message: `${written.join(' and ')} exclude each other`,
      remedy: 'Keep one of them; write another entry of match for the other.',
    });
  }
  if (value.exact !== undefined) return { type: 'Exact', value: value.exact };
  if (value.prefix !== undefined) {
    if (value.prefix === '' && path.at(-1) !== 'uri') {
      context.error([...path, 'prefix'], {
        message: 'an empty prefix matches everything',
        remedy: 'Write the prefix, or {} for any value.',
      });
    }
    return { type: 'Prefix', value: value.prefix };
  }
  if (value.regex === undefined) return { type: 'Present', value: '' };
  // Not RE2; Istio reads it as "any value" (istio/istio#20629).
  if (value.regex === '*') return { type: 'Present', value: '' };
  if (value.regex === '') {
    context.error([...path, 'regex'], {
      message: 'an empty regular expression matches nothing but the empty text',
      remedy: 'Write the expression, or {} for any value.',
    });
  }
  checkIstioRegex(value.regex, [...path, 'regex'], context);
  return { type: 'RegularExpression', value: value.regex };
}

/** As long as Istio's validation lets expressions be. */
export function checkIstioRegex(value: string, path: Path, context: DecodeContext): void {
  if (value.length > 1_024) {
    context.error(path, {
      message: `the regular expression has ${value.length} characters`,
      remedy: 'Write at most 1024, or spread it over several matches.',
    });
  }
  checkRegex(value, path, context);
}

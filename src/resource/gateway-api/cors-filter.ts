import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { headerName } from '../fields.ts';
import { checkUnique } from './unique.ts';

/** `HTTPCORSFilter` (GEP-1767). `*` stands alone in its list. */
export interface CorsFilter {
  readonly origin: Origin;
  /** `*`, or scheme and host with an optional port; the host may begin with `*`. */
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds: number;
  readonly allowCredentials: boolean;
}

const corsOrigin = z
  .string()
  .regex(
    /(^\*$)|(^(http(s)?):\/\/(((\*\.)?([a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(:([0-9]{1,5}))?)$)/,
    'must be an origin\nWrite scheme and host, such as https://app.example.com or https://*.example.com, without a path.',
  )
  .min(1)
  .max(253);

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', '*'] as const;

export const corsFilter = z.strictObject({
  allowOrigins: z.array(corsOrigin).max(64).default([]),
  allowCredentials: z.boolean().default(false),
  allowMethods: z.array(z.enum(methods)).max(9).default([]),
  allowHeaders: z.array(headerName).max(64).default([]),
  exposeHeaders: z.array(headerName).max(64).default([]),
  maxAge: z.int32().min(1).default(5),
});

export function decodeCors(value: z.output<typeof corsFilter>, path: Path, context: DecodeContext): CorsFilter {
  for (const field of ['allowOrigins', 'allowMethods', 'allowHeaders', 'exposeHeaders'] as const) {
    checkUnique(value[field], { path: [...path, field], what: field }, context);
    if (field === 'exposeHeaders' || value[field].length < 2 || !(value[field] as string[]).includes('*')) continue;
    context.error([...path, field], {
      message: `${field} has "*" beside other values`,
      remedy: 'Write "*" alone, or take it away.',
    });
  }
  const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, maxAge, allowCredentials } = value;
  return {
    origin: context.at(path),
    ...{ allowOrigins, allowMethods, allowHeaders, exposeHeaders },
    maxAgeSeconds: maxAge,
    allowCredentials,
  };
}

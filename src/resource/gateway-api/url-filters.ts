import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { portNumber, preciseHostname, present } from '../fields.ts';

/** `HTTPRequestRedirectFilter`; what is absent stays as requested. */
export interface RedirectFilter {
  readonly origin: Origin;
  readonly scheme?: 'http' | 'https';
  readonly hostname?: string;
  readonly path?: PathModifier;
  readonly port?: number;
  readonly statusCode: 301 | 302 | 303 | 307 | 308;
}

/** `HTTPURLRewriteFilter`; what is absent stays as requested. */
export interface RewriteFilter {
  readonly origin: Origin;
  readonly hostname?: string;
  readonly path?: PathModifier;
}

export interface PathModifier {
  readonly origin: Origin;
  readonly type: 'ReplaceFullPath' | 'ReplacePrefixMatch';
  readonly value: string;
}

const pathModifier = z.strictObject({
  type: z.enum(['ReplaceFullPath', 'ReplacePrefixMatch']),
  replaceFullPath: z.string().max(1024).optional(),
  replacePrefixMatch: z.string().max(1024).optional(),
});

export const requestRedirect = z.strictObject({
  scheme: z.enum(['http', 'https']).optional(),
  hostname: preciseHostname.optional(),
  path: pathModifier.optional(),
  port: portNumber.optional(),
  statusCode: z.literal([301, 302, 303, 307, 308]).default(302),
});

export const urlRewrite = z.strictObject({ hostname: preciseHostname.optional(), path: pathModifier.optional() });

export function decodeRedirect(
  value: z.output<typeof requestRedirect>,
  path: Path,
  context: DecodeContext,
): RedirectFilter {
  const { scheme, hostname, port, statusCode } = value;
  return {
    origin: context.at(path),
    ...present({ scheme, hostname, port, path: decodePathModifier(value.path, [...path, 'path'], context) }),
    statusCode,
  };
}

export function decodeRewrite(value: z.output<typeof urlRewrite>, path: Path, context: DecodeContext): RewriteFilter {
  const modifier = decodePathModifier(value.path, [...path, 'path'], context);
  return { origin: context.at(path), ...present({ hostname: value.hostname, path: modifier }) };
}

const fieldOf = { ReplaceFullPath: 'replaceFullPath', ReplacePrefixMatch: 'replacePrefixMatch' } as const;

function decodePathModifier(
  value: z.output<typeof pathModifier> | undefined,
  path: Path,
  context: DecodeContext,
): PathModifier | undefined {
  if (value === undefined) return undefined;
  const field = fieldOf[value.type];
  for (const other of Object.values(fieldOf)) {
    if ((value[other] !== undefined) === (other === field)) continue;
    context.error(path, {
      message: other === field ? `type ${value.type} needs ${field}` : `type ${value.type} does not go with ${other}`,
      remedy: `Write type: ${value.type} with ${field} alone.`,
    });
  }
  const text = value[field] ?? '';
  if (value[field] !== undefined)
    checkReplacement(text, { path: [...path, field], isPrefix: field === 'replacePrefixMatch' }, context);
  return { origin: context.at(path), type: value.type, value: text };
}

/** The CRD takes any text; what cannot stand in a path must not reach a backend. */
function checkReplacement(
  text: string,
  { path, isPrefix }: { readonly path: Path; readonly isPrefix: boolean },
  context: DecodeContext,
): void {
  if (!/^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@?]|%[0-9a-fA-F]{2})*$/.test(text)) {
    context.refuse(path, {
      message: `"${text}" contains a character that paths cannot have`,
      remedy: 'Write a normal absolute path; percent-encode special characters.',
    });
  } else if (!text.startsWith('/') && !(isPrefix && text === '')) {
    context.warn(path, {
      message: `"${text}" does not start with "/"; it becomes "/${text}"`,
      remedy: `Write "/${text}".`,
    });
  }
}

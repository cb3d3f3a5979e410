import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { portNumber, present } from '../fields.ts';
import { checkAuthority } from './authority.ts';
import { checkIstioRegex, decodeStringMatch, stringMatch, type StringMatch } from './string-match.ts';
import { istioDuration, istioDurationMs } from './duration.ts';

/** Answers and changes of a VirtualService route, each with Istio's own validation. */

export interface VirtualRedirect {
  readonly origin: Origin;
  readonly status: number;
  readonly uri?: string;
  readonly prefixRewrite?: string;
  readonly authority?: string;
  readonly scheme?: string;
  /** `request`: the port of the listener. Absent: the default of the scheme. */
  readonly port?: number | 'request';
}

export const redirect = z.strictObject({
  uri: z.string().optional(),
  prefixRewrite: z.string().optional(),
  authority: z.string().optional(),
  port: portNumber.optional(),
  derivePort: z.enum(['FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT']).optional(),
  scheme: z.string().optional(),
  redirectCode: z.int().min(0).max(4_294_967_295).default(0),
});

const redirectCodes: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export function decodeRedirect(value: z.output<typeof redirect>, path: Path, context: DecodeContext): VirtualRedirect {
  const status = value.redirectCode === 0 ? 301 : value.redirectCode;
  if (!redirectCodes.has(status)) {
    context.error([...path, 'redirectCode'], {
      message: `redirectCode ${status} is no redirect`,
      remedy: 'Write 301, 302, 303, 307 or 308.',
    });
  }
  exclude(['port', 'derivePort'], { value, path }, context);
  exclude(['uri', 'prefixRewrite'], { value, path }, context);
  if (Object.keys(value).every((field) => field === 'redirectCode')) {
    context.error(path, {
      message: 'the redirect changes nothing',
      remedy: 'Set uri, authority, scheme or port.',
    });
  }
  const { uri, prefixRewrite, authority, scheme } = value;
  checkAuthority(notEmpty(authority), [...path, 'authority'], context);
  return {
    origin: context.at(path),
    status,
    ...present({
      uri: notEmpty(uri),
      prefixRewrite: notEmpty(prefixRewrite),
      authority: notEmpty(authority),
      scheme: notEmpty(scheme),
      port: value.derivePort === 'FROM_REQUEST_PORT' ? ('request' as const) : value.port,
    }),
  };
}

export interface VirtualDirectResponse {
  readonly origin: Origin;
  readonly status: number;
  readonly body?: string;
}

export const directResponse = z.strictObject({
  status: z.int().min(0).max(4_294_967_295),
  body: z.strictObject({ string: z.string().optional(), bytes: z.string().optional() }).optional(),
});

/** Istio's limit for inline bodies. */
const maxDirectBodyBytes = 1_048_576;

export function decodeDirectResponse(
  value: z.output<typeof directResponse>,
  path: Path,
  context: DecodeContext,
): VirtualDirectResponse {
  if (value.status < 200 || value.status > 599) {
    context.error([...path, 'status'], {
      message: `status ${value.status} is not between 200 and 599`,
      remedy: 'Write a final HTTP status.',
    });
  }
  const body = value.body === undefined ? undefined : decodeBody(value.body, [...path, 'body'], context);
  if (body !== undefined && Buffer.byteLength(body) > maxDirectBodyBytes) {
    context.error([...path, 'body'], {
      message: `the body has more than ${maxDirectBodyBytes} bytes`,
      remedy: 'Serve it from a workload.',
    });
  }
  return { origin: context.at(path), status: value.status, ...present({ body }) };
}

function decodeBody(
  value: NonNullable<z.output<typeof directResponse>['body']>,
  path: Path,
  context: DecodeContext,
): string | undefined {
  exclude(['string', 'bytes'], { value, path }, context);
  if (value.bytes === undefined) return value.string;
  const bytes = Buffer.from(value.bytes, 'base64');
  const text = bytes.toString('utf8');
  if (bytes.toString('base64').replace(/=+$/, '') !== value.bytes.replace(/=+$/, '')) {
    context.error([...path, 'bytes'], { message: 'bytes is not base64', remedy: 'Encode it (base64 -w0).' });
  } else if (!Buffer.from(text, 'utf8').equals(bytes)) {
    context.refuse([...path, 'bytes'], {
      message: 'a body that is not UTF-8 is not supported: requests of this rule are answered with an error',
      remedy: 'Write text, or serve the bytes from a workload.',
    });
  }
  return text;
}

export interface VirtualRewrite {
  readonly origin: Origin;
  readonly uri?: string;
  readonly authority?: string;
  readonly regex?: { readonly pattern: string; readonly substitution: string };
}

export const rewrite = z.strictObject({
  uri: z.string().optional(),
  authority: z.string().optional(),
  uriRegexRewrite: z.strictObject({ match: z.string().optional(), rewrite: z.string().optional() }).optional(),
});

export function decodeRewrite(value: z.output<typeof rewrite>, path: Path, context: DecodeContext): VirtualRewrite {
  exclude(['uri', 'uriRegexRewrite'], { value, path }, context);
  const { match = '', rewrite: substitution = '' } = value.uriRegexRewrite ?? {};
  const uri = notEmpty(value.uri);
  const authority = notEmpty(value.authority);
  checkAuthority(authority, [...path, 'authority'], context);
  if (value.uriRegexRewrite !== undefined) {
    if (match === '' || substitution === '') {
      context.error([...path, 'uriRegexRewrite'], {
        message: 'uriRegexRewrite needs match and rewrite',
        remedy: 'Write both.',
      });
    }
    checkIstioRegex(match, [...path, 'uriRegexRewrite', 'match'], context);
  } else if (uri === undefined && authority === undefined) {
    context.error(path, {
      message: 'the rewrite changes nothing',
      remedy: 'Set uri, authority or uriRegexRewrite.',
    });
  }
  return {
    origin: context.at(path),
    ...present({
      uri,
      authority,
      regex: value.uriRegexRewrite === undefined ? undefined : { pattern: match, substitution },
    }),
  };
}

export interface VirtualCors {
  readonly origin: Origin;
  readonly allowOrigins: readonly StringMatch[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds?: number;
  readonly allowCredentials: boolean;
  /** `unmatchedPreflights` is not `IGNORE`. */
  readonly forwardUnmatched?: true;
}

export const cors = z.strictObject({
  allowOrigin: z.array(z.string()).optional(),
  allowOrigins: z.array(stringMatch).optional(),
  allowMethods: z.array(z.string()).default([]),
  allowHeaders: z.array(z.string()).default([]),
  exposeHeaders: z.array(z.string()).default([]),
  maxAge: istioDuration.optional(),
  allowCredentials: z.boolean().default(false),
  unmatchedPreflights: z.enum(['UNSPECIFIED', 'FORWARD', 'IGNORE']).default('UNSPECIFIED'),
});

export function decodeCors(value: z.output<typeof cors>, path: Path, context: DecodeContext): VirtualCors {
  const exact = (value.allowOrigin ?? []).map((origin) => ({ type: 'Exact' as const, value: origin }));
  const { allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAge } = value;
  const maxAgeMs = maxAge === undefined ? undefined : istioDurationMs(maxAge, [...path, 'maxAge'], context);
  if (maxAgeMs !== undefined && maxAgeMs % 1000 !== 0) {
    context.error([...path, 'maxAge'], {
      message: 'maxAge has a fraction of a second',
      remedy: 'Write whole seconds.',
    });
  }
  return {
    origin: context.at(path),
    allowOrigins:
      value.allowOrigins?.map((match, index) => decodeStringMatch(match, [...path, 'allowOrigins', index], context)) ??
      exact,
    allowMethods,
    allowHeaders,
    exposeHeaders,
    ...present({ maxAgeSeconds: maxAgeMs === undefined ? undefined : Math.floor(maxAgeMs / 1000) }),
    allowCredentials,
    ...(value.unmatchedPreflights === 'IGNORE' ? {} : { forwardUnmatched: true }),
  };
}

/** Reports fields of which one at most may be there. */
function exclude(
  fields: readonly string[],
  at: { readonly value: object; readonly path: Path },
  context: DecodeContext,
): void {
  const written = fields.filter((field) => Reflect.get(at.value, field) !== undefined);
  if (written.length < 2) return;
  context.error([...at.path, written[1] ?? ''], {
    message: `${written.join(' and ')} exclude each other`,
    remedy: 'Keep one of them.',
  });
}

/** The wire's way to say "not set". */
function notEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

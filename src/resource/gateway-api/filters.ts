import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { apiGroup, kindName, objectName, present } from '../fields.ts';
import { wellFormedRefused } from '../schema.ts';
import { corsFilter, decodeCors, type CorsFilter } from './cors-filter.ts';
import { externalAuth } from './external-auth.ts';
import { decodeHeaderModifier, headerModifier, type HeaderModifier } from './header-modifier.ts';
import { decodeMirror, requestMirror, type MirrorFilter } from './mirror-filter.ts';
import {
  decodeRedirect,
  decodeRewrite,
  requestRedirect,
  urlRewrite,
  type RedirectFilter,
  type RewriteFilter,
} from './url-filters.ts';

/** The filters of a rule or of a backend. Each but mirrors is written at most once, and they do not depend on their order. */
export interface RuleFilters {
  readonly requestHeaders?: HeaderModifier;
  readonly responseHeaders?: HeaderModifier;
  readonly mirrors: readonly MirrorFilter[];
  readonly redirect?: RedirectFilter;
  readonly rewrite?: RewriteFilter;
  readonly cors?: CorsFilter;
}

const extensionRef = z.strictObject({ group: apiGroup, kind: kindName, name: objectName });

const httpTypes = [
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'RequestMirror',
  'RequestRedirect',
  'URLRewrite',
  'ExtensionRef',
  'CORS',
  'ExternalAuth',
] as const;

const grpcTypes = ['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'ExtensionRef'] as const;

const modifiers = {
  requestHeaderModifier: headerModifier.optional(),
  responseHeaderModifier: headerModifier.optional(),
};

const rulesFail = 'requests of this rule are answered with an error';
const backendFails = 'this backend answers its share of the requests with an error';

function listOf<Filter extends z.ZodType>(filter: Filter) {
  return z.array(filter).max(16).default([]);
}

export const httpFilters = listOf(
  z.strictObject({
    type: z.enum(httpTypes),
    ...modifiers,
    requestMirror: requestMirror.optional(),
    requestRedirect: requestRedirect.optional(),
    urlRewrite: urlRewrite.optional(),
    cors: corsFilter.optional(),
    extensionRef: wellFormedRefused(extensionRef, rulesFail),
    externalAuth: wellFormedRefused(externalAuth, rulesFail),
  }),
);

export const httpBackendFilters = listOf(
  z.strictObject({
    type: z.enum(httpTypes),
    ...modifiers,
    requestMirror: wellFormedRefused(requestMirror, backendFails),
    requestRedirect: wellFormedRefused(requestRedirect, backendFails),
    urlRewrite: wellFormedRefused(urlRewrite, backendFails),
    cors: wellFormedRefused(corsFilter, backendFails),
    extensionRef: wellFormedRefused(extensionRef, backendFails),
    externalAuth: wellFormedRefused(externalAuth, backendFails),
  }),
);

export const grpcFilters = listOf(
  z.strictObject({
    type: z.enum(grpcTypes),
    ...modifiers,
    requestMirror: requestMirror.optional(),
    extensionRef: wellFormedRefused(extensionRef, rulesFail),
  }),
);

export const grpcBackendFilters = listOf(
  z.strictObject({
    type: z.enum(grpcTypes),
    ...modifiers,
    requestMirror: wellFormedRefused(requestMirror, backendFails),
    extensionRef: wellFormedRefused(extensionRef, backendFails),
  }),
);

/** A filter of any of the lists above. */
export type WrittenFilter = Partial<z.output<typeof httpFilters>[number]> & { readonly type: string };

/** The field that each type of filter needs, and no other may have. */
const fieldOf = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestMirror: 'requestMirror',
  RequestRedirect: 'requestRedirect',
  URLRewrite: 'urlRewrite',
  ExtensionRef: 'extensionRef',
  CORS: 'cors',
  ExternalAuth: 'externalAuth',
} as const;

/** Types of which there may be several. */
const repeatable: ReadonlySet<string> = new Set(['RequestMirror', 'ExtensionRef', 'ExternalAuth']);

export function decodeFilters(filters: readonly WrittenFilter[], path: Path, context: DecodeContext): RuleFilters {
  checkTypes(filters, path, context);
  const decoded: { -readonly [K in keyof RuleFilters]?: RuleFilters[K] } = {};
  const mirrors: MirrorFilter[] = [];
  for (const [index, filter] of filters.entries()) {
    const { requestHeaderModifier, responseHeaderModifier, requestMirror: mirror, cors } = filter;
    const { requestRedirect: redirect, urlRewrite: rewrite } = filter;
    const at = (field: string): Path => [...path, index, field];
    if (mirror !== undefined) mirrors.push(decodeMirror(mirror, at('requestMirror'), context));
    Object.assign(
      decoded,
      present({
        requestHeaders:
          requestHeaderModifier && decodeHeaderModifier(requestHeaderModifier, at('requestHeaderModifier'), context),
        responseHeaders:
          responseHeaderModifier && decodeHeaderModifier(responseHeaderModifier, at('responseHeaderModifier'), context),
        redirect: redirect && decodeRedirect(redirect, at('requestRedirect'), context),
        rewrite: rewrite && decodeRewrite(rewrite, at('urlRewrite'), context),
        cors: cors && decodeCors(cors, at('cors'), context),
      }),
    );
  }
  return { ...decoded, mirrors };
}

function checkTypes(filters: readonly WrittenFilter[], path: Path, context: DecodeContext): void {
  const types = filters.map(({ type }) => type);
  for (const [index, filter] of filters.entries()) {
    checkFields(filter, [...path, index], context);
    if (types.indexOf(filter.type) === index || repeatable.has(filter.type)) continue;
    context.error([...path, index], {
      message: `filter ${filter.type} is written twice in one list`,
      remedy: 'Join the two filters into one.',
    });
  }
  if (types.includes('RequestRedirect') && types.includes('URLRewrite')) {
    context.error(path, {
      message: 'RequestRedirect and URLRewrite exclude each other',
      remedy: 'Keep one of them; a redirect has hostname and path of its own.',
    });
  }
}

function checkFields(filter: WrittenFilter, path: Path, context: DecodeContext): void {
  for (const [type, field] of Object.entries(fieldOf)) {
    const isPresent = filter[field] !== undefined;
    if (isPresent === (type === filter.type)) continue;
    context.error(path, {
      message: isPresent ? `filter ${filter.type} has ${field}` : `filter ${type} needs ${field}`,
      remedy: isPresent ? `Take ${field} away, or write type: ${type}.` : `Add ${field}.`,
    });
  }
}

import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { goDuration, headerName, present } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import type { Located, ResourceObject } from '../object.ts';
import { atLeastOneMs } from './durations.ts';
import { decodeTargets, targetFields, type PolicyTargets } from './targets.ts';

export interface RequestAuthentication extends ResourceObject {
  readonly spec: PolicyTargets & {
    readonly jwtRules: readonly JwtRule[];
  };
}

/** Tokens of one issuer. */
export interface JwtRule {
  readonly origin: Origin;
  readonly index: number;
  /** Empty: any, of those whose token one of the keys signed. */
  readonly issuer: string;
  /** Empty: any. */
  readonly audiences: readonly string[];
  /** Neither: the key set that the issuer's discovery document names. */
  readonly jwks?: Located<string>;
  readonly jwksUri?: Located<string>;
  /** Of one fetch of the key set. */
  readonly timeoutMs: number;
  /** All three empty: `Authorization: Bearer`, then the query parameter `access_token`. */
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string }[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  readonly outputPayloadToHeader?: string;
  readonly outputClaimToHeaders: readonly { readonly header: string; readonly claim: string }[];
  readonly spaceDelimitedClaims: readonly string[];
  readonly forwardOriginalToken: boolean;
}

/** Istio's, for fetching a key set. */
const defaultTimeoutMs = 5_000;

const texts = z.array(z.string().min(1)).default([]);

const keySetUrl = z
  .string()
  .regex(/^https?:\/\/[^/]/i, 'must be an http or https URL\nWrite the whole URL of the key set.')
  .max(2048);

const jwtRule = z.strictObject({
  issuer: z.string().min(1).default(''),
  audiences: texts,
  jwks: z.string().optional(),
  jwksUri: keySetUrl.optional(),
  jwks_uri: keySetUrl.optional(),
  timeout: goDuration.optional(),
  fromHeaders: z.array(z.strictObject({ name: z.string().min(1), prefix: z.string().default('') })).default([]),
  fromParams: texts,
  fromCookies: texts,
  outputPayloadToHeader: z.union([z.literal(''), headerName]).optional(),
  outputClaimToHeaders: z
    .array(
      z.strictObject({
        header: z
          .string()
          .regex(/^[-_A-Za-z0-9]+$/, 'must be a header name\nUse letters, digits, - and _, without spaces or a colon.'),
        claim: z.string().min(1),
      }),
    )
    .default([]),
  spaceDelimitedClaims: z.array(z.string().min(1)).max(64).default([]),
  forwardOriginalToken: z.boolean().default(false),
});

const schema = objectOf({
  spec: z.strictObject({ ...targetFields, jwtRules: z.array(jwtRule).max(4096).default([]) }).prefault({}),
});

export const requestAuthenticationKind = defineKind<RequestAuthentication, typeof schema>({
  group: 'security.istio.io',
  kind: 'RequestAuthentication',
  versions: ['v1', 'v1beta1'],
  schema,
  decode: ({ spec }, context) => ({
    spec: {
      ...decodeTargets(spec, context),
      jwtRules: spec.jwtRules.map((rule, index) => decodeRule(rule, index, context)),
    },
  }),
});

function decodeRule(rule: z.output<typeof jwtRule>, index: number, context: DecodeContext): JwtRule {
  const path: Path = ['spec', 'jwtRules', index];
  checkKeySources(rule, path, context);
  checkOutputHeaders(rule, path, context);
  const { jwks, jwksUri = rule.jwks_uri } = rule;
  const uriField = rule.jwksUri === undefined ? 'jwks_uri' : 'jwksUri';
  return {
    origin: context.at(path),
    index,
    issuer: rule.issuer,
    audiences: rule.audiences,
    ...present({
      jwks: jwks === undefined || jwks === '' ? undefined : { value: jwks, origin: context.at([...path, 'jwks']) },
      jwksUri: jwksUri === undefined ? undefined : { value: jwksUri, origin: context.at([...path, uriField]) },
      outputPayloadToHeader: rule.outputPayloadToHeader === '' ? undefined : rule.outputPayloadToHeader,
    }),
    timeoutMs: atLeastOneMs(rule.timeout, [...path, 'timeout'], context) ?? defaultTimeoutMs,
    fromHeaders: rule.fromHeaders,
    fromParams: rule.fromParams,
    fromCookies: rule.fromCookies,
    outputClaimToHeaders: rule.outputClaimToHeaders,
    spaceDelimitedClaims: rule.spaceDelimitedClaims,
    forwardOriginalToken: rule.forwardOriginalToken,
  };
}

function checkKeySources(rule: z.output<typeof jwtRule>, path: Path, context: DecodeContext): void {
  const given = (['jwks', 'jwksUri', 'jwks_uri'] as const).filter((field) => (rule[field] ?? '') !== '');
  const [first, second] = given;
  if (second !== undefined) {
    context.error([...path, second], {
      message: `the rule has both ${first} and ${second}`,
      remedy: 'Keep one source of keys.',
    });
  }
  if (rule.issuer === '' && (rule.jwksUri ?? rule.jwks_uri) === undefined) {
    context.error([...path, 'issuer'], {
      message: 'the rule has neither issuer nor jwksUri',
      remedy: 'Write the issuer that the tokens name in "iss".',
    });
  }
}

/** A header that two claims fill, or that the payload fills too. */
function checkOutputHeaders(rule: z.output<typeof jwtRule>, path: Path, context: DecodeContext): void {
  const seen = new Set(rule.outputPayloadToHeader === undefined ? [] : [rule.outputPayloadToHeader.toLowerCase()]);
  for (const [index, { header }] of rule.outputClaimToHeaders.entries()) {
    if (seen.has(header.toLowerCase())) {
      context.warn([...path, 'outputClaimToHeaders', index, 'header'], {
        message: `header "${header}" is filled twice, so that it repeats`,
        remedy: 'Give each claim a header of its own.',
      });
    }
    seen.add(header.toLowerCase());
  }
}

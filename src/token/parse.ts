/** Takes a compact JSON Web Token apart (RFC 7519, RFC 7515 §3.1), and says what is wrong with one as Envoy does. Trusts nothing. */
import type { TokenStatus } from './status.ts';

export interface ParsedToken {
  readonly alg: string;
  /** Empty when the header has none. */
  readonly kid: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  readonly presenter: string;
  /** Seconds since 1970; 0: not given. */
  readonly expiresAt: number;
  readonly notBefore: number;
  readonly claims: Readonly<Record<string, unknown>>;
  /** The middle part as it came. */
  readonly payload: string;
}

/** Those of jwt_verify_lib but the HS family: shared secrets are not taken, so no public key can be mistaken for one. */
const algorithms: ReadonlySet<string> = new Set([
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
]);

const sharedSecretAlgorithms: ReadonlySet<string> = new Set(['HS256', 'HS384', 'HS512']);

export function parseToken(token: string): ParsedToken | TokenStatus {
  const parts = token.split('.');
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3 || header === '' || payload === '') return 'jwt_bad_format';
  const head = readPart(header);
  if (typeof head === 'string') return `jwt_header_${head}`;
  const { alg, kid = '' } = head;
  if (typeof alg !== 'string') return 'jwt_header_bad_alg';
  if (!algorithms.has(alg) && !sharedSecretAlgorithms.has(alg)) return 'jwt_header_alg_not_supported';
  if (typeof kid !== 'string') return 'jwt_header_bad_kid';
  const claims = readPart(payload);
  if (typeof claims === 'string') return `jwt_payload_${claims}`;
  if (signature === '' || !isBase64Url(signature)) return 'jwt_signature_bad_base64';
  // A token may change how it is to be read (`crit`, `b64`); none of that is understood here (RFC 7515 §4.1.11).
  if ('crit' in head || 'b64' in head) return 'jwt_verification_fails';
  // No key of a plan is a shared secret. To check one of these with a public key would let anybody sign.
  if (sharedSecretAlgorithms.has(alg)) return 'jwks_no_matching_key';
  return readClaims(claims, { alg, kid, payload });
}

type Json = Readonly<Record<string, unknown>>;

function readClaims(
  claims: Json,
  head: { readonly alg: string; readonly kid: string; readonly payload: string },
): ParsedToken | TokenStatus {
  const { iss = '', sub = '', iat = 0, nbf = 0, exp = 0, jti = '', aud = [], azp } = claims;
  if (typeof iss !== 'string') return 'jwt_payload_bad_iss';
  if (typeof sub !== 'string') return 'jwt_payload_bad_sub';
  if (!isSeconds(iat)) return 'jwt_payload_bad_iat';
  if (!isSeconds(nbf)) return 'jwt_payload_bad_nbf';
  if (!isSeconds(exp)) return 'jwt_payload_bad_exp';
  if (typeof jti !== 'string') return 'jwt_payload_bad_jti';
  const audiences: unknown = typeof aud === 'string' ? [aud] : aud;
  if (!isTextList(audiences)) return 'jwt_payload_bad_aud';
  return {
    ...head,
    issuer: iss,
    subject: sub,
    audiences,
    presenter: typeof azp === 'string' ? azp : '',
    expiresAt: exp,
    notBefore: nbf,
    claims,
  };
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** The JSON object that a part holds. */
function readPart(part: string): Json | 'bad_base64' | 'bad_json' {
  if (!isBase64Url(part)) return 'bad_base64';
  try {
    const value: unknown = JSON.parse(strictUtf8.decode(Buffer.from(part, 'base64url')));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : 'bad_json';
  } catch {
    return 'bad_json';
  }
}

function isBase64Url(text: string): boolean {
  return text.length % 4 !== 1 && /^[\w-]+$/.test(text);
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Issuers of JSON Web Tokens for tests: keys made at test time, tokens signed with them. */
import { CompactSign, exportJWK, generateKeyPair, type CompactJWSHeaderParameters } from 'jose';
import type { JwtRule, PublicJwk, RequestAuthentication } from '../../src/plan/index.ts';
import { proxyOrigin } from './proxy-plan.ts';

export interface TestIssuer {
  readonly issuer: string;
  readonly alg: string;
  readonly kid: string;
  readonly jwk: PublicJwk;
  /** Claims beside `iss`; `exp` in an hour unless given. */
  sign(claims?: Readonly<Record<string, unknown>>, header?: Partial<CompactJWSHeaderParameters>): Promise<string>;
}

export async function testIssuer(
  issuer: string,
  { alg = 'ES256', kid = 'one' }: { readonly alg?: string; readonly kid?: string } = {},
): Promise<TestIssuer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid } as PublicJwk;
  return {
    issuer,
    alg,
    kid,
    jwk,
    sign: (claims = {}, header = {}) => {
      const body = { iss: issuer, exp: Math.floor(Date.now() / 1000) + 3_600, ...claims };
      return new CompactSign(Buffer.from(JSON.stringify(body)))
        .setProtectedHeader({ alg, kid, ...header })
        .sign(privateKey);
    },
  };
}

/** A token of given parts, not signed by anybody. */
export function unsignedToken(header: unknown, claims: unknown, signature = 'c2lnbmF0dXJl'): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.${signature}`;
}

const bearer = [
  { type: 'header', name: 'authorization', prefix: 'Bearer ' },
  { type: 'param', name: 'access_token' },
] as const satisfies JwtRule['locations'];

/** A rule for the tokens of one issuer, with Istio's defaults. */
export function jwtRule({ issuer, jwk }: Pick<TestIssuer, 'issuer' | 'jwk'>, rule: Partial<JwtRule> = {}): JwtRule {
  return {
    origin: proxyOrigin('RequestAuthentication', 'users', 9),
    index: 0,
    issuer,
    audiences: [],
    keys: { available: true, jwks: [jwk] },
    locations: bearer,
    forwardOriginalToken: false,
    outputClaimToHeaders: [],
    spaceDelimitedClaims: [],
    ...rule,
  };
}

export function requestAuthentication(proxy: string, rules: readonly JwtRule[]): RequestAuthentication {
  const origin = proxyOrigin('RequestAuthentication', 'users', 1);
  return { id: `${proxy}/default/users`, origin, proxy, namespace: 'default', name: 'users', rules };
}

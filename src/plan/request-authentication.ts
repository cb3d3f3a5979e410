/** Which tokens say who the user is: RequestAuthentication in the words of the data plane. */
import type { Origin } from '../base/index.ts';

/**
 * One RequestAuthentication as it applies to one proxy. Id: `<proxy>/<ns>/<name>`. The rules of all of them stand side by
 * side: a request without a token passes unauthenticated; of one that has any, all tokens of some rule must be good for it.
 */
export interface RequestAuthentication {
  readonly id: string;
  readonly origin: Origin;
  readonly proxy: string;
  readonly namespace: string;
  readonly name: string;
  readonly rules: readonly JwtRule[];
}

export interface JwtRule {
  /** The rule's own line. */
  readonly origin: Origin;
  readonly index: number;
  /** Compared with the claim `iss`, exactly; empty: any will do. */
  readonly issuer: string;
  /** One of them must be among `aud`, scheme and final slash aside; empty: any. */
  readonly audiences: readonly string[];
  readonly keys: JwtKeys;
  /** Where this rule looks for tokens; at least one. */
  readonly locations: readonly TokenLocation[];
  /** False: a header or parameter that held the token is not sent on. */
  readonly forwardOriginalToken: boolean;
  /** Lower case; gets the token's middle part as it came, base64url. */
  readonly outputPayloadToHeader?: string;
  readonly outputClaimToHeaders: readonly ClaimHeader[];
  /** Claims whose text is a list with spaces between its entries, beside `scope` and `permission`. */
  readonly spaceDelimitedClaims: readonly string[];
}

export type JwtKeys =
  /** `remote`: where they were fetched; a token that names another key is told to control under this. */
  | { readonly available: true; readonly jwks: readonly PublicJwk[]; readonly remote?: string }
  /** A remote key set that could not be had yet; `reason` in words. No token of the rule is good until it is there. */
  | { readonly available: false; readonly reason: string; readonly remote: string };

/** The public members of a JSON Web Key (RFC 7517), nothing else. */
export interface PublicJwk {
  readonly kty: 'RSA' | 'EC' | 'OKP';
  readonly kid?: string;
  readonly alg?: string;
  readonly n?: string;
  readonly e?: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
}

export type TokenLocation =
  /** `name` in lower case. A value without `prefix` in it holds no token. */
  | { readonly type: 'header'; readonly name: string; readonly prefix: string }
  | { readonly type: 'param'; readonly name: string }
  | { readonly type: 'cookie'; readonly name: string };

export interface ClaimHeader {
  /** Lower case. */
  readonly header: string;
  /** With dots between the names of nested claims. */
  readonly claim: string;
}

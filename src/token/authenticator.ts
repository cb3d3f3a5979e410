// Hot where tokens are asked for: one look-up by the token's hash when it was seen before.
import { hash } from 'node:crypto';
import { compareText, formatOrigin, type Origin } from '../base/index.ts';
import { BoundedCache, type TokenFacts } from '../decide/index.ts';
import type { JwtRule, RequestAuthentication, TokenLocation } from '../plan/index.ts';
import { KeyRing } from './keys.ts';
import { clockSkewSeconds, maxPendingVerifications, maxRememberedTokenLength, maxVerdicts } from './limits.ts';
import { parseToken, type ParsedToken } from './parse.ts';
import type { TokenStatus } from './status.ts';

/** A rule with its keys ready. */
export interface TokenRule {
  readonly rule: JwtRule;
  /** Tells its verdicts from those of other rules. */
  readonly index: number;
  readonly keys: KeyRing;
  readonly spaceDelimited: ReadonlySet<string>;
  /** As `plainAudience` leaves them; empty: any. */
  readonly audiences: ReadonlySet<string>;
  readonly places: ReadonlySet<TokenPlace>;
}

/** A place where some rule looks for tokens. */
export interface TokenPlace {
  readonly location: TokenLocation;
  /** The header of `location`, as what is taken out when the token is not forwarded; empty for other places. */
  readonly header: ReadonlySet<string>;
  /** The issuers whose tokens are looked for there, for reasons. */
  readonly issuers: ReadonlySet<string>;
}

/** A token that a request brought. */
export interface FoundToken {
  readonly place: TokenPlace;
  readonly text: string;
  readonly hash: string;
  /** What is known of it from requests before. */
  readonly known: Known | undefined;
  parsed: ParsedToken | TokenStatus | undefined;
}

interface Known {
  readonly parsed: ParsedToken;
  /** By `TokenRule.index`. */
  readonly verdicts: (Verdict | undefined)[];
}

/** A token that is good. */
export interface VerifiedToken {
  readonly facts: TokenFacts;
  readonly rule: JwtRule;
  /** The middle part as it came, base64url. */
  readonly payload: string;
  /** Seconds since 1970; 0: does not expire. */
  readonly expiresAt: number;
}

/** A token that is not. */
export interface RefusedToken {
  readonly status: TokenStatus;
  /** For the operator: which rule, and what it wanted; nothing of the token but its issuer. */
  readonly reason: string;
  /** The rule that refused it. */
  readonly origin: Origin;
  /** Where the keys came from that lack the token's. */
  readonly remote?: string;
}

export type Verdict = VerifiedToken | RefusedToken;

/** Why there is no verdict yet, nor will be. */
export const overloaded = 'overloaded';

/** A signature that is being checked. */
export type PendingVerdict = Promise<Verdict>;

/** `scope` and `permission` are lists wherever they come from (istio.md 1.4). */
const alwaysSpaceDelimited = ['scope', 'permission'];

/** What one proxy knows about tokens: where to look, whom to believe, and what it has found out. Lives as long as its rules. */
export class Authenticator {
  /** In the order of issuers, in which they are asked (Istio, policy_applier.go). */
  readonly rules: readonly TokenRule[];
  /** In the order in which Envoy finds tokens: headers, parameters, cookies, each by name. */
  readonly places: readonly TokenPlace[];
  /** Lower-case names of headers that only this proxy may write; what a client says there is removed. */
  readonly outputHeaders: ReadonlySet<string>;
  readonly #onKeyMissing: (remote: string, nowMs: number) => void;
  readonly #known = new BoundedCache<Known>(maxVerdicts);
  readonly #pending = new Map<string, PendingVerdict>();

  /** `onKeyMissing` is told where the keys were fetched that lack the one that a token names. */
  constructor(
    authentications: readonly RequestAuthentication[],
    onKeyMissing: (remote: string, nowMs: number) => void = () => undefined,
  ) {
    this.#onKeyMissing = onKeyMissing;
    const rules = authentications
      .flatMap((one) => one.rules)
      .sort((one, other) => compareText(one.issuer, other.issuer));
    const places = placesOf(rules);
    this.places = [...places.values()].sort((one, other) => compareText(orderOf(one), orderOf(other)));
    this.rules = rules.map((rule, index) => readyRule(rule, index, places));
    this.outputHeaders = new Set(
      rules.flatMap((rule) => [
        ...(rule.outputPayloadToHeader === undefined ? [] : [rule.outputPayloadToHeader]),
        ...rule.outputClaimToHeaders.map(({ header }) => header),
      ]),
    );
  }

  /** A token that was found, with what is known of it. */
  token(text: string, place: TokenPlace): FoundToken {
    const digest = hash('sha256', text, 'base64');
    return { text, place, hash: digest, known: this.#known.get(digest), parsed: undefined };
  }

  /** At once for a token that was seen before or needs no key to be refused; else when its signature has been checked. */
  check(token: FoundToken, rule: TokenRule, nowMs: number): Verdict | PendingVerdict | typeof overloaded {
    const nowSeconds = nowMs / 1000;
    const known = token.known?.verdicts[rule.index];
    if (known !== undefined) return expired(known, nowSeconds) ?? known;
    const key = `${rule.index} ${token.hash}`;
    const running = this.#pending.get(key);
    if (running !== undefined) return running;
    const parsed = (token.parsed ??= token.known?.parsed ?? parseToken(token.text));
    if (typeof parsed === 'string') return refused(parsed, rule, `a token in ${describe(token.place)} is malformed`);
    const refusal = judge(parsed, rule, { place: token.place, nowSeconds });
    if (refusal !== undefined) {
      if (refusal.remote !== undefined) this.#onKeyMissing(refusal.remote, nowMs);
      return refusal;
    }
    if (this.#pending.size >= maxPendingVerifications) return overloaded;
    const pending = verify(token.text, parsed, rule).then((verdict) => {
      this.#pending.delete(key);
      if (token.text.length <= maxRememberedTokenLength)
        this.#remember(token.hash, parsed).verdicts[rule.index] = verdict;
      return verdict;
    });
    this.#pending.set(key, pending);
    return pending;
  }

  #remember(digest: string, parsed: ParsedToken): Known {
    let known = this.#known.get(digest);
    if (known === undefined) {
      known = { parsed, verdicts: [] };
      this.#known.set(digest, known);
    }
    return known;
  }
}

function readyRule(rule: JwtRule, index: number, places: ReadonlyMap<string, TokenPlace>): TokenRule {
  const { keys, spaceDelimitedClaims, audiences, locations } = rule;
  return {
    rule,
    index,
    keys: new KeyRing(keys.available ? keys.jwks : []),
    spaceDelimited: new Set([...alwaysSpaceDelimited, ...spaceDelimitedClaims]),
    audiences: new Set(audiences.map(plainAudience)),
    places: new Set(locations.map((location) => places.get(JSON.stringify(location)) as TokenPlace)),
  };
}

function placesOf(rules: readonly JwtRule[]): ReadonlyMap<string, TokenPlace> {
  const places = new Map<string, TokenPlace & { readonly issuers: Set<string> }>();
  for (const { locations, issuer } of rules) {
    for (const location of locations) {
      const id = JSON.stringify(location);
      const header = new Set(location.type === 'header' ? [location.name] : []);
      const place = places.get(id) ?? { location, header, issuers: new Set() };
      place.issuers.add(issuer);
      places.set(id, place);
    }
  }
  return places;
}

const orderOfTypes = { header: 0, param: 1, cookie: 2 } as const;

function orderOf({ location }: TokenPlace): string {
  return `${orderOfTypes[location.type]} ${location.name}${location.type === 'header' ? location.prefix : ''}`;
}

/** What can be said without a key: undefined for a token that the rule takes if its signature is good. */
function judge(
  token: ParsedToken,
  ready: TokenRule,
  { place, nowSeconds }: { readonly place: TokenPlace; readonly nowSeconds: number },
): RefusedToken | undefined {
  const { rule, audiences, keys } = ready;
  if (rule.issuer !== '' && rule.issuer !== token.issuer) return unknownIssuer(token.issuer, ready, place);
  const ofTime = timeStatus(token, nowSeconds);
  if (ofTime !== undefined) return refused(ofTime, ready, timeReason(token, nowSeconds));
  if (audiences.size > 0 && !token.audiences.some((audience) => audiences.has(plainAudience(audience)))) {
    const wanted = rule.audiences.join(' or ');
    return refused('jwt_audience_not_allowed', ready, `none of the audiences of the token is ${wanted}`);
  }
  return keys.candidates(token).length > 0 ? undefined : withoutKey(token, ready);
}

/** Audiences are compared without scheme and final slash (jwt_verify_lib, check_audience.cc). */
function plainAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

function withoutKey({ alg, kid }: ParsedToken, ready: TokenRule): RefusedToken {
  const { keys } = ready.rule;
  if (!keys.available) return { ...refused('jwks_fetch_failed', ready, keys.reason), remote: keys.remote };
  const named = kid === '' ? '' : ` and kid ${JSON.stringify(kid)}`;
  const refusal = refused('jwks_no_matching_key', ready, `no key for alg ${alg}${named}`);
  return keys.remote === undefined ? refusal : { ...refusal, remote: keys.remote };
}

function unknownIssuer(issuer: string, ready: TokenRule, { issuers }: TokenPlace): RefusedToken {
  const known = [...issuers]
    .slice(0, 5)
    .map((one) => JSON.stringify(one))
    .join(', ');
  const reason = `the token is of issuer ${JSON.stringify(issuer)}, known here: ${known}`;
  return { status: 'jwt_unknown_issuer', reason, origin: ready.rule.origin };
}

function timeStatus(
  { expiresAt, notBefore }: Pick<ParsedToken, 'expiresAt' | 'notBefore'>,
  nowSeconds: number,
): 'jwt_expired' | 'jwt_not_yet_valid' | undefined {
  if (notBefore > nowSeconds + clockSkewSeconds) return 'jwt_not_yet_valid';
  return expiresAt > 0 && nowSeconds > expiresAt + clockSkewSeconds ? 'jwt_expired' : undefined;
}

function timeReason({ expiresAt, notBefore }: ParsedToken, nowSeconds: number): string {
  return notBefore > nowSeconds
    ? `the token is valid in ${Math.ceil(notBefore - nowSeconds)} s`
    : `the token expired ${Math.floor(nowSeconds - expiresAt)} s ago`;
}

/** A good verdict does not outlive its token. */
function expired(verdict: Verdict, nowSeconds: number): RefusedToken | undefined {
  if ('status' in verdict) return undefined;
  const { expiresAt, rule } = verdict;
  if (expiresAt === 0 || nowSeconds <= expiresAt + clockSkewSeconds) return undefined;
  const ago = Math.floor(nowSeconds - expiresAt);
  return {
    status: 'jwt_expired',
    reason: `the token expired ${ago} s ago (${formatOrigin(rule.origin)})`,
    origin: rule.origin,
  };
}

function refused(status: TokenStatus, { rule }: TokenRule, why: string): RefusedToken {
  return { status, reason: `${why} (${formatOrigin(rule.origin)})`, origin: rule.origin };
}

async function verify(text: string, token: ParsedToken, ready: TokenRule): Promise<Verdict> {
  const { rule, keys, spaceDelimited } = ready;
  if (!(await keys.verify(text, token.alg, keys.candidates(token)))) {
    return refused('jwt_verification_fails', ready, 'no key of the issuer made the signature');
  }
  const { issuer, subject, audiences, presenter, claims, payload, expiresAt } = token;
  return { facts: { issuer, subject, audiences, presenter, claims, spaceDelimited }, rule, payload, expiresAt };
}

function describe({ location }: TokenPlace): string {
  return `${location.type} ${location.name}`;
}

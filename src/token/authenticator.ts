// Hot where tokens are asked for: one look-up by the token's hash when it was seen before.
import { hash } from 'node:crypto';
import { formatOrigin, type Origin } from '../base/index.ts';
import { BoundedCache, type TokenFacts } from '../decide/index.ts';
import type { JwtRule, RequestAuthentication, TokenLocation } from '../plan/index.ts';
import { KeyRing } from './keys.ts';
import { clockSkewSeconds, maxPendingVerifications, maxRememberedTokenLength, maxVerdicts } from './limits.ts';
import { parseToken, type ParsedToken } from './parse.ts';
import type { TokenStatus } from './status.ts';

/** A rule with its keys ready. */
interface ReadyRule {
  readonly rule: JwtRule;
  readonly keys: KeyRing;
  readonly spaceDelimited: ReadonlySet<string>;
}

/** A place to look for tokens, with the rules that look there. */
export interface TokenPlace {
  readonly location: TokenLocation;
  readonly rules: readonly ReadyRule[];
  /** The header of `location`, as what is taken out when the token is not forwarded; empty for other places. */
  readonly header: ReadonlySet<string>;
  /** Tells the verdicts of one list of rules from those of another. */
  readonly key: string;
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
  /** The rule that refused it; absent when no rule was concerned. */
  readonly origin: Origin | undefined;
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
  readonly places: readonly TokenPlace[];
  /** Lower-case names of headers that only this proxy may write; what a client says there is removed. */
  readonly outputHeaders: ReadonlySet<string>;
  readonly #onKeyMissing: (remote: string, nowMs: number) => void;
  readonly #verdicts = new BoundedCache<Verdict>(maxVerdicts);
  readonly #pending = new Map<string, PendingVerdict>();

  /** `onKeyMissing` is told where the keys were fetched that lack the one that a token names. */
  constructor(
    authentications: readonly RequestAuthentication[],
    onKeyMissing: (remote: string, nowMs: number) => void = () => undefined,
  ) {
    this.#onKeyMissing = onKeyMissing;
    const rules = authentications.flatMap((one) => one.rules.map(readyRule));
    this.places = placesOf(rules);
    this.outputHeaders = new Set(
      rules.flatMap(({ rule }) => [
        ...(rule.outputPayloadToHeader === undefined ? [] : [rule.outputPayloadToHeader]),
        ...rule.outputClaimToHeaders.map(({ header }) => header),
      ]),
    );
  }

  /** At once for a token that was seen before or needs no key to be refused; else when its signature has been checked. */
  check(token: string, place: TokenPlace, nowMs: number): Verdict | PendingVerdict | typeof overloaded {
    const nowSeconds = nowMs / 1000;
    const isRemembered = token.length <= maxRememberedTokenLength;
    const key = `${place.key} ${hash('sha256', token, 'base64')}`;
    const known = this.#verdicts.get(key);
    if (known !== undefined) return expired(known, nowSeconds) ?? known;
    const running = this.#pending.get(key);
    if (running !== undefined) return running;
    const parsed = parseToken(token);
    if (typeof parsed === 'string')
      return { status: parsed, reason: `a token in ${describe(place.location)} is malformed`, origin: undefined };
    const found = judge(parsed, place.rules, nowSeconds);
    if ('status' in found) {
      if (found.remote !== undefined) this.#onKeyMissing(found.remote, nowMs);
      return found;
    }
    if (this.#pending.size >= maxPendingVerifications) return overloaded;
    const pending = verify(token, parsed, found.rules).then((verdict) => {
      this.#pending.delete(key);
      if (isRemembered && this.#verdicts.get(key) === undefined) this.#verdicts.set(key, verdict);
      return verdict;
    });
    this.#pending.set(key, pending);
    return pending;
  }
}

function readyRule(rule: JwtRule): ReadyRule {
  const { keys, spaceDelimitedClaims } = rule;
  return {
    rule,
    keys: new KeyRing(keys.available ? keys.jwks : []),
    spaceDelimited: new Set([...alwaysSpaceDelimited, ...spaceDelimitedClaims]),
  };
}

function placesOf(rules: readonly ReadyRule[]): readonly TokenPlace[] {
  const byLocation = new Map<string, { location: TokenLocation; rules: ReadyRule[]; indexes: number[] }>();
  for (const [index, ready] of rules.entries()) {
    for (const location of ready.rule.locations) {
      const id = JSON.stringify(location);
      const place = byLocation.get(id) ?? { location, rules: [], indexes: [] };
      byLocation.set(id, place);
      place.rules.push(ready);
      place.indexes.push(index);
    }
  }
  return [...byLocation.values()].map((place) => ({
    location: place.location,
    rules: place.rules,
    header: new Set(place.location.type === 'header' ? [place.location.name] : []),
    key: place.indexes.join(','),
  }));
}

/** What can be said without a key: the rules that the token could be good for, or why it is good for none. */
function judge(
  token: ParsedToken,
  rules: readonly ReadyRule[],
  nowSeconds: number,
): { readonly rules: readonly ReadyRule[] } | RefusedToken {
  const ofIssuer = rules.filter(({ rule }) => rule.issuer === '' || rule.issuer === token.issuer);
  const [first] = ofIssuer;
  if (first === undefined) return unknownIssuer(token.issuer, rules);
  const ofTime = timeStatus(token, nowSeconds);
  if (ofTime !== undefined) return refused(ofTime, first, timeReason(token, nowSeconds));
  const ofAudience = ofIssuer.filter(({ rule }) => isAudience(rule, token));
  if (ofAudience.length === 0) {
    return refused(
      'jwt_audience_not_allowed',
      first,
      `none of the audiences of the token is ${first.rule.audiences.join(' or ')}`,
    );
  }
  const usable = ofAudience.filter(({ keys }) => keys.candidates(token).length > 0);
  return usable.length > 0 ? { rules: usable } : withoutKey(token, ofAudience);
}

function isAudience({ audiences }: JwtRule, token: ParsedToken): boolean {
  return audiences.length === 0 || audiences.some((audience) => token.audiences.includes(audience));
}

function withoutKey({ alg, kid }: ParsedToken, rules: readonly ReadyRule[]): RefusedToken {
  const missing = rules.find(({ rule }) => !rule.keys.available);
  if (missing !== undefined && !missing.rule.keys.available) {
    return { ...refused('jwks_fetch_failed', missing, missing.rule.keys.reason), remote: missing.rule.keys.remote };
  }
  const named = kid === '' ? '' : ` and kid ${JSON.stringify(kid)}`;
  const refusal = refused('jwks_no_matching_key', rules[0] as ReadyRule, `no key for alg ${alg}${named}`);
  const remote = rules.find(({ rule }) => rule.keys.remote !== undefined)?.rule.keys.remote;
  return remote === undefined ? refusal : { ...refusal, remote };
}

function unknownIssuer(issuer: string, rules: readonly ReadyRule[]): RefusedToken {
  const known = [...new Set(rules.map(({ rule }) => JSON.stringify(rule.issuer)))].slice(0, 5).join(', ');
  return {
    status: 'jwt_unknown_issuer',
    reason: `the token is of issuer ${JSON.stringify(issuer)}, known here: ${known}`,
    origin: rules[0]?.rule.origin,
  };
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

function refused(status: TokenStatus, { rule }: ReadyRule, why: string): RefusedToken {
  return { status, reason: `${why} (${formatOrigin(rule.origin)})`, origin: rule.origin };
}

/** The first rule whose keys made the signature. */
async function verify(token: string, parsed: ParsedToken, rules: readonly ReadyRule[]): Promise<Verdict> {
  for (const ready of rules) {
    const candidates = ready.keys.candidates(parsed);
    if (await ready.keys.verify(token, parsed.alg, candidates)) return verified(parsed, ready);
  }
  return refused('jwt_verification_fails', rules[0] as ReadyRule, 'no key of the issuer made the signature');
}

function verified(token: ParsedToken, { rule, spaceDelimited }: ReadyRule): VerifiedToken {
  const { issuer, subject, audiences, presenter, claims, payload, expiresAt } = token;
  return { facts: { issuer, subject, audiences, presenter, claims, spaceDelimited }, rule, payload, expiresAt };
}

function describe(location: TokenLocation): string {
  return `${location.type} ${location.name}`;
}

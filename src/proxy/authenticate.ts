// Hot file where tokens are asked for: a token that was seen before is looked up and the request goes on at once. One that
// was not makes its request wait, with its body unread and uncredited, until the signature has been checked.
import { queryParameter, withoutParameter } from '../decide/index.ts';
import {
  claimHeaderValue,
  maxTokensPerRequest,
  overloaded,
  type Authenticator,
  type FoundToken,
  type RefusedToken,
  type TokenPlace,
  type TokenRule,
  type Verdict,
  type VerifiedToken,
} from '../token/index.ts';
import { FieldKind, internField, transientField, type Field } from '../http2/index.ts';
import { failExchange } from './ending.ts';
import type { Exchange, TokenWait } from './exchange.ts';
import type { Runtime } from './runtime.ts';

/** What goes on with a request when its verdict came later. */
export type Resume = (runtime: Runtime, exchange: Exchange) => void;

/**
 * Looks for tokens and has them verified: true when the request can go on, false when it was answered or waits; one that
 * waits goes on with `resume`.
 *
 * As the filter that Istio writes for Envoy (policy_applier.go: any of the rules, else all of them missing; verifier.cc,
 * authenticator.cc): rules are asked in turn, each for the tokens in its own places, all of which must be good for it. The
 * first that has tokens and finds no fault lets the request pass; so does their having none at all. With a rule that is met,
 * what stands where only others look is sent on unread.
 */
export function authenticate(
  runtime: Runtime,
  exchange: Exchange,
  authenticator: Authenticator,
  resume: Resume,
): boolean {
  if (authenticator.outputHeaders.size > 0) removeHeaders(exchange, authenticator.outputHeaders);
  const found = isPreflight(exchange) ? undefined : findTokens(exchange, authenticator);
  if (found === undefined) return true;
  if (found.length > maxTokensPerRequest) {
    runtime.countLimit('tokensPerRequest');
    const detail = `${found.length} tokens, at most ${maxTokensPerRequest} are looked at`;
    failExchange(exchange, 'jwt_multiple_tokens', detail);
    return false;
  }
  return judgeFrom(runtime, exchange, {
    authenticator,
    found,
    resume,
    rule: 0,
    token: found.length - 1,
    good: [],
    refused: undefined,
    isRefusalFinal: false,
  });
}

/** How far a request's tokens have been judged. */
interface Judging {
  readonly authenticator: Authenticator;
  readonly found: readonly FoundToken[];
  readonly resume: Resume;
  /** Indexes of the rule and of the token that are next; tokens from the last to the first. */
  rule: number;
  token: number;
  /** The tokens that the present rule has found good. */
  readonly good: GoodToken[];
  /** What the client is told if no rule is met. */
  refused: RefusedToken | undefined;
  isRefusalFinal: boolean;
}

interface GoodToken {
  readonly verdict: VerifiedToken;
  readonly place: TokenPlace;
}

/** Goes on from where a verdict was missing, which is `late`; true when the request may pass. */
function judgeFrom(runtime: Runtime, exchange: Exchange, judging: Judging, late?: Verdict): boolean {
  const { authenticator, found, good } = judging;
  let known = late;
  for (; judging.rule < authenticator.rules.length; judging.rule++) {
    const rule = authenticator.rules[judging.rule] as TokenRule;
    for (; judging.token >= 0; judging.token--) {
      const token = found[judging.token] as FoundToken;
      if (!rule.places.has(token.place)) continue;
      const verdict = known ?? authenticator.check(token, rule, runtime.clock.wallMs());
      known = undefined;
      if (verdict === overloaded) {
        runtime.countLimit('tokenVerifications');
        failExchange(exchange, 'limit_exceeded', 'too many tokens are being verified');
        return false;
      }
      if (verdict instanceof Promise) {
        void park(runtime, exchange, judging, verdict);
        return false;
      }
      if ('status' in verdict) {
        noteRefusal(judging, verdict);
        good.length = 0;
        break;
      }
      good.push({ verdict, place: token.place });
    }
    if (good.length > 0) {
      accept(exchange, good);
      return true;
    }
    judging.token = found.length - 1;
  }
  return refuse(exchange, judging);
}

/**
 * Of several rules that are not met Envoy tells the fault of the first; an unknown issuer is told only when there is no
 * other fault, of which else the last counts (verifier.cc, AnyVerifierImpl).
 */
function noteRefusal(judging: Judging, verdict: RefusedToken): void {
  const isFault = verdict.status !== 'jwt_unknown_issuer';
  if (judging.refused === undefined) judging.isRefusalFinal = isFault;
  if (judging.refused === undefined || (isFault && !judging.isRefusalFinal)) judging.refused = verdict;
}

function refuse(exchange: Exchange, { refused }: Judging): boolean {
  // Each place is some rule's, so that a token that was found has been judged.
  if (refused === undefined) return true;
  exchange.refusedBy = refused.origin;
  failExchange(exchange, refused.status, refused.reason);
  return false;
}

/** The wait for one verdict. What arrives of the body meanwhile stays where bytes wait for an upstream. */
async function park(runtime: Runtime, exchange: Exchange, judging: Judging, pending: Promise<Verdict>): Promise<void> {
  const wait: TokenWait = { exchange };
  exchange.tokenWait = wait;
  const verdict = await pending;
  if (wait.exchange === undefined) return;
  exchange.tokenWait = undefined;
  if (judgeFrom(runtime, exchange, judging, verdict)) judging.resume(runtime, exchange);
}

/** The rule is met: of several tokens the one that was found first says who the user is, which was judged last. */
function accept(exchange: Exchange, good: readonly GoodToken[]): void {
  for (let i = 0; i < good.length; i++) {
    const { verdict, place } = good[i] as GoodToken;
    exchange.token = verdict.facts;
    writeHeaders(exchange, verdict);
    if (!verdict.rule.forwardOriginalToken) removeToken(exchange, place);
  }
}

/** Cookies stay, as in Envoy. */
function removeToken(exchange: Exchange, { location, header }: TokenPlace): void {
  if (location.type === 'header') removeHeaders(exchange, header);
  else if (location.type === 'param') replacePath(exchange, withoutParameter(exchange.path, location.name));
}

function replacePath(exchange: Exchange, path: string): void {
  const { head, headCount } = exchange;
  exchange.path = path;
  for (let i = 0; i < headCount; i++) {
    if ((head[i] as Field).kind === FieldKind.path) head[i] = internField(':path', path);
  }
}

function writeHeaders(exchange: Exchange, { facts, rule, payload }: VerifiedToken): void {
  if (rule.outputPayloadToHeader !== undefined) addHeader(exchange, rule.outputPayloadToHeader, payload);
  for (const { header, claim } of rule.outputClaimToHeaders) {
    const value = claimHeaderValue(facts.claims, claim);
    if (value !== undefined && value !== '') addHeader(exchange, header, value);
  }
}

function addHeader(exchange: Exchange, name: string, value: string): void {
  exchange.head[exchange.headCount++] = transientField(name, value);
}

/** Takes fields out of the head that is sent on; pseudo-headers cannot be named. */
function removeHeaders(exchange: Exchange, names: ReadonlySet<string>): void {
  const { head, headCount } = exchange;
  let kept = 0;
  for (let i = 0; i < headCount; i++) {
    const field = head[i] as Field;
    if (names.has(field.name)) {
      if (exchange.timeoutIndex === i) exchange.timeoutIndex = -1;
      continue;
    }
    if (exchange.timeoutIndex === i) exchange.timeoutIndex = kept;
    head[kept++] = field;
  }
  exchange.headCount = kept;
}

/** A CORS preflight carries no credentials, and is let through as Envoy does (`bypass_cors_preflight`). */
function isPreflight({ method, head, headCount }: Exchange): boolean {
  if (method !== 'OPTIONS') return false;
  let asked = 0;
  for (let i = 0; i < headCount; i++) {
    const { name, value } = head[i] as Field;
    if ((name === 'origin' || name === 'access-control-request-method') && value !== '') asked++;
  }
  return asked >= 2;
}

/** The tokens of a request, place by place; undefined for none, so that nothing is made for a request without. */
function findTokens(exchange: Exchange, authenticator: Authenticator): FoundToken[] | undefined {
  const { places } = authenticator;
  let found: FoundToken[] | undefined;
  for (let i = 0; i < places.length; i++) {
    const place = places[i] as TokenPlace;
    const { location } = place;
    if (location.type === 'header') {
      found = findInHeaders(exchange, { authenticator, place, name: location.name, prefix: location.prefix }, found);
      continue;
    }
    const text =
      location.type === 'param' ? queryParameter(exchange.path, location.name) : cookieValue(exchange, location.name);
    if (text !== undefined) (found ??= []).push(authenticator.token(text, place));
  }
  return found;
}

interface HeaderPlace {
  readonly authenticator: Authenticator;
  readonly place: TokenPlace;
  readonly name: string;
  readonly prefix: string;
}

/** Each field by itself: joined, a second value could hide behind the first. */
function findInHeaders(
  { head, headCount }: Exchange,
  { authenticator, place, name, prefix }: HeaderPlace,
  before: FoundToken[] | undefined,
): FoundToken[] | undefined {
  let found = before;
  for (let i = 0; i < headCount; i++) {
    const field = head[i] as Field;
    const text = field.name === name ? afterPrefix(field.value, prefix) : undefined;
    if (text !== undefined) (found ??= []).push(authenticator.token(text, place));
  }
  return found;
}

const tokenStart = /[\w.-]/g;

/** What follows the prefix, wherever that stands, from the first character that a token may have (Envoy, extractor.cc). */
function afterPrefix(value: string, prefix: string): string | undefined {
  if (prefix === '') return value;
  const at = value.indexOf(prefix);
  if (at === -1) return undefined;
  tokenStart.lastIndex = at + prefix.length;
  const start = tokenStart.exec(value);
  return start === null ? value : value.slice(start.index);
}

/** The first cookie of that name, as in Envoy. */
function cookieValue({ head, headCount }: Exchange, name: string): string | undefined {
  for (let i = 0; i < headCount; i++) {
    const field = head[i] as Field;
    if (field.name !== 'cookie') continue;
    for (const pair of field.value.split(';')) {
      const at = pair.indexOf('=');
      if (at !== -1 && pair.slice(0, at).trim() === name) return unquoted(pair.slice(at + 1).trim());
    }
  }
  return undefined;
}

function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

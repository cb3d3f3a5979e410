// Hot file where tokens are asked for: a token that was seen before is looked up and the request goes on at once. One that
// was not makes its request wait, with its body unread and uncredited, until the signature has been checked.
import {
  claimHeaderValue,
  maxTokensPerRequest,
  overloaded,
  type Authenticator,
  type TokenPlace,
  type Verdict,
  type VerifiedToken,
} from '../token/index.ts';
import { transientField, type Field } from '../http2/index.ts';
import { failExchange } from './ending.ts';
import type { Exchange, TokenWait } from './exchange.ts';
import type { Runtime } from './runtime.ts';

/** What goes on with a request when its verdict came later. */
export type Resume = (runtime: Runtime, exchange: Exchange) => void;

/**
 * Looks for tokens and has them verified: true when the request can go on, false when it was answered or waits; one that
 * waits goes on with `resume`. Every token that is found must be good: with a good and a bad one, the service could take
 * the bad one for that which was verified. Envoy is content with one; Istio says of such requests that they are not supported.
 */
export function authenticate(
  runtime: Runtime,
  exchange: Exchange,
  authenticator: Authenticator,
  resume: Resume,
): boolean {
  if (authenticator.outputHeaders.size > 0) removeHeaders(exchange, authenticator.outputHeaders);
  const found = isPreflight(exchange) ? undefined : findTokens(exchange, authenticator.places);
  if (found === undefined) return true;
  if (found.length > maxTokensPerRequest) {
    runtime.countLimit('tokensPerRequest');
    const detail = `${found.length} tokens, at most ${maxTokensPerRequest} are looked at`;
    failExchange(exchange, 'jwt_multiple_tokens', detail);
    return false;
  }
  return judgeFrom(runtime, exchange, { authenticator, found, next: 0, resume });
}

interface FoundToken {
  readonly place: TokenPlace;
  readonly token: string;
}

interface Judging {
  readonly authenticator: Authenticator;
  readonly found: readonly FoundToken[];
  next: number;
  readonly resume: Resume;
}

/** Goes on from the token where the last verdict was missing; true when all are good. */
function judgeFrom(runtime: Runtime, exchange: Exchange, judging: Judging): boolean {
  const { authenticator, found } = judging;
  for (; judging.next < found.length; judging.next++) {
    const { place, token } = found[judging.next] as FoundToken;
    const verdict = authenticator.check(token, place, runtime.clock.wallMs());
    if (verdict === overloaded) {
      runtime.countLimit('tokenVerifications');
      failExchange(exchange, 'limit_exceeded', 'too many tokens are being verified');
      return false;
    }
    if (verdict instanceof Promise) {
      void park(runtime, exchange, judging, verdict);
      return false;
    }
    if (!take(exchange, verdict, place)) return false;
  }
  return true;
}

/** The wait for one verdict. What arrives of the body meanwhile stays where bytes wait for an upstream. */
async function park(runtime: Runtime, exchange: Exchange, judging: Judging, pending: Promise<Verdict>): Promise<void> {
  const wait: TokenWait = { exchange };
  exchange.tokenWait = wait;
  const verdict = await pending;
  if (wait.exchange === undefined) return;
  exchange.tokenWait = undefined;
  const { place } = judging.found[judging.next] as FoundToken;
  if (!take(exchange, verdict, place)) return;
  judging.next++;
  if (judgeFrom(runtime, exchange, judging)) judging.resume(runtime, exchange);
}

/** Acts on a verdict; false when the request ends here. The first good token says who the user is. */
function take(exchange: Exchange, verdict: Verdict, place: TokenPlace): boolean {
  if ('status' in verdict) {
    exchange.refusedBy = verdict.origin;
    failExchange(exchange, verdict.status, verdict.reason);
    return false;
  }
  exchange.token ??= verdict.facts;
  writeHeaders(exchange, verdict);
  if (!verdict.rule.forwardOriginalToken && place.header.size > 0) removeHeaders(exchange, place.header);
  return true;
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

/** All tokens of a request, place by place; undefined for none, so that nothing is made for a request without. */
function findTokens(exchange: Exchange, places: readonly TokenPlace[]): FoundToken[] | undefined {
  let found: FoundToken[] | undefined;
  for (let i = 0; i < places.length; i++) {
    const place = places[i] as TokenPlace;
    const { location } = place;
    const add = (token: string): void => void (found ??= []).push({ place, token });
    if (location.type === 'param') readParam(exchange.path, location.name, add);
    else readFields(exchange, location, add);
  }
  return found;
}

type Add = (token: string) => void;

/** Each field by itself: joined, a second value could hide behind the first. */
function readFields(
  { head, headCount }: Exchange,
  location: Exclude<TokenPlace['location'], { type: 'param' }>,
  add: Add,
): void {
  const name = location.type === 'cookie' ? 'cookie' : location.name;
  for (let i = 0; i < headCount; i++) {
    const field = head[i] as Field;
    if (field.name !== name) continue;
    if (location.type === 'cookie') readCookie(field.value, location.name, add);
    else if (field.value.startsWith(location.prefix)) add(field.value.slice(location.prefix.length).trim());
  }
}

function readCookie(value: string, name: string, add: Add): void {
  for (const pair of value.split(';')) {
    const at = pair.indexOf('=');
    if (at !== -1 && pair.slice(0, at).trim() === name) add(unquoted(pair.slice(at + 1).trim()));
  }
}

function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

function readParam(path: string, name: string, add: Add): void {
  const query = path.indexOf('?');
  if (query === -1) return;
  for (const value of new URLSearchParams(path.slice(query + 1)).getAll(name)) add(value);
}

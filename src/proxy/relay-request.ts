// Hot file: a request on its way in: read, decided, sent on. Nothing is allocated for a request that needs no waiting.
import {
  decideAuthorization,
  decideCustom,
  decideRoute,
  isMisdirected,
  missedOutbound,
  isPlainPath,
  type LocalCause,
  type RouteDecision,
} from '../decide/index.ts';
import { countMessages, resetMessageCounter } from '../grpc/index.ts';
import type { Field, Http2Stream } from '../http2/index.ts';
import { authenticate } from './authenticate.ts';
import { chooseUpstream } from './choose-upstream.ts';
import { armDeadline } from './deadline.ts';
import { failExchange } from './ending.ts';
import type { DownstreamLink, Exchange, LocalService, Scope } from './exchange.ts';
import { flushRequest, relayRequestData, stopClient } from './flow.ts';
import { endMirroredRequest, feedMirrors, sendOn } from './mirror.ts';
import { applyActions } from './route-actions.ts';
import { checkHead, readHead, type HeadRules } from './request-head.ts';
import type { Runtime } from './runtime.ts';

/** What the relay reads of the connection a request came on. */
export interface RequestSource extends DownstreamLink {
  readonly rules: HeadRules;
  /** The plan as of now. */
  readonly scope: Scope;
  /** Dispatches the request when all that has arrived with it was read. */
  dispatchSoon(exchange: Exchange): void;
}

/** A request head arrived. */
export function beginRequest(
  runtime: Runtime,
  source: RequestSource,
  stream: Http2Stream<Exchange>,
  fields: readonly Field[],
  count: number,
  endStream: boolean,
): void {
  const exchange = runtime.exchanges.take();
  stream.user = exchange;
  exchange.down = source;
  exchange.downStream = stream;
  exchange.scope = source.scope;
  exchange.requestEnded = endStream;
  exchange.startMs = source.nowMs;
  readHead(exchange, fields, count, source.rules, runtime.newRequestId);
  const { authenticator } = source.scope;
  if (authenticator !== undefined) {
    if (isRefusedByCustom(runtime, exchange, source.scope)) return failExchange(exchange, 'rbac_denied');
    if (!authenticate(runtime, exchange, authenticator, resume)) return;
  }
  const cause = decide(runtime, exchange, source.scope);
  if (cause !== undefined) failExchange(exchange, cause);
  // No cluster: this proxy answers by itself, or the request waits.
  else if (exchange.cluster !== undefined) source.dispatchSoon(exchange);
}

/** Where tokens are asked for: a CUSTOM policy comes before them. */
function isRefusedByCustom({ view }: Runtime, exchange: Exchange, { authorization }: Scope): boolean {
  if (!authorization.policies.asksCustom) return false;
  view.show(exchange.head, exchange.headCount, undefined);
  const refusal = decideCustom(authorization, view);
  exchange.authorization = refusal;
  return refusal !== undefined;
}

/** The verdict on a request's token came after what brought the request was read. */
function resume(runtime: Runtime, exchange: Exchange): void {
  const cause = decide(runtime, exchange, exchange.scope as Scope);
  if (cause !== undefined) failExchange(exchange, cause);
  else if (exchange.cluster !== undefined) sendOn(runtime, exchange);
}

/** Everything that is decided about a request before an endpoint is chosen; a cause when it goes no further. */
function decide(runtime: Runtime, exchange: Exchange, scope: Scope): LocalCause | undefined {
  const fault = checkHead(exchange);
  const { view } = runtime;
  if (fault !== undefined && !mayBeJudged(runtime, exchange, scope, fault)) return fault;
  view.show(exchange.head, exchange.headCount, exchange.token);
  const decision = decideRoute(scope.port, view);
  exchange.decision = decision;
  if (scope.sniListener !== undefined && isMisdirected(scope.sniListener, decision)) return 'misdirected';
  // Policy before routing, as in Envoy's filter chain: who may not call does not learn which routes exist.
  exchange.authorization = decideAuthorization(scope.authorization, view);
  if (exchange.authorization.shadow !== undefined) runtime.countDryRun(exchange.authorization.shadow);
  if (!exchange.authorization.allowed) return 'rbac_denied';
  const late = armDeadline(runtime, exchange);
  if (decision.type !== 'route') {
    return fault === undefined ? unrouted(runtime, exchange, scope) : missCause(exchange, scope);
  }
  if (fault !== undefined && decision.route.actions?.answersPlain !== true) return fault;
  if (late) return 'deadline';
  if (decision.route.failReason !== undefined) return 'route_failed';
  const { route } = decision;
  // A request that is no gRPC call gets here for a route with actions only, and those send on nothing else.
  const { actions } = route;
  if (actions !== undefined && !actions.isRetryOnly) return applyActions(runtime, exchange, route, actions);
  exchange.actions = actions;
  return chooseUpstream(runtime, exchange, route);
}

/**
 * Whether policies and routes are asked about a request that has a fault; none of them is ever sent on. What is no gRPC call
 * at all hears from them first that it is not allowed (403) or leads nowhere (404), as everywhere; one that has another fault
 * is asked about only where its route answers such requests by itself.
 */
function mayBeJudged(runtime: Runtime, exchange: Exchange, scope: Scope, fault: LocalCause): boolean {
  return fault === 'not_grpc' ? isPlainPath(exchange.path) : mayBeAnswered(runtime, exchange, scope);
}

function mayBeAnswered({ view }: Runtime, exchange: Exchange, { port }: Scope): boolean {
  if (!port.answersPlain || !isPlainPath(exchange.path)) return false;
  view.show(exchange.head, exchange.headCount, exchange.token);
  const decision = decideRoute(port, view);
  return decision.type === 'route' && decision.route.actions?.answersPlain === true;
}

const missCauses: Readonly<Record<RouteDecision['type'], LocalCause>> = {
  'no-listener': 'no_listener',
  'no-virtual-host': 'no_virtual_host',
  'no-route': 'no_route',
  route: 'route_failed',
};

function unrouted(runtime: Runtime, exchange: Exchange, scope: Scope): LocalCause | undefined {
  exchange.local = runtime.localService(exchange, scope);
  if (exchange.local !== undefined) {
    if (exchange.replayLength > 0 && !giveBuffered(exchange, exchange.local)) return 'limit_exceeded';
    // What was buffered may have been answered, and that have ended everything.
    if (exchange.requestEnded && !exchange.done) exchange.local.onRequestEnd(exchange);
    return undefined;
  }
  return missCause(exchange, scope);
}

function missCause(exchange: Exchange, scope: Scope): LocalCause {
  const missed = exchange.decision?.type ?? 'no-route';
  const { outbound } = scope.port;
  if (missed === 'no-virtual-host' && outbound !== undefined) return missedOutbound(outbound, exchange.authority);
  return missCauses[missed];
}

/**
 * A service of the proxy itself gets what arrived while the request's token was verified; false when that is more than the
 * replay buffer holds, which is more than any of them reads at once.
 */
function giveBuffered(exchange: Exchange, local: LocalService): boolean {
  const { replay, replayLength, requestQueue } = exchange;
  if (replay === undefined || requestQueue.byteLength > 0) return false;
  exchange.replayLength = 0;
  // It counts for itself.
  resetMessageCounter(exchange.requestMessages);
  local.onData(exchange, replay, 0, replayLength);
  return true;
}

/** Part of the request body arrived. */
export function continueRequest(
  runtime: Runtime,
  exchange: Exchange,
  chunk: Buffer,
  start: number,
  end: number,
  endStream: boolean,
): void {
  exchange.requestEnded = endStream;
  exchange.requestBytes += end - start;
  if (exchange.local !== undefined) {
    exchange.local.onData(exchange, chunk, start, end);
    if (endStream && !exchange.done) exchange.local.onRequestEnd(exchange);
    return;
  }
  if (exchange.responseEnded && (exchange.upStream === undefined || exchange.upStream.isClosed)) {
    // Nobody reads it any more.
    const { down, downStream } = exchange;
    if (downStream !== undefined) down?.connection.creditReceived(downStream, end - start);
    if (exchange.requestBytes > exchange.requestBytesAllowed && !endStream) stopClient(exchange);
    return;
  }
  countMessages(exchange.requestMessages, chunk, start, end);
  if (start === end) flushRequest(exchange);
  else relayRequestData(exchange, chunk, start, end, runtime.limits.replayBytes);
  if (exchange.mirrors !== undefined) feedMirrors(runtime, exchange, chunk, start, end);
}

/** The request ended with trailers. gRPC has none, but they are part of the message all the same. */
export function endRequestWithTrailers(
  runtime: Runtime,
  exchange: Exchange,
  fields: readonly Field[],
  count: number,
): void {
  for (let i = 0; i < count; i++) exchange.requestTrailers[i] = fields[i] as Field;
  exchange.requestTrailerCount = count;
  exchange.requestEnded = true;
  if (exchange.local !== undefined) return exchange.local.onRequestEnd(exchange);
  flushRequest(exchange);
  if (exchange.mirrors !== undefined) endMirroredRequest(runtime, exchange);
}

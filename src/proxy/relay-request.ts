// Hot file: a request on its way in: read, decided, sent on. Nothing is allocated for a request that needs no waiting.
import {
  chooseBackend,
  decideAuthorization,
  decideRoute,
  isMisdirected,
  type LocalCause,
  type RouteDecision,
} from '../decide/index.ts';
import { countMessages, formatGrpcTimeout, parseGrpcTimeout } from '../grpc/index.ts';
import { transientField, type Field, type Http2Stream } from '../http2/index.ts';
import { failExchange, releaseEndpoint } from './ending.ts';
import type { DownstreamLink, Exchange, Scope } from './exchange.ts';
import { flushRequest, hasUnsentRequest, relayRequestData, stopClient } from './flow.ts';
import { checkHead, readHead, type HeadRules } from './request-head.ts';
import type { Runtime } from './runtime.ts';
import type { UpstreamConnection } from './upstream-connection.ts';
import type { PoolFailure } from './upstream-pool.ts';

/** What the relay reads of the connection a request came on. */
export interface RequestSource extends DownstreamLink {
  readonly rules: HeadRules;
  /** The plan as of now. */
  readonly scope: Scope;
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
  const cause = decide(runtime, exchange, source.scope);
  if (cause !== undefined) failExchange(exchange, cause);
  else if (exchange.local === undefined) dispatch(runtime, exchange);
}

/** Everything that is decided about a request before an endpoint is chosen; a cause when it goes no further. */
function decide(runtime: Runtime, exchange: Exchange, scope: Scope): LocalCause | undefined {
  const fault = checkHead(exchange);
  if (fault !== undefined) return fault;
  const { view } = runtime;
  view.show(exchange.head, exchange.headCount);
  const decision = decideRoute(scope.port, view);
  exchange.decision = decision;
  if (scope.sniListener !== undefined && isMisdirected(scope.sniListener, decision)) return 'misdirected';
  // Policy before routing, as in Envoy's filter chain: who may not call does not learn which routes exist.
  exchange.authorization = decideAuthorization(scope.authorization, view);
  if (!exchange.authorization.allowed) return 'rbac_denied';
  const late = armDeadline(runtime, exchange);
  if (decision.type !== 'route') return unrouted(runtime, exchange, scope);
  if (late) return 'deadline';
  if (decision.route.failReason !== undefined) return 'route_failed';
  const backend = chooseBackend(decision.route, runtime.random);
  exchange.backend = backend;
  if (backend?.cluster === undefined) return 'backend_invalid';
  const cluster = runtime.clusters.get(backend.cluster.cluster.id);
  if (cluster === undefined) return 'cluster_not_found';
  exchange.cluster = cluster;
  if (cluster.active >= cluster.maxRequests) return 'overflow';
  cluster.active++;
  exchange.countsAtCluster = true;
  return undefined;
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
    if (exchange.requestEnded) exchange.local.onRequestEnd(exchange);
    return undefined;
  }
  return missCauses[exchange.decision?.type ?? 'no-route'];
}

/** Starts the timer of the caller's or the route's limit, whichever ends first; true when the time is up already. */
function armDeadline(runtime: Runtime, exchange: Exchange): boolean {
  const { decision, timeoutIndex } = exchange;
  const routeMs = decision?.type === 'route' ? decision.route.route.timeoutMs : undefined;
  // A value that is no timeout counts as none and is dropped below, as grpc-go and Envoy do.
  const asked = timeoutIndex === -1 ? undefined : parseGrpcTimeout((exchange.head[timeoutIndex] as Field).value);
  if (asked !== undefined) exchange.deadlineMs = exchange.startMs + asked;
  else if (timeoutIndex !== -1) dropTimeout(exchange);
  if (asked === undefined && routeMs === undefined) return false;
  const limitMs = Math.min(asked ?? Number.POSITIVE_INFINITY, routeMs ?? Number.POSITIVE_INFINITY);
  exchange.deadlineIsRoute = limitMs !== asked;
  if (limitMs <= 0) return true;
  if (limitMs <= runtime.limits.deadlineMaxMs) runtime.wheel.arm(exchange.timer, limitMs);
  return false;
}

function dropTimeout(exchange: Exchange): void {
  const { head, timeoutIndex } = exchange;
  for (let i = timeoutIndex; i < exchange.headCount - 1; i++) head[i] = head[i + 1] as Field;
  exchange.headCount--;
  exchange.timeoutIndex = -1;
}

/** Finds an endpoint for the request and hands it to that endpoint's pool. */
export function dispatch(runtime: Runtime, exchange: Exchange): void {
  if (!tryEndpoint(runtime, exchange)) failExchange(exchange, 'no_healthy_upstream');
}

function tryEndpoint(runtime: Runtime, exchange: Exchange): boolean {
  const cluster = runtime.clusters.get(exchange.backend?.cluster?.cluster.id ?? '');
  const endpoint = cluster?.choose(exchange, runtime.random);
  if (endpoint === undefined) return false;
  exchange.endpoint = endpoint;
  exchange.attempts++;
  exchange.countsAtEndpoint = true;
  endpoint.active++;
  endpoint.pool.request(exchange);
  return true;
}

/** A connection takes the request: the head goes out, and what has arrived of the body. */
export function sendRequest(
  runtime: Runtime,
  exchange: Exchange,
  connection: UpstreamConnection,
  stream: Http2Stream<Exchange>,
): void {
  exchange.up = connection;
  exchange.upStream = stream;
  exchange.upLocalAddress = connection.localAddress;
  exchange.replaySent = 0;
  exchange.requestEndSent = false;
  const { head, headCount, timeoutIndex } = exchange;
  if (timeoutIndex !== -1) {
    const leftMs = exchange.deadlineMs - runtime.wheel.nowMs();
    head[timeoutIndex] = transientField('grpc-timeout', formatGrpcTimeout(leftMs));
  }
  const isWhole = exchange.requestEnded && exchange.replayLength === 0 && exchange.requestQueue.byteLength === 0;
  const endStream = isWhole && exchange.requestTrailerCount === 0;
  exchange.requestEndSent = endStream;
  connection.connection.sendHeaders(stream, head, headCount, endStream);
  if (!endStream && (exchange.requestEnded || hasUnsentRequest(exchange))) flushRequest(exchange);
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
}

/** The request ended with trailers. gRPC has none, but they are part of the message all the same. */
export function endRequestWithTrailers(exchange: Exchange, fields: readonly Field[], count: number): void {
  for (let i = 0; i < count; i++) exchange.requestTrailers[i] = fields[i] as Field;
  exchange.requestTrailerCount = count;
  exchange.requestEnded = true;
  if (exchange.local === undefined) flushRequest(exchange);
  else exchange.local.onRequestEnd(exchange);
}

const poolCauses: Readonly<Record<PoolFailure, LocalCause>> = {
  'connect-failed': 'connect_failed',
  'connect-timeout': 'connect_timeout',
  'handshake-failed': 'connect_failed',
  'no-alpn': 'connect_failed',
  'peer-refused': 'connect_failed',
  'no-identity': 'connect_failed',
  'pending-overflow': 'overflow',
  'endpoint-removed': 'no_healthy_upstream',
};

/** A pool could not send the request: another endpoint gets it while attempts are left. */
export function retryElsewhere(runtime: Runtime, exchange: Exchange, failure: PoolFailure, detail: string): void {
  if (exchange.done || exchange.endpoint === undefined) return;
  const failed = exchange.endpoint;
  releaseEndpoint(exchange);
  exchange.tried.push(failed);
  const isLast = exchange.attempts >= runtime.limits.attemptsPerRequest || failure === 'pending-overflow';
  if (!isLast && tryEndpoint(runtime, exchange)) return;
  const { host, port } = failed.endpoint.address;
  failExchange(exchange, poolCauses[failure], `${host}:${port}: ${detail}`);
}

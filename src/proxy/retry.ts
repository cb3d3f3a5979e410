/**
 * Attempts that a route's retry policy asks for: only while the whole request is still here and nothing of a response was
 * passed on, within the policy's number and the cluster's budget. Those that are always safe (`pool-failure.ts`, gRFC A6) are
 * made whatever the policy says, but count for it, so that a request is not sent more often than Envoy sends it.
 */
import { formatOrigin } from '../base/index.ts';
import { retriesFailure, retriesResponse, retryLimit, retryWaitMs, type AttemptFailure } from '../decide/index.ts';
import type { CompiledActions } from '../decide/index.ts';
import { parseGrpcStatus } from '../grpc/index.ts';
import { ErrorCode, FieldKind, type Field } from '../http2/index.ts';
import { ActionFlag, ActionState } from './action-state.ts';
import { tryEndpoint } from './attempt.ts';
import { failExchange, leaveAttempt } from './ending.ts';
import type { Exchange } from './exchange.ts';
import type { Runtime } from './runtime.ts';

type CompiledRetry = NonNullable<CompiledActions['retry']>;

/** Begins to bound the attempts of a request whose route asks for it; to be called before the first one. */
export function limitTries(runtime: Runtime, exchange: Exchange, tryMs: number): void {
  (exchange.extra ??= new ActionState()).limitTries(tryMs, () => tryIsUp(runtime, exchange));
}

/** An attempt ended without a response. True when the policy takes care of the request, false when it has failed. */
export function retryFailure(runtime: Runtime, exchange: Exchange, failure: AttemptFailure): boolean {
  const retry = exchange.actions?.retry;
  if (retry === undefined || exchange.responseStarted || exchange.done) return false;
  if (!retriesFailure(retry, failure, exchange.upStream !== undefined)) return false;
  if (!takesRetry(exchange, retry)) return false;
  leaveAttempt(exchange, ErrorCode.CANCEL);
  scheduleRetry(runtime, exchange, undefined);
  return true;
}

/**
 * A response began. True when it is dropped and the request will be sent again; false when it is to be passed on.
 * `endStream`: it is trailers-only, or has no body.
 */
export function retryResponse(
  runtime: Runtime,
  exchange: Exchange,
  fields: readonly Field[],
  count: number,
  endStream: boolean,
): boolean {
  const retry = exchange.actions?.retry;
  if (retry === undefined) return false;
  let grpcStatus = -1;
  let pushback: string | undefined;
  for (let i = 0; i < count; i++) {
    const { kind, name, value } = fields[i] as Field;
    if (kind === FieldKind.grpcStatus) grpcStatus = parseGrpcStatus(value);
    else if (name === 'grpc-retry-pushback-ms') pushback = value;
    // Who limits the rate of requests is not helped by another one (Envoy, the condition `envoy-ratelimited` aside).
    else if (name === 'x-envoy-ratelimited') return false;
  }
  if (!retriesResponse(retry, Number((fields[0] as Field).value), grpcStatus)) return false;
  const waitMs = pushback === undefined ? undefined : pushbackMs(pushback, runtime.limits.retryPushbackMaxMs);
  if (waitMs === -1) {
    note(exchange, 'the upstream asked not to try again');
    return false;
  }
  if (!takesRetry(exchange, retry)) return false;
  // For what follows the stream is as ended as it is, though the request is not answered by it.
  exchange.upstreamEnded = endStream;
  leaveAttempt(exchange, ErrorCode.CANCEL);
  exchange.upstreamEnded = false;
  exchange.httpStatus = 0;
  exchange.grpcStatus = -1;
  scheduleRetry(runtime, exchange, waitMs);
  return true;
}

/** gRFC A6: a number is how long to wait; negative, no number, or longer than anyone should wait here: -1, no retry. */
function pushbackMs(value: string, maxMs: number): number {
  const waitMs = /^\d{1,9}$/.test(value) ? Number(value) : -1;
  return waitMs > maxMs ? -1 : waitMs;
}

/** Whether one more attempt may be made; if not, the log says why. */
function takesRetry(exchange: Exchange, { policy }: CompiledRetry): boolean {
  const { cluster, extra } = exchange;
  if (cluster === undefined) return false;
  const retries = exchange.attempts - 1;
  if (!exchange.replayable) {
    note(exchange, 'not tried again: the request is too long to be kept');
    return false;
  }
  if (retries >= policy.attempts) {
    note(exchange, `${retries} retries, ${formatOrigin(policy.origin)} asks for ${policy.attempts}`);
    (exchange.extra as ActionState).flags |= ActionFlag.retriesUsedUp;
    return false;
  }
  const limit = retryLimit(cluster.active, cluster.compiled.cluster.connectionPool);
  if (extra?.countsAsRetry !== true && cluster.retries >= limit) {
    note(exchange, `not tried again: ${cluster.retries} requests to the cluster are being retried, ${limit} may be`);
    (exchange.extra as ActionState).flags |= ActionFlag.retryOverflow;
    return false;
  }
  return true;
}

function note(exchange: Exchange, text: string): void {
  const extra = (exchange.extra ??= new ActionState());
  extra.note = extra.note === '' ? text : `${extra.note}; ${text}`;
}

/** `waitMs`: what the upstream asked for; undefined: the policy's back-off. */
function scheduleRetry(runtime: Runtime, exchange: Exchange, waitMs: number | undefined): void {
  const { actions, cluster, endpoint } = exchange;
  const policy = actions?.retry?.policy;
  if (policy === undefined || cluster === undefined) return;
  const extra = (exchange.extra ??= new ActionState());
  if (!extra.countsAsRetry) {
    extra.countsAsRetry = true;
    cluster.retries++;
  }
  const isHashed = cluster.compiled.cluster.hash !== undefined;
  if (policy.avoidTried === false || (isHashed && policy.avoidTried === 'unless-hashed')) exchange.tried.length = 0;
  else if (endpoint !== undefined && !exchange.tried.includes(endpoint)) exchange.tried.push(endpoint);
  if (policy.remoteLocalities === true && endpoint !== undefined) extra.leavePriority(endpoint.endpoint.priority ?? 0);
  const delayMs = waitMs ?? retryWaitMs(policy, extra.retries, runtime.random);
  extra.retries++;
  extra.arm(runtime.wheel, delayMs, () => tryAgain(runtime, exchange));
}

function tryAgain(runtime: Runtime, exchange: Exchange): void {
  if (exchange.done || exchange.responseEnded) return;
  if (tryEndpoint(runtime, exchange)) return;
  // Others are preferred, not insisted on.
  exchange.tried.length = 0;
  if (!tryEndpoint(runtime, exchange)) failExchange(exchange, 'no_healthy_upstream');
}

function tryIsUp(runtime: Runtime, exchange: Exchange): void {
  if (exchange.done || exchange.responseStarted) return;
  // One that ends before a connection was had says nothing about the endpoint.
  if (exchange.up !== undefined) exchange.endpoint?.noteFailure('timeout');
  if (retryFailure(runtime, exchange, 'timeout')) return;
  const place = exchange.endpoint?.endpoint.address;
  failExchange(
    exchange,
    'per_try_timeout',
    `${place?.host}:${place?.port}: ${exchange.extra?.tryMs} ms for one attempt`,
  );
}

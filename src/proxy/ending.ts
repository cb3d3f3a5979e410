// Hot file: every way a request ends passes here.
import { localAnswer, type LocalAnswer, type LocalCause } from '../decide/index.ts';
import { encodeGrpcMessage } from '../grpc/index.ts';
import { ErrorCode, internField, type Field } from '../http2/index.ts';
import type { ActionState } from './action-state.ts';
import type { Exchange } from './exchange.ts';
import { flushResponse, responseSent, stopClient } from './flow.ts';
import type { Runtime } from './runtime.ts';

const grpcHeads = new Map<LocalCause, readonly Field[]>();
const plainHeads = new Map<LocalCause, readonly Field[]>();

/**
 * The proxy answers in place of the upstream: trailers-only for gRPC, a short text otherwise. If the response had begun,
 * a gRPC client gets its status in trailers, after what has arrived for it so far; another client a reset.
 */
export function failExchange(exchange: Exchange, cause: LocalCause, detail = ''): void {
  const { down, downStream } = exchange;
  if (exchange.done || exchange.responseEnded || down === undefined || downStream === undefined) return;
  const answer = localAnswer(cause, exchange.responseStarted);
  exchange.error = answer;
  exchange.errorDetail = detail;
  leaveUpstream(exchange, ErrorCode.CANCEL);
  exchange.stopClient = true;
  exchange.responseEnded = true;
  if (exchange.responseStarted) {
    cutResponse(exchange, answer);
    return;
  }
  exchange.responseStarted = true;
  if (exchange.isGrpc) {
    exchange.httpStatus = 200;
    exchange.grpcStatus = answer.grpcStatus;
    const head = grpcHead(answer);
    down.connection.sendHeaders(downStream, head, head.length, true);
  } else {
    exchange.httpStatus = answer.httpStatus;
    const head = plainHead(answer);
    down.connection.sendHeaders(downStream, head, head.length, false);
    exchange.responseQueue.push(Buffer.from(answer.message, 'latin1'), 0, answer.message.length);
    flushResponse(exchange);
    return;
  }
  responseSent(exchange);
}

/** The request's timer: its deadline, or after an answer of our own the time its client had to end by itself. */
export function timeIsUp(exchange: Exchange): void {
  if (exchange.error !== undefined && exchange.responseEndSent) return stopClient(exchange);
  // A deadline of the caller's own says nothing about the endpoint, nor does one that ends before a connection was had.
  if (exchange.deadlineIsRoute && !exchange.responseStarted && exchange.up !== undefined)
    exchange.endpoint?.noteFailure('timeout');
  failExchange(exchange, exchange.deadlineIsRoute ? 'route_timeout' : 'deadline');
}

function cutResponse(exchange: Exchange, answer: LocalAnswer): void {
  const { down, downStream } = exchange;
  if (down === undefined || downStream === undefined) return;
  if (!exchange.isGrpc || exchange.httpStatus !== 200) {
    down.connection.resetStream(downStream, ErrorCode.INTERNAL_ERROR);
    return;
  }
  exchange.grpcStatus = answer.grpcStatus;
  exchange.trailers[0] = internField('grpc-status', String(answer.grpcStatus));
  exchange.trailers[1] = internField('grpc-message', encodeGrpcMessage(answer.message));
  exchange.trailerCount = 2;
  // A deadline must not wait for a client that does not read.
  if (answer.cause === 'deadline' || answer.cause === 'route_timeout') exchange.responseQueue.clear();
  flushResponse(exchange);
}

function grpcHead(answer: LocalAnswer): readonly Field[] {
  let head = grpcHeads.get(answer.cause);
  if (head === undefined) {
    head = [
      internField(':status', '200'),
      internField('content-type', 'application/grpc'),
      internField('grpc-status', String(answer.grpcStatus)),
      internField('grpc-message', encodeGrpcMessage(answer.message)),
      ...hintsOf(answer),
    ];
    grpcHeads.set(answer.cause, head);
  }
  return head;
}

function plainHead(answer: LocalAnswer): readonly Field[] {
  let head = plainHeads.get(answer.cause);
  if (head === undefined) {
    head = [
      internField(':status', String(answer.httpStatus)),
      internField('content-type', 'text/plain'),
      internField('content-length', String(answer.message.length)),
      ...hintsOf(answer),
    ];
    plainHeads.set(answer.cause, head);
  }
  return head;
}

const hints = {
  /** RFC 6750 §3; with 403, for an audience, too (jwt_authn/filter.cc). */
  token: [internField('www-authenticate', 'Bearer error="invalid_token"')],
  /** So that callers can tell a circuit breaker from a service that is down (Envoy, istio.md 3.3). */
  overflow: [internField('x-envoy-overloaded', 'true')],
} as const;

/** What a client is told beside. */
function hintsOf({ cause, details }: LocalAnswer): readonly Field[] {
  if (cause === 'overflow') return hints.overflow;
  return details.startsWith('jwt_authn') ? hints.token : [];
}

/** The upstream is done with the request: its place in limits and queues is free. Safe to call again. */
export function releaseSlots(exchange: Exchange): void {
  releaseEndpoint(exchange);
  if (!exchange.countsAtCluster) return;
  exchange.countsAtCluster = false;
  if (exchange.cluster !== undefined) exchange.cluster.active--;
}

/** The attempt at this endpoint is over; the request keeps its place in the cluster's limit. */
export function releaseEndpoint(exchange: Exchange): void {
  if (!exchange.countsAtEndpoint || exchange.endpoint === undefined) return;
  exchange.countsAtEndpoint = false;
  exchange.endpoint.active--;
  exchange.endpoint.forget(exchange);
}

/** Nobody waits for the verdict on the request's token any more. */
function stopWaiting(exchange: Exchange): void {
  if (exchange.tokenWait !== undefined) exchange.tokenWait.exchange = undefined;
  exchange.tokenWait = undefined;
}

/** The request has no upstream any more: its stream is reset if it is open, its place in limits and queues is free. */
export function leaveUpstream(exchange: Exchange, code: ErrorCode): void {
  if (exchange.tokenWait !== undefined) stopWaiting(exchange);
  releaseSlots(exchange);
  leaveStream(exchange, code);
}

/** The attempt under way is over, another may follow: the request keeps its place in the cluster. */
export function leaveAttempt(exchange: Exchange, code: ErrorCode): void {
  releaseEndpoint(exchange);
  leaveStream(exchange, code);
}

function leaveStream(exchange: Exchange, code: ErrorCode): void {
  const { up, upStream } = exchange;
  if (up === undefined || upStream === undefined) return;
  up.waiting.delete(exchange);
  upStream.user = undefined;
  // The engine may still be in the call that brought the end, and marks the stream as closed only after it.
  if (upStream.isClosed || (exchange.upstreamEnded && exchange.requestEndSent)) {
    // The upstream ended well, so its connection still waits for credit for what the client never took.
    if (exchange.responseQueue.byteLength > 0)
      up.connection.creditReceived(upStream, exchange.responseQueue.byteLength);
    // One that is not closed yet is released when it is.
    up.connection.releaseStream(upStream);
  } else {
    up.connection.resetStream(upStream, code);
    up.noteReset();
  }
  exchange.up = undefined;
  exchange.upStream = undefined;
}

/** The client's stream is closed: the request is booked and its record goes back to the pool. */
export function settleExchange(runtime: Runtime, exchange: Exchange): void {
  if (exchange.done) return;
  runtime.wheel.cancel(exchange.timer);
  if (exchange.extra !== undefined) endActions(runtime, exchange, exchange.extra);
  const { down, downStream } = exchange;
  leaveUpstream(exchange, ErrorCode.CANCEL);
  if (down !== undefined && downStream !== undefined) {
    down.waiting.delete(exchange);
    const owed = exchange.replayLength - exchange.replayCredited + exchange.requestQueue.byteLength;
    if (owed > 0) down.connection.creditReceived(downStream, owed);
    downStream.user = undefined;
  }
  runtime.record(exchange);
  runtime.exchanges.give(exchange);
  if (down !== undefined && downStream !== undefined) down.connection.releaseStream(downStream);
}

function endActions(runtime: Runtime, { cluster }: Exchange, extra: ActionState): void {
  runtime.wheel.cancel(extra.timer);
  if (extra.countsAsRetry && cluster !== undefined) cluster.retries--;
}

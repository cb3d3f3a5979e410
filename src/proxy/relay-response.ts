// Hot file: a response on its way back, and every way in which an upstream can fail to give one.
import { httpStatusOfGrpc, type LocalCause } from '../decide/index.ts';
import { countMessages, GrpcStatus, grpcStatusFromHttp, grpcStatusFromReset, parseGrpcStatus } from '../grpc/index.ts';
import { ErrorCode, errorCodeName, FieldKind, type Field } from '../http2/index.ts';
import { dispatch } from './attempt.ts';
import { failExchange, leaveUpstream, releaseEndpoint, releaseSlots } from './ending.ts';
import type { Exchange } from './exchange.ts';
import { flushResponse, forgetReplay, relayResponseData, responseSent } from './flow.ts';
import { changedResponse, changeResponseHeaders } from './header-operations.ts';
import { discardMirrorData, endMirror } from './mirror.ts';
import { retryFailure, retryResponse } from './retry.ts';
import type { Runtime } from './runtime.ts';
import type { UpstreamEvents } from './upstream-connection.ts';

/** The relay's answers to what upstream connections report; one object for all of them. */
export function createUpstreamEvents(runtime: Runtime): UpstreamEvents {
  return {
    onHeaders: (exchange, fields, count, endStream) => onHeaders(runtime, exchange, fields, count, endStream),
    onTrailers: (exchange, fields, count) => onTrailers(runtime, exchange, fields, count),
    onData: (exchange, chunk, start, end, endStream) => onData(runtime, exchange, chunk, start, end, endStream),
    onReset: (exchange, code, cause) => onReset(runtime, exchange, code, cause),
    onRefused: (exchange) => onRefused(runtime, exchange),
    onStreamClosed,
  };
}

function onHeaders(
  runtime: Runtime,
  exchange: Exchange,
  fields: readonly Field[],
  count: number,
  endStream: boolean,
): void {
  const { down, downStream, up } = exchange;
  const status = Number((fields[0] as Field).value);
  // Informational responses say nothing to a gRPC client, and only the final one ends the wait (RFC 9110 §15.2).
  if (status < 200 || exchange.responseStarted) return;
  if (down === undefined || downStream === undefined) {
    if (endStream) endMirror(runtime, exchange, 'answered');
    return;
  }
  exchange.httpStatus = status;
  if (endStream) readStatus(exchange, fields, count);
  // How a gRPC call ends is said at its end; Envoy would count the 200 of its headers (envoy#8228).
  if (endStream || status !== 200 || !exchange.isGrpc) noteStatus(exchange);
  if (exchange.actions !== undefined && retryResponse(runtime, exchange, fields, count, endStream)) return;
  exchange.responseStarted = true;
  exchange.firstByteMs = up?.nowMs ?? exchange.startMs;
  forgetReplay(exchange);
  if (endStream) {
    exchange.upstreamEnded = true;
    exchange.responseEnded = true;
  }
  if (exchange.actions?.changesResponse === true || exchange.setCookie !== undefined) {
    const changedCount = changeResponseHeaders(exchange, fields, count);
    down.connection.sendHeaders(downStream, changedResponse, changedCount, endStream);
  } else {
    down.connection.sendHeaders(downStream, fields, count, endStream);
  }
  if (endStream) responseSent(exchange);
}

/** For outlier detection: the gRPC status as HTTP, wherever it stood; a response that is not even 200 speaks for itself. */
function noteStatus({ endpoint, isGrpc, httpStatus, grpcStatus }: Exchange): void {
  endpoint?.noteStatus(isGrpc && httpStatus === 200 ? httpStatusOfGrpc(grpcStatus) : httpStatus);
}

function onTrailers(runtime: Runtime, exchange: Exchange, fields: readonly Field[], count: number): void {
  const { down, downStream } = exchange;
  if (exchange.responseEnded) return;
  if (down === undefined || downStream === undefined) return endMirror(runtime, exchange, 'answered');
  readStatus(exchange, fields, count);
  if (exchange.isGrpc && exchange.httpStatus === 200) noteStatus(exchange);
  exchange.upstreamEnded = true;
  exchange.responseEnded = true;
  if (exchange.responseQueue.byteLength === 0) {
    down.connection.sendHeaders(downStream, fields, count, true);
    responseSent(exchange);
    return;
  }
  for (let i = 0; i < count; i++) exchange.trailers[i] = fields[i] as Field;
  exchange.trailerCount = count;
  flushResponse(exchange);
}

function onData(
  runtime: Runtime,
  exchange: Exchange,
  chunk: Buffer,
  start: number,
  end: number,
  endStream: boolean,
): void {
  if (exchange.isMirror) return discardMirrorData(runtime, exchange, end - start, endStream);
  if (endStream) {
    exchange.upstreamEnded = true;
    exchange.responseEnded = true;
    exchange.grpcStatus = grpcStatusFromHttp(exchange.httpStatus);
    if (exchange.isGrpc && exchange.httpStatus === 200) noteStatus(exchange);
  }
  exchange.responseBytes += end - start;
  countMessages(exchange.responseMessages, chunk, start, end);
  if (start < end) relayResponseData(exchange, chunk, start, end);
  else if (endStream) flushResponse(exchange);
}

/** The final status, wherever it stands; a response without one is what clients make of its HTTP status. */
function readStatus(exchange: Exchange, fields: readonly Field[], count: number): void {
  for (let i = 0; i < count; i++) {
    const field = fields[i] as Field;
    if (field.kind !== FieldKind.grpcStatus) continue;
    exchange.grpcStatus = parseGrpcStatus(field.value);
    return;
  }
  exchange.grpcStatus = grpcStatusFromHttp(exchange.httpStatus);
}

const resetCauses: Readonly<Record<'peer' | 'protocol' | 'lost', LocalCause>> = {
  peer: 'upstream_remote_reset',
  protocol: 'upstream_protocol_error',
  lost: 'connection_termination',
};

function resetCause(code: ErrorCode, cause: 'peer' | 'protocol' | 'lost'): LocalCause {
  // The engine's own reset with this code: a limit for what a server may say before its body acted.
  if (cause === 'protocol' && code === ErrorCode.ENHANCE_YOUR_CALM) return 'response_headers_too_large';
  if (cause !== 'peer') return resetCauses[cause];
  switch (grpcStatusFromReset(code)) {
    case GrpcStatus.CANCELLED:
      return 'upstream_reset_cancelled';
    case GrpcStatus.RESOURCE_EXHAUSTED:
      return 'upstream_reset_exhausted';
    case GrpcStatus.PERMISSION_DENIED:
      return 'upstream_reset_denied';
    case GrpcStatus.INTERNAL:
      return 'upstream_reset_internal';
    default:
      return resetCauses.peer;
  }
}

function onReset(runtime: Runtime, exchange: Exchange, code: ErrorCode, cause: 'peer' | 'protocol' | 'lost'): void {
  if (exchange.isMirror) return endMirror(runtime, exchange, 'failed');
  if (exchange.responseEnded) {
    // The response is complete and must be delivered, whatever the upstream does then (RFC 9113 §8.1).
    exchange.stopClient = true;
    if (exchange.responseEndSent) responseSent(exchange);
    return;
  }
  exchange.endpoint?.noteFailure('reset');
  const { down, downStream } = exchange;
  const place = exchange.endpoint?.endpoint.address;
  const detail = `${place?.host}:${place?.port}: ${cause === 'lost' ? 'connection lost' : errorCodeName(code)}`;
  if (cause === 'peer' && exchange.responseStarted && down !== undefined && downStream !== undefined) {
    // The upstream's own verdict on a response under way: the client's library knows what each code means.
    leaveUpstream(exchange, ErrorCode.CANCEL);
    down.connection.resetStream(downStream, code);
    return;
  }
  if (exchange.actions !== undefined && retryFailure(runtime, exchange, 'reset')) return;
  failExchange(exchange, resetCause(code, cause), detail);
}

/** Transparent retry: the peer surely did not process the request, and all of it is still here (RFC 9113 §8.7). */
function onRefused(runtime: Runtime, exchange: Exchange): void {
  if (exchange.isMirror) return endMirror(runtime, exchange, 'failed');
  if (exchange.done || exchange.responseEnded) return;
  exchange.endpoint?.noteFailure('reset');
  const mayRetry = exchange.replayable && exchange.attempts < runtime.limits.attemptsPerRequest;
  if (!mayRetry) {
    if (exchange.actions !== undefined && retryFailure(runtime, exchange, 'refused')) return;
    failExchange(
      exchange,
      'upstream_remote_reset',
      'the peer refused the stream and the request could not be sent again',
    );
    return;
  }
  const { up, upStream } = exchange;
  up?.waiting.delete(exchange);
  if (upStream !== undefined) upStream.user = undefined;
  exchange.up = undefined;
  exchange.upStream = undefined;
  releaseEndpoint(exchange);
  dispatch(runtime, exchange);
}

function onStreamClosed(exchange: Exchange): void {
  releaseSlots(exchange);
  if (!exchange.responseEnded) return;
  exchange.stopClient = true;
  if (exchange.responseEndSent) responseSent(exchange);
}

// What a route answers in the upstream's place: redirects, direct responses, CORS preflights, injected errors.
import { formatOrigin } from '../base/index.ts';
import {
  isPlainAuthority,
  localAnswer,
  redirectLocation,
  type CompiledRoute,
  type LocalCause,
} from '../decide/index.ts';
import { encodeGrpcMessage, grpcStatusFromHttp, httpStatusFromGrpc } from '../grpc/index.ts';
import { internField, transientField, type Field } from '../http2/index.ts';
import type { DirectResponse, Fault, NameValue } from '../plan/index.ts';
import { changedResponse, changeResponseHeaders, plainFields } from './header-operations.ts';
import type { Exchange, Scope } from './exchange.ts';
import { flushResponse, responseSent } from './flow.ts';
import { directMessageCharacters } from './limits.ts';
import type { Runtime } from './runtime.ts';

interface RouteAnswer {
  readonly cause: LocalCause;
  readonly httpStatus: number;
  readonly grpcStatus: number;
  /** `grpc-message`; empty for none. */
  readonly message: string;
  /** UTF-8, for clients that speak no gRPC; empty for none. */
  readonly body: string;
  readonly headers: readonly Field[];
  /** For the log. */
  readonly detail: string;
}

/** Visible ASCII: what a `location` may hold. */
const plainUrl = /^[!-~]+$/;

/** Answers with the route's redirect; a cause when the request or the route makes no safe `location`. */
export function answerRedirect(runtime: Runtime, exchange: Exchange, route: CompiledRoute): LocalCause | undefined {
  const { redirect } = route;
  const { scope } = exchange;
  if (redirect === undefined || scope === undefined) return 'route_failed';
  if (!isPlainAuthority(redirect.redirect.host ?? exchange.authority)) return 'invalid_authority';
  const location = redirectLocation(redirect, {
    request: runtime.view,
    listenerPort: portOf(scope, exchange.authority),
  });
  if (!plainUrl.test(location)) return 'rewrite_invalid';
  const { status, origin } = redirect.redirect;
  answerHere(exchange, {
    cause: 'redirect',
    httpStatus: status,
    grpcStatus: grpcStatusFromHttp(status),
    message: '',
    body: '',
    headers: [transientField('location', location)],
    detail: `redirected to ${location} by ${formatOrigin(origin)}`,
  });
  return undefined;
}

/** Of the YAML. A caller within the mesh named a Service's port, or none for the well-known one, whatever this proxy listens on. */
function portOf({ port }: Scope, authority: string): number {
  if (port.port.direction !== 'outbound') return port.port.number;
  const written = /:(\d+)$/.exec(authority)?.[1];
  return written === undefined ? 80 : Number(written);
}

export function answerDirectly(exchange: Exchange, { status, body = '', origin }: DirectResponse): void {
  answerHere(exchange, {
    cause: 'direct_response',
    httpStatus: status,
    grpcStatus: grpcStatusFromHttp(status),
    message: body.slice(0, directMessageCharacters),
    body,
    headers: [],
    detail: `answered by ${formatOrigin(origin)}`,
  });
}

/** `headers`: none for an origin that is not allowed. */
export function answerPreflight(exchange: Exchange, headers: readonly NameValue[]): void {
  const { cause, httpStatus, grpcStatus } = localAnswer('cors_preflight');
  const detail = headers.length === 0 ? 'CORS preflight of an origin that is not allowed' : 'CORS preflight';
  answerHere(exchange, { cause, httpStatus, grpcStatus, message: '', body: '', headers: plainFields(headers), detail });
}

export function answerAbort(exchange: Exchange, abort: NonNullable<Fault['abort']>, { origin }: Fault): void {
  const { cause, message } = localAnswer('fault_abort');
  const isGrpcStatus = 'grpcStatus' in abort;
  answerHere(exchange, {
    cause,
    httpStatus: isGrpcStatus ? httpStatusFromGrpc(abort.grpcStatus) : abort.httpStatus,
    grpcStatus: isGrpcStatus ? abort.grpcStatus : grpcStatusFromHttp(abort.httpStatus),
    message,
    body: message,
    headers: [],
    detail: `fault injected by ${formatOrigin(origin)}`,
  });
}

/** A gRPC call gets a trailers-only response, anyone else the status itself. */
function answerHere(exchange: Exchange, answer: RouteAnswer): void {
  const { down, downStream } = exchange;
  if (exchange.done || exchange.responseEnded || down === undefined || downStream === undefined) return;
  exchange.error = localAnswer(answer.cause);
  exchange.errorDetail = answer.detail;
  exchange.stopClient = true;
  exchange.responseStarted = true;
  exchange.responseEnded = true;
  exchange.httpStatus = exchange.isGrpc ? 200 : answer.httpStatus;
  if (exchange.isGrpc) exchange.grpcStatus = answer.grpcStatus;
  const body = exchange.isGrpc ? noBytes : bodyOf(answer, exchange.method);
  const head = exchange.isGrpc ? grpcHead(answer) : plainHead(answer, body, exchange.method);
  const isAnswerOfRoute = answer.cause === 'redirect' || answer.cause === 'direct_response';
  const count = isAnswerOfRoute ? changeResponseHeaders(exchange, head, head.length) : head.length;
  down.connection.sendHeaders(downStream, isAnswerOfRoute ? changedResponse : head, count, body.length === 0);
  exchange.responseBytes = body.length;
  if (body.length === 0) {
    responseSent(exchange);
    return;
  }
  exchange.responseQueue.push(body, 0, body.length);
  flushResponse(exchange);
}

const noBytes = Buffer.alloc(0);

function grpcHead({ grpcStatus, message, headers }: RouteAnswer): Field[] {
  const head = [
    internField(':status', '200'),
    internField('content-type', 'application/grpc'),
    internField('grpc-status', String(grpcStatus)),
  ];
  if (message !== '') head.push(transientField('grpc-message', encodeGrpcMessage(message)));
  return [...head, ...headers];
}

function plainHead({ httpStatus, body: text, headers }: RouteAnswer, body: Buffer, method: string): Field[] {
  const head = [internField(':status', String(httpStatus)), ...headers];
  if (text !== '' && (body.length > 0 || method === 'HEAD')) {
    head.push(
      internField('content-type', 'text/plain'),
      transientField('content-length', String(Buffer.byteLength(text))),
    );
  }
  return head;
}

/** What HTTP allows a body (RFC 9110 §6.4.1). */
function bodyOf({ httpStatus, body }: RouteAnswer, method: string): Buffer {
  return method === 'HEAD' || httpStatus === 204 || httpStatus === 304 ? noBytes : Buffer.from(body);
}

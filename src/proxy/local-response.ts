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
import { responseSent } from './flow.ts';
import { directMessageCharacters } from './limits.ts';
import { sendLongBody } from './long-body.ts';
import type { Runtime } from './runtime.ts';

interface RouteAnswer {
  readonly cause: LocalCause;
  readonly httpStatus: number;
  readonly grpcStatus: number;
  /** `grpc-message`; empty for none. */
  readonly message: string;
  /** UTF-8, for clients that speak no gRPC; empty for none. */
  readonly body: Buffer;
  readonly headers: readonly Field[];
  /** For the log. */
  readonly detail: string;
}

const noBytes = Buffer.alloc(0);

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
    body: noBytes,
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

export function answerDirectly(exchange: Exchange, response: DirectResponse): void {
  const { status, body = '', origin } = response;
  answerHere(exchange, {
    cause: 'direct_response',
    httpStatus: status,
    grpcStatus: grpcStatusFromHttp(status),
    message: body.slice(0, directMessageCharacters),
    body: bodyOf(response),
    headers: [],
    detail: `answered by ${formatOrigin(origin)}`,
  });
}

/** `headers`: none for an origin that is not allowed. */
export function answerPreflight(exchange: Exchange, headers: readonly NameValue[]): void {
  const { cause, httpStatus, grpcStatus } = localAnswer('cors_preflight');
  const detail = headers.length === 0 ? 'CORS preflight of an origin that is not allowed' : 'CORS preflight';
  answerHere(exchange, {
    cause,
    httpStatus,
    grpcStatus,
    message: '',
    body: noBytes,
    headers: plainFields(headers),
    detail,
  });
}

export function answerAbort(exchange: Exchange, abort: NonNullable<Fault['abort']>, { origin }: Fault): void {
  const { cause, message } = localAnswer('fault_abort');
  const isGrpcStatus = 'grpcStatus' in abort;
  answerHere(exchange, {
    cause,
    httpStatus: isGrpcStatus ? httpStatusFromGrpc(abort.grpcStatus) : abort.httpStatus,
    grpcStatus: isGrpcStatus ? abort.grpcStatus : grpcStatusFromHttp(abort.httpStatus),
    message,
    body: Buffer.from(message),
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
  const hasBody = !exchange.isGrpc && answer.body.length > 0 && takesBody(answer.httpStatus, exchange.method);
  const head = exchange.isGrpc ? grpcHead(answer) : plainHead(answer);
  const isAnswerOfRoute = answer.cause === 'redirect' || answer.cause === 'direct_response';
  const count = isAnswerOfRoute ? changeResponseHeaders(exchange, head, head.length) : head.length;
  down.connection.sendHeaders(downStream, isAnswerOfRoute ? changedResponse : head, count, !hasBody);
  if (!hasBody) {
    responseSent(exchange);
    return;
  }
  exchange.responseBytes = answer.body.length;
  sendLongBody(exchange, answer.body);
}

function grpcHead({ grpcStatus, message, headers }: RouteAnswer): Field[] {
  const head = [
    internField(':status', '200'),
    internField('content-type', 'application/grpc'),
    internField('grpc-status', String(grpcStatus)),
  ];
  if (message !== '') head.push(transientField('grpc-message', encodeGrpcMessage(message)));
  return [...head, ...headers];
}

function plainHead({ httpStatus, body, headers }: RouteAnswer): Field[] {
  const head = [internField(':status', String(httpStatus)), ...headers];
  // HEAD is told what GET would be (RFC 9110 §9.3.2).
  if (body.length > 0 && takesBody(httpStatus, 'GET')) {
    head.push(internField('content-type', 'text/plain'), transientField('content-length', String(body.length)));
  }
  return head;
}

/** Whether HTTP allows the response a body (RFC 9110 §6.4.1). */
function takesBody(status: number, method: string): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 304;
}

/** Direct responses live as long as their plan; requests share the bytes of a long body. */
const bodies = new WeakMap<DirectResponse, Buffer>();

function bodyOf(response: DirectResponse): Buffer {
  let body = bodies.get(response);
  if (body === undefined) {
    body = Buffer.from(response.body ?? '');
    bodies.set(response, body);
  }
  return body;
}

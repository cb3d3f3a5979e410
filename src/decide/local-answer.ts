/**
 * What the proxy answers itself, and why: one table of HTTP status, gRPC status, message, Envoy response flag and details
 * (Envoy's `response_code_details`; Istio's users know both from their logs). To a gRPC client `:status` is 200 and `httpStatus` is never
 * sent. Messages name no address, certificate or file, since they go to whoever asks.
 */

import { jwtRows } from './jwt-answers.ts';

/** The numbers of `google.rpc.Code` that the table uses. */
const grpc = {
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  cancelled: 1,
} as const;

export interface LocalAnswer {
  readonly cause: LocalCause;
  readonly httpStatus: number;
  readonly grpcStatus: number;
  /** `grpc-message`, not yet percent-encoded; to other clients the body. */
  readonly message: string;
  /** Envoy's response flag, `-` for none (RBAC has none). */
  readonly flag: string;
  /** Response code details; for `rbac_denied` the authorization decision has the better one. */
  readonly details: string;
  /** Whose fault it is, for the log and for metrics of refusals. */
  readonly source: 'downstream' | 'upstream' | 'internal';
}

type Row = Omit<LocalAnswer, 'cause'>;

const upstreamText = 'upstream connect error or disconnect/reset before headers. reset reason: ';

const rows = {
  no_route: row(404, grpc.unimplemented, 'no route for this host and method', 'NR', 'route_not_found', 'downstream'),
  no_listener: row(404, grpc.unimplemented, 'no route for this host and method', 'NR', 'route_not_found', 'downstream'),
  no_virtual_host: row(
    404,
    grpc.unimplemented,
    'no route for this host and method',
    'NR',
    'route_not_found',
    'downstream',
  ),
  // Istio's route `block_all` of a sidecar: a direct response, without a flag.
  unknown_host: row(502, grpc.unavailable, 'no such host in the mesh', '-', 'direct_response', 'downstream'),
  invalid_path: row(
    404,
    grpc.unimplemented,
    'path is not /package.Service/Method',
    'NR',
    'grpc_path_invalid',
    'downstream',
  ),
  method_not_post: row(405, grpc.unimplemented, 'gRPC calls use POST', 'DPE', 'grpc_method_not_post', 'downstream'),
  not_grpc: row(
    415,
    grpc.unknown,
    'content-type is not application/grpc',
    'DPE',
    'grpc_content_type_invalid',
    'downstream',
  ),
  misdirected: row(
    421,
    grpc.unavailable,
    'this connection serves another host',
    'NR',
    'misdirected_request',
    'downstream',
  ),
  rbac_denied: row(
    403,
    grpc.permissionDenied,
    'RBAC: access denied',
    '-',
    'rbac_access_denied_matched_policy[none]',
    'downstream',
  ),
  ...jwtRows,
  cluster_not_found: row(503, grpc.unavailable, 'no such backend', 'NC', 'cluster_not_found', 'internal'),
  backend_invalid: row(500, grpc.unavailable, 'the route has no valid backend', 'NC', 'backend_invalid', 'internal'),
  route_failed: row(500, grpc.unavailable, 'the route cannot be served as written', 'NC', 'route_invalid', 'internal'),
  /** A Service that nothing runs behind, called by an app through its sidecar. */
  idle_host: row(503, grpc.unavailable, 'no healthy upstream', 'UH', 'no_healthy_upstream', 'upstream'),
  no_healthy_upstream: row(503, grpc.unavailable, 'no healthy upstream', 'UH', 'no_healthy_upstream', 'upstream'),
  connect_failed: reset('UF', 'remote connection failure', 'remote_connection_failure'),
  connect_timeout: reset('UF', 'connection timeout', 'connection_timeout'),
  connection_termination: reset('UC', 'connection termination', 'connection_termination'),
  upstream_remote_reset: reset('UR', 'remote reset', 'remote_reset'),
  // What the code of the reset says to a gRPC client (PROTOCOL-HTTP2.md, Errors); Envoy says UNAVAILABLE to all of them.
  upstream_reset_internal: remoteReset(grpc.internal),
  upstream_reset_cancelled: remoteReset(grpc.cancelled),
  upstream_reset_exhausted: remoteReset(grpc.resourceExhausted),
  upstream_reset_denied: remoteReset(grpc.permissionDenied),
  upstream_protocol_error: {
    ...reset('UPE', 'protocol error', 'protocol_error'),
    httpStatus: 502,
    grpcStatus: grpc.internal,
  },
  overflow: reset('UO', 'overflow', 'overflow'),
  deadline: row(504, grpc.deadlineExceeded, 'deadline exceeded', 'UT', 'response_timeout', 'downstream'),
  route_timeout: row(504, grpc.deadlineExceeded, 'upstream request timeout', 'UT', 'response_timeout', 'upstream'),
  idle_timeout: row(408, grpc.unavailable, 'stream idle timeout', 'SI', 'stream_idle_timeout', 'downstream'),
  draining: row(503, grpc.unavailable, 'the proxy is shutting down', 'LR', 'draining', 'internal'),
  headers_too_large: row(
    431,
    grpc.resourceExhausted,
    'request headers are too large',
    'DPE',
    'request_headers_too_large',
    'downstream',
  ),
  response_headers_too_large: row(
    502,
    grpc.resourceExhausted,
    'response headers are too large',
    'UPE',
    'response_headers_too_large',
    'upstream',
  ),
  limit_exceeded: row(429, grpc.resourceExhausted, 'a limit of the proxy was exceeded', 'OM', 'overload', 'downstream'),
  downstream_protocol_error: row(400, grpc.internal, 'malformed request', 'DPE', 'http2.violation', 'downstream'),
  downstream_reset: row(
    0,
    grpc.cancelled,
    'the client cancelled the call',
    'DC',
    'downstream_remote_reset',
    'downstream',
  ),
  downstream_disconnect: row(
    0,
    grpc.cancelled,
    'the client went away',
    'DC',
    'downstream_remote_disconnect',
    'downstream',
  ),
  // What a route answers itself: statuses and texts are the route's own, those here stand in where it has none.
  redirect: row(301, grpc.unknown, 'the route redirects', '-', 'direct_response', 'internal'),
  direct_response: row(200, grpc.unknown, 'the route answers itself', '-', 'direct_response', 'internal'),
  cors_preflight: row(200, grpc.unknown, 'a CORS preflight', '-', 'cors_response', 'internal'),
  fault_abort: row(503, grpc.unavailable, 'fault filter abort', 'FI', 'fault_filter_abort', 'internal'),
  invalid_authority: row(
    400,
    grpc.invalidArgument,
    'the authority is no host and port',
    'DPE',
    'authority_invalid',
    'downstream',
  ),
  rewrite_invalid: row(
    500,
    grpc.unavailable,
    'the route cannot be served as written',
    'NC',
    'rewritten_path_invalid',
    'internal',
  ),
  per_try_timeout: row(
    504,
    grpc.deadlineExceeded,
    'upstream request timeout',
    'UT',
    'upstream_per_try_timeout',
    'upstream',
  ),
  internal: row(500, grpc.internal, 'internal error of the proxy', 'LR', 'internal_error', 'internal'),
} as const satisfies Readonly<Record<string, Row>>;

/** Why the proxy answers in place of the upstream. */
export type LocalCause = keyof typeof rows;

export const localCauses = Object.keys(rows) as readonly LocalCause[];

const answers = new Map<LocalCause, LocalAnswer>(localCauses.map((cause) => [cause, { cause, ...rows[cause] }]));
const answersAfterStart = new Map<LocalCause, LocalAnswer>(
  localCauses.map((cause) => {
    const answer: LocalAnswer = { cause, ...rows[cause] };
    return [cause, { ...answer, details: answer.details.replace('before_response_started', 'after_response_started') }];
  }),
);

/** The answer for a cause, always the same object. `responseStarted` changes the details only. */
export function localAnswer(cause: LocalCause, responseStarted = false): LocalAnswer {
  return (responseStarted ? answersAfterStart : answers).get(cause) as LocalAnswer;
}

function row(
  httpStatus: number,
  grpcStatus: number,
  message: string,
  flag: string,
  details: string,
  source: Row['source'],
): Row {
  return { httpStatus, grpcStatus, message, flag, details, source };
}

function remoteReset(grpcStatus: number): Row {
  return { ...reset('UR', 'remote reset', 'remote_reset'), grpcStatus };
}

/** An upstream that failed: 503 and UNAVAILABLE, in Envoy's words. */
function reset(flag: string, reason: string, detail: string): Row {
  const details = `upstream_reset_before_response_started{${detail}}`;
  return row(503, grpc.unavailable, upstreamText + reason, flag, details, 'upstream');
}

// Hot file: copies a request's fields into its record, leaving out what must not pass, and adds what this hop knows.
import { isGrpcPath, type LocalCause } from '../decide/index.ts';
import { FieldKind, headerName, internField, transientField, type Field } from '../http2/index.ts';
import type { Exchange } from './exchange.ts';

/** What a connection contributes to the head of each of its requests; fixed, hence made once per connection. */
export interface HeadRules {
  /** At a gateway: what outsiders say about identity and origin is removed (Istio `SANITIZE_SET`, `use_remote_address`). */
  readonly isEdge: boolean;
  /** The first proxy of a call, a gateway or a sidecar towards its own app: makes a request id where there is none. */
  readonly isFirstHop: boolean;
  /** Address appended to `x-forwarded-for` at the edge. */
  readonly remoteIp: string;
  readonly forwardedFor: Field;
  readonly forwardedProto: Field;
  /** What an outsider says about the scheme is replaced by what its connection is. */
  readonly scheme: Field;
  /**
   * This hop's element of `x-forwarded-client-cert`, for peers with a verified certificate. Without one the header is
   * removed: only a verified peer may speak about who came before it (Istio `APPEND_FORWARD`).
   */
  readonly clientCert: Field | undefined;
}

const requestIdName = headerName('x-request-id');
const teTrailers = internField('te', 'trailers');

/** Fills `exchange.head` with the fields to send on and `method`, `path`, …; `newId` makes a request id where none came. */
export function readHead(
  exchange: Exchange,
  fields: readonly Field[],
  count: number,
  rules: HeadRules,
  newId: () => string,
): void {
  const { head } = exchange;
  let at = 0;
  let host: Field | undefined;
  let forwardedFor: Field | undefined;
  let clientCert: Field | undefined;
  exchange.authority = '';
  for (let i = 0; i < count; i++) {
    const field = fields[i] as Field;
    switch (field.kind) {
      case FieldKind.scheme:
        head[at++] = rules.isEdge ? rules.scheme : field;
        continue;
      case FieldKind.method:
        exchange.method = field.value;
        break;
      case FieldKind.path:
        exchange.path = field.value;
        break;
      case FieldKind.authority:
        exchange.authority = field.value;
        break;
      case FieldKind.contentType:
        exchange.isGrpc = isGrpcType(field.value);
        break;
      case FieldKind.userAgent:
        exchange.userAgent = field.value;
        break;
      case FieldKind.xRequestId:
        exchange.requestId = field.value;
        break;
      case FieldKind.grpcTimeout:
        exchange.timeoutIndex = at;
        break;
      case FieldKind.xForwardedClientCert:
        if (!rules.isEdge) clientCert = joined(clientCert, field);
        continue;
      case FieldKind.xForwarded:
        if (field.name === 'x-forwarded-for') forwardedFor = joined(forwardedFor, field);
        else if (!rules.isEdge) break;
        continue;
      case FieldKind.host:
        // `:authority` wins, so that no two components can read two hosts (RFC 9113 §8.3.1).
        host = field;
        continue;
      case FieldKind.te:
      case FieldKind.grpcStatus:
      case FieldKind.grpcMessage:
      case FieldKind.expect:
        continue;
      case FieldKind.xEnvoy:
      case FieldKind.forwarded:
      case FieldKind.proxyClaim:
        if (rules.isEdge) continue;
        break;
    }
    head[at++] = field;
  }
  at = addHost(exchange, at, host);
  head[at++] = teTrailers;
  at = addForwarded(exchange, at, rules, forwardedFor);
  if (rules.clientCert !== undefined) head[at++] = appended(clientCert, rules.clientCert);
  if (exchange.requestId === '' && rules.isFirstHop) {
    exchange.requestId = newId();
    head[at++] = transientField(requestIdName, exchange.requestId);
  }
  exchange.headCount = at;
}

/**
 * Why the head is no gRPC request (PROTOCOL-HTTP2.md; the engine has checked the HTTP/2 rules already). The path must be
 * exactly `/package.Service/Method`, bytewise: nothing is normalised, so router, policy and backend see the same bytes.
 */
export function checkHead(exchange: Exchange): LocalCause | undefined {
  if (!exchange.isGrpc) return 'not_grpc';
  if (exchange.method !== 'POST') return 'method_not_post';
  return isGrpcPath(exchange.path) ? undefined : 'invalid_path';
}

/** `application/grpc`, also with a `+proto` suffix or parameters; but not `application/grpc-web`, another protocol. */
export function isGrpcType(value: string): boolean {
  if (!value.startsWith('application/grpc')) return false;
  const next = value.charCodeAt(16);
  return Number.isNaN(next) || next === 0x2b || next === 0x3b || next === 0x20;
}

function addHost(exchange: Exchange, at: number, host: Field | undefined): number {
  if (host === undefined || exchange.authority !== '') return at;
  exchange.authority = host.value;
  // Pseudo-header fields must come first, so the host moves to where `:authority` would have been.
  const { head } = exchange;
  for (let i = at; i > 0; i--) head[i] = head[i - 1] as Field;
  head[0] = internField(':authority', host.value);
  if (exchange.timeoutIndex !== -1) exchange.timeoutIndex++;
  return at + 1;
}

function addForwarded(exchange: Exchange, at: number, rules: HeadRules, forwardedFor: Field | undefined): number {
  const { head } = exchange;
  let next = at;
  if (rules.isEdge) {
    head[next++] =
      forwardedFor === undefined
        ? rules.forwardedFor
        : transientField('x-forwarded-for', `${forwardedFor.value},${rules.remoteIp}`);
    head[next++] = rules.forwardedProto;
  } else if (forwardedFor !== undefined) {
    head[next++] = forwardedFor;
  }
  return next;
}

function joined(first: Field | undefined, second: Field): Field {
  return first === undefined ? second : transientField(first.name, `${first.value},${second.value}`);
}

function appended(before: Field | undefined, own: Field): Field {
  return before === undefined ? own : transientField(own.name, `${before.value},${own.value}`);
}

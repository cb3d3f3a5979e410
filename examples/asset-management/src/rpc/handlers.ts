import type {
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleBidiStreamingCall,
  handleUnaryCall,
  Metadata,
  ServerDuplexStream,
  ServerReadableStream,
  ServerWritableStream,
} from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { ServiceError } from '../errors.ts';
import { CallEnded } from './streams.ts';

/** The four kinds of gRPC methods as async functions: what they throw becomes the status of the call. */
export function unary<Request, Response>(
  handle: (request: Request) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    handle(call.request).then(
      (response) => callback(null, response),
      (error: unknown) => callback(toStatus(error, call.getPath())),
    );
  };
}

export function serverStreaming<Request, Response>(
  handle: (call: ServerWritableStream<Request, Response>) => Promise<void>,
): handleServerStreamingCall<Request, Response> {
  return (call) => finish(call, handle(call));
}

export function clientStreaming<Request, Response>(
  handle: (call: ServerReadableStream<Request, Response>) => Promise<Response>,
): handleClientStreamingCall<Request, Response> {
  return (call, callback) => {
    handle(call).then(
      (response) => callback(null, response),
      (error: unknown) => callback(toStatus(error, call.getPath())),
    );
  };
}

export function bidiStreaming<Request, Response>(
  handle: (call: ServerDuplexStream<Request, Response>) => Promise<void>,
): handleBidiStreamingCall<Request, Response> {
  return (call) => finish(call, handle(call));
}

interface StreamingCall {
  end(): unknown;
  emit(event: 'error', error: StatusError): boolean;
  getPath(): string;
}

function finish(call: StreamingCall, work: Promise<void>): void {
  work.then(
    () => call.end(),
    (error: unknown) => call.emit('error', toStatus(error, call.getPath())),
  );
}

interface StatusError extends Error {
  readonly code: status;
  readonly details: string;
  readonly metadata?: Metadata;
}

/** The status that a caller gets for an error. Only a ServiceError is meant for callers; others are logged, not told. */
function toStatus(error: unknown, path: string): StatusError {
  if (error instanceof ServiceError) {
    const { message, code } = error;
    return Object.assign(new Error(message), { code, details: message, metadata: error.trailers() });
  }
  // Nobody will read this status: @grpc/grpc-js has already closed the call.
  if (error instanceof CallEnded) {
    return Object.assign(new Error(error.message), { code: status.CANCELLED, details: error.message });
  }
  console.error(`asset-management: ${path} failed:`, error);
  if (isConnectionFailure(error)) {
    const unavailable = new ServiceError(status.UNAVAILABLE, {
      message: 'the database cannot be reached at the moment',
      reason: 'DATABASE_UNAVAILABLE',
    });
    return toStatus(unavailable, path);
  }
  return Object.assign(new Error('internal error'), { code: status.INTERNAL, details: 'internal error' });
}

/** Codes of Node for connections that fail, and classes of PostgreSQL's for those that are refused or cut. */
const connectionFailureCode = /^(?:ECONN|ENOENT|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|08|53|57P)/;
/** Failures of the driver `pg` that have no code. */
const connectionFailureMessage = /^(?:timeout exceeded when trying to connect|Connection terminated)/;

function isConnectionFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return connectionFailureCode.test(code) || connectionFailureMessage.test(error.message);
}

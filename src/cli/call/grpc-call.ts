import { constants, type ClientHttp2Stream } from 'node:http2';
import {
  decodeBinaryMetadata,
  decodeGrpcMessage,
  encodeMessage,
  formatGrpcTimeout,
  grpcStatusFromHttp,
  grpcStatusFromReset,
  GrpcStatus,
  isBinaryMetadata,
  MessageDecoder,
  parseGrpcStatus,
} from '../../grpc/index.ts';
import type { Connection } from './dial.ts';
import type { Deadline } from './deadline.ts';
import { reasonOf } from './failure.ts';
import { encodeBase64, type Metadata } from './metadata.ts';

/** How a call ended. */
export interface CallResult {
  readonly code: number;
  readonly message: string;
  /** `google.rpc.Status` bytes where the server sent details. */
  readonly detailsBytes: Uint8Array | undefined;
  readonly trailers: Metadata;
}

/** One call in progress, of any streaming kind. */
export interface GrpcCall {
  /** Sends a message; resolves when there is room for the next. After the end of the call messages go nowhere. */
  send(message: Uint8Array): Promise<void>;
  /** Says that no more messages follow. */
  closeSend(): void;
  cancel(): void;
  /** Resolves when the response starts; empty when the call ended without headers of its own. */
  readonly headers: Promise<Metadata>;
  /** Response messages as they come; ends with the call, whatever its status. To be used once. */
  messages(): AsyncGenerator<Uint8Array>;
  /** Resolves when the call has ended and `messages()` has been read. */
  readonly result: Promise<CallResult>;
}

export interface CallStart {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly metadata: Metadata;
  readonly userAgent: string;
  readonly maxMessageBytes: number;
  readonly deadline: Deadline;
}

/** Starts a call (PROTOCOL-HTTP2.md). Never rejects: failures of the connection are results too. */
export function startCall(connection: Connection, start: CallStart): GrpcCall {
  const headers = Promise.withResolvers<Metadata>();
  const result = Promise.withResolvers<CallResult>();
  let response: readonly string[] | undefined;
  let trailers: readonly string[] | undefined;
  let broken: { readonly code: number; readonly message: string } | undefined;
  const stream = request(connection, start);
  if (stream instanceof Error) return failedCall(stream);

  stream.on('response', (...[, flags, raw]: ResponseArguments) => {
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) trailers = raw;
    else response = raw;
    headers.resolve(toMetadata(response ?? []));
  });
  stream.on('trailers', (...[, , raw]: ResponseArguments) => (trailers = raw));
  stream.on('error', () => {});
  const onDeadline = (): void => {
    broken ??= { code: GrpcStatus.DEADLINE_EXCEEDED, message: 'context deadline exceeded' };
    stream.close(constants.NGHTTP2_CANCEL);
  };
  if (start.deadline.signal.aborted) onDeadline();
  start.deadline.signal.addEventListener('abort', onDeadline, { once: true });

  const finish = (streamError: unknown): void => {
    start.deadline.signal.removeEventListener('abort', onDeadline);
    headers.resolve(toMetadata(response ?? []));
    const status = broken ?? endStatus({ response, trailers, streamError, stream });
    result.resolve({
      ...status,
      detailsBytes: detailsOf(trailers ?? []),
      trailers: toMetadata(trailers ?? []),
    });
  };
  return {
    send: (message) => sendMessage(stream, message),
    closeSend: () => stream.end(),
    cancel: () => stream.close(constants.NGHTTP2_CANCEL),
    headers: headers.promise,
    async *messages() {
      const decoder = new MessageDecoder({ maxMessageBytes: start.maxMessageBytes });
      let streamError: unknown;
      try {
        for await (const chunk of stream) {
          const messages = decoder.push(chunk);
          if ('grpcStatus' in messages) {
            broken = { code: messages.grpcStatus, message: messages.message };
            break;
          }
          yield* messages;
        }
        const unfinished = decoder.end();
        if (unfinished !== undefined) broken ??= { code: unfinished.grpcStatus, message: unfinished.message };
      } catch (error) {
        streamError = error;
      }
      stream.close(constants.NGHTTP2_CANCEL);
      finish(streamError);
    },
    result: result.promise,
  };
}

type ResponseArguments = readonly [headers: unknown, flags: number, rawHeaders: readonly string[]];

function request(connection: Connection, start: CallStart): ClientHttp2Stream | Error {
  const fields: Record<string, string | string[]> = {
    ':method': 'POST',
    ':scheme': connection.scheme,
    ':path': start.path,
    ':authority': connection.authority,
    'content-type': 'application/grpc',
    'user-agent': start.userAgent,
    te: 'trailers',
    'grpc-accept-encoding': 'identity',
  };
  const timeoutMs = start.deadline.remainingMs();
  if (timeoutMs !== undefined) fields['grpc-timeout'] = formatGrpcTimeout(timeoutMs);
  for (const [name, values] of start.metadata) {
    fields[name] = isBinaryMetadata(name) ? values.map(encodeBase64) : [...values];
  }
  try {
    return connection.session.request(fields, { endStream: false });
  } catch (error) {
    return error instanceof Error ? error : new Error(reasonOf(error));
  }
}

function sendMessage(stream: ClientHttp2Stream, message: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.closed || stream.writableEnded) return resolve();
    if (stream.write(encodeMessage(message))) return resolve();
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}

function endStatus(end: {
  readonly response: readonly string[] | undefined;
  readonly trailers: readonly string[] | undefined;
  readonly streamError: unknown;
  readonly stream: ClientHttp2Stream;
}): { readonly code: number; readonly message: string } {
  const first = end.response ?? end.trailers ?? [];
  const status = valueOf(end.trailers ?? [], 'grpc-status');
  if (status !== undefined) {
    return {
      code: parseGrpcStatus(status),
      message: decodeGrpcMessage(valueOf(end.trailers ?? [], 'grpc-message') ?? ''),
    };
  }
  const httpStatus = Number(valueOf(first, ':status') ?? 0);
  const contentType = valueOf(first, 'content-type') ?? '';
  if (httpStatus !== 0 && (httpStatus !== 200 || !contentType.startsWith('application/grpc'))) {
    const kind = contentType === '' ? 'no content-type' : `content-type "${contentType}"`;
    const text = `not a gRPC response: HTTP status ${httpStatus}, ${kind}`;
    return { code: grpcStatusFromHttp(httpStatus), message: text };
  }
  const { rstCode, session } = end.stream;
  if (session === undefined || session.destroyed || session.closed) {
    const reason = end.streamError === undefined ? 'the connection was closed' : reasonOf(end.streamError);
    return { code: GrpcStatus.UNAVAILABLE, message: `error reading from server: ${reason}` };
  }
  if (rstCode !== undefined && rstCode !== constants.NGHTTP2_NO_ERROR) {
    const message = `the stream was reset with HTTP/2 error code ${rstCode}`;
    return { code: grpcStatusFromReset(rstCode), message };
  }
  return { code: GrpcStatus.INTERNAL, message: 'server closed the stream without sending trailers' };
}

/** The protocol's own fields are not metadata. */
const hiddenNames: ReadonlySet<string> = new Set([
  'grpc-status',
  'grpc-message',
  'grpc-encoding',
  'grpc-message-type',
  'grpc-timeout',
  'te',
  'user-agent',
]);

function toMetadata(raw: readonly string[]): Metadata {
  const metadata = new Map<string, string[]>();
  for (const [name, value] of pairs(raw)) {
    if (name.startsWith(':') || hiddenNames.has(name)) continue;
    const values = isBinaryMetadata(name)
      ? (decodeBinaryMetadata(value)?.map((bytes) => bytes.toString('latin1')) ?? [value])
      : [value];
    metadata.set(name, [...(metadata.get(name) ?? []), ...values]);
  }
  return metadata;
}

function detailsOf(trailers: readonly string[]): Uint8Array | undefined {
  return decodeBinaryMetadata(valueOf(trailers, 'grpc-status-details-bin') ?? '')?.find((bytes) => bytes.length > 0);
}

function valueOf(raw: readonly string[], name: string): string | undefined {
  return pairs(raw).find(([one]) => one === name)?.[1];
}

/** Node gives raw headers as one list of names and values in turn. */
function pairs(raw: readonly string[]): [name: string, value: string][] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? '']] : []));
}

/** A call that could not even be started, for example over a name that HTTP/2 does not allow. */
function failedCall(error: Error): GrpcCall {
  const result: CallResult = {
    code: GrpcStatus.INTERNAL,
    message: error.message,
    detailsBytes: undefined,
    trailers: new Map(),
  };
  return {
    send: () => Promise.resolve(),
    closeSend() {},
    cancel() {},
    headers: Promise.resolve(new Map()),
    async *messages() {},
    result: Promise.resolve(result),
  };
}

import { connect, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import type { TestMethod } from '../schema.ts';
import { Arrivals, type MetadataMap, type Received } from '../test-service.ts';
import { decodeStatusMessage, frameMessage, headersFromMetadata, MessageReader, metadataFromHeaders } from '../wire.ts';
import {
  serverName,
  type CallOptions,
  type ClientCall,
  type InteropClient,
  type Outcome,
  type Target,
} from './client.ts';

const cancelled = { code: 1, message: 'cancelled here' };
const deadlineExceeded = { code: 4, message: 'deadline exceeded' };
const internal = 13;
const unavailable = 14;

/** Megabytes: by default Node resets new streams of a session above 10, which 100 large calls at once exceed. */
const memory = { maxSessionMemory: 1_000 };

/** A client on nghttp2 (node:http2), with gRPC by hand: it sees and sets the compressed flag of each message. */
export function nghttp2Client({ port, caPem }: Target): InteropClient {
  const session =
    caPem === undefined
      ? connect(`http://127.0.0.1:${port}`, memory)
      : connect(`https://127.0.0.1:${port}`, { ...memory, ca: caPem, servername: serverName });
  session.on('error', () => undefined);
  return {
    call: (method, options = {}) => {
      const request = session.request(
        {
          ':method': 'POST',
          ':path': method.path,
          ...(caPem === undefined ? {} : { ':authority': serverName }),
          te: 'trailers',
          'content-type': 'application/grpc',
          'grpc-accept-encoding': 'gzip',
          ...(options.compress === true ? { 'grpc-encoding': 'gzip' } : {}),
          ...(options.timeoutMs === undefined ? {} : { 'grpc-timeout': `${options.timeoutMs * 1000}u` }),
          ...headersFromMetadata(options.metadata ?? {}),
        },
        { endStream: false },
      );
      return followed(request, method, options);
    },
    close: () => session.destroy(),
  };
}

function followed(request: ClientHttp2Stream, method: TestMethod, options: CallOptions): ClientCall {
  const messages = new Arrivals<Received>();
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const reader = new MessageReader();
  let headers: MetadataMap = {};
  let last: IncomingHttpHeaders | undefined;
  let own: { readonly code: number; readonly message: string } | undefined;
  const stop = (outcome: typeof own) => {
    own ??= outcome;
    request.close(8);
  };
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(stop, options.timeoutMs, deadlineExceeded);
  request.on('response', (received) => {
    headers = metadataFromHeaders(received);
    if ('grpc-status' in received || Number(received[':status']) !== 200) last = received;
  });
  request.on('trailers', (received) => (last = received));
  request.on('data', (chunk: Buffer) => {
    for (const { compressed, bytes } of reader.push(chunk))
      messages.push({ message: method.responseDeserialize(bytes), compressed });
  });
  request.on('error', () => undefined);
  request.on('close', () => {
    clearTimeout(timer);
    messages.end();
    resolve({ ...(own ?? statusOf(request, last, headers)), headers, trailers: metadataFromHeaders(last ?? {}) });
  });
  return {
    send: (message, { compress = options.compress ?? false } = {}) =>
      void request.write(frameMessage(method.requestSerialize(message), compress)),
    end: () => void request.end(),
    cancel: () => stop(cancelled),
    next: () => messages.next(),
    outcome: promise,
  };
}

function statusOf(
  request: ClientHttp2Stream,
  last: IncomingHttpHeaders | undefined,
  headers: MetadataMap,
): { readonly code: number; readonly message: string } {
  const text = last?.['grpc-status'];
  if (typeof text === 'string')
    return { code: Number(text), message: decodeStatusMessage(String(last?.['grpc-message'] ?? '')) };
  if (Number(last?.[':status']) === 404) return { code: 12, message: 'HTTP 404' };
  if (request.rstCode === 0 && Object.keys(headers).length > 0) return { code: 2, message: 'no grpc-status' };
  return { code: request.rstCode === 7 ? unavailable : internal, message: `reset with ${request.rstCode}` };
}

/** A gRPC client without a schema, for calls through proxies. */
import {
  credentials,
  makeGenericClientConstructor,
  Metadata,
  type CallOptions,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import type { Address } from '../../src/proxy/index.ts';
import { echoService } from './proxy-backend.ts';
import { publicHost } from './proxy-plan.ts';

export interface Answer {
  readonly code: number;
  readonly details: string;
  readonly message: Buffer;
  readonly headers: Metadata;
  readonly trailers: Metadata;
}

type UnaryCallback = (error: ServiceError | null, reply?: Buffer) => void;

interface RawEchoClient extends Client {
  Unary(request: Buffer, metadata: Metadata, options: CallOptions, callback: UnaryCallback): ClientUnaryCall;
  Fail(request: Buffer, metadata: Metadata, options: CallOptions, callback: UnaryCallback): ClientUnaryCall;
  Hang(request: Buffer, metadata: Metadata, options: CallOptions, callback: UnaryCallback): ClientUnaryCall;
  ServerStream(request: Buffer): ClientReadableStream<Buffer>;
  ClientStream(callback: UnaryCallback): ClientWritableStream<Buffer>;
  Bidi(): ClientDuplexStream<Buffer, Buffer>;
}

export interface EchoClient {
  readonly raw: RawEchoClient;
  unary(request: Buffer | string, options?: CallSettings): Promise<Answer>;
  /** Begins a unary call and gives it to cancel. */
  start(method: 'Unary' | 'Fail' | 'Hang', options?: CallSettings): { call: ClientUnaryCall; answer: Promise<Answer> };
  close(): void;
}

export interface CallSettings {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export function echoClient(address: Address, authority = publicHost): EchoClient {
  const Constructor = makeGenericClientConstructor(echoService, 'test.Echo');
  const raw = new Constructor(`${address.host}:${address.port}`, credentials.createInsecure(), {
    'grpc.default_authority': authority,
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    'grpc.use_local_subchannel_pool': 1,
    // Tests see what the proxies answer, not what the client's library makes of it.
    'grpc.enable_retries': 0,
  }) as unknown as RawEchoClient;
  const start: EchoClient['start'] = (method, settings = {}) => begin(raw, method, Buffer.from('hello'), settings);
  return {
    raw,
    start,
    unary: (request, settings = {}) => begin(raw, 'Unary', Buffer.from(request), settings).answer,
    close: () => raw.close(),
  };
}

function begin(
  raw: RawEchoClient,
  method: 'Unary' | 'Fail' | 'Hang',
  request: Buffer,
  { metadata = {}, timeoutMs }: CallSettings,
): { call: ClientUnaryCall; answer: Promise<Answer> } {
  const sent = new Metadata();
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
  const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  const { promise, resolve } = Promise.withResolvers<Answer>();
  let headers = new Metadata();
  let error: ServiceError | null = null;
  let reply: Buffer = Buffer.alloc(0);
  const call = raw[method](request, sent, options, (failure, answer) => {
    error = failure;
    reply = answer ?? Buffer.alloc(0);
  });
  call.on('metadata', (received) => (headers = received));
  call.on('status', ({ code, details, metadata: trailers }) => {
    // The callback comes in the same turn, before or after this event.
    setImmediate(() => resolve({ code, details: error?.details ?? details, message: reply, headers, trailers }));
  });
  return { call, answer: promise };
}

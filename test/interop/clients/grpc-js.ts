import {
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  type CallOptions as GrpcCallOptions,
  type ClientDuplexStream,
  type ClientUnaryCall,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import type { TestMessage, TestMethod } from '../schema.ts';
import { Arrivals, type MetadataMap, type Received } from '../test-service.ts';
import {
  serverName,
  type CallOptions,
  type ClientCall,
  type InteropClient,
  type Outcome,
  type Target,
} from './client.ts';

const noCompress = 2;

/** A client on @grpc/grpc-js. Compression is a setting of its channels, so it has one of each. */
export function grpcJsClient({ port, caPem }: Target): InteropClient {
  const channelCredentials =
    caPem === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(caPem));
  const settings = {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    'grpc.max_receive_message_length': -1,
    ...(caPem === undefined ? {} : { 'grpc.ssl_target_name_override': serverName }),
  };
  const plain = new Client(`127.0.0.1:${port}`, channelCredentials, settings);
  let gzip: Client | undefined;
  return {
    call: (method, options = {}) => {
      if (options.compress === true)
        gzip ??= new Client(`127.0.0.1:${port}`, channelCredentials, {
          ...settings,
          'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
        });
      return begin(options.compress === true && gzip !== undefined ? gzip : plain, method, options);
    },
    close: () => {
      plain.close();
      gzip?.close();
    },
  };
}

function begin(client: Client, method: TestMethod, options: CallOptions): ClientCall {
  const metadata = new Metadata();
  for (const [key, values] of Object.entries(options.metadata ?? {}))
    for (const value of values) metadata.add(key, value);
  const callOptions: GrpcCallOptions =
    options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs };
  const results = new Results();
  if (!method.requestStream) return unaryRequest(client, method, { metadata, callOptions, results });
  const call = (
    method.responseStream
      ? client.makeBidiStreamRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          metadata,
          callOptions,
        )
      : client.makeClientStreamRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          metadata,
          callOptions,
          results.callback,
        )
  ) as ClientDuplexStream<TestMessage, TestMessage>;
  results.follow(call, method.responseStream);
  return {
    send: (message, { compress = options.compress ?? false } = {}) =>
      void call.write(message, (compress ? 0 : noCompress) as never),
    end: () => call.end(),
    cancel: () => call.cancel(),
    next: () => results.messages.next(),
    outcome: results.outcome,
  };
}

/** The API for these kinds wants the request when the call begins, so the call begins when it is sent. */
function unaryRequest(
  client: Client,
  method: TestMethod,
  start: { readonly metadata: Metadata; readonly callOptions: GrpcCallOptions; readonly results: Results },
): ClientCall {
  const { metadata, callOptions, results } = start;
  let call: ClientUnaryCall | undefined;
  return {
    send: (message) => {
      call = method.responseStream
        ? client.makeServerStreamRequest(
            method.path,
            method.requestSerialize,
            method.responseDeserialize,
            message,
            metadata,
            callOptions,
          )
        : client.makeUnaryRequest(
            method.path,
            method.requestSerialize,
            method.responseDeserialize,
            message,
            metadata,
            callOptions,
            results.callback,
          );
      results.follow(call, method.responseStream);
    },
    end: () => undefined,
    cancel: () => call?.cancel(),
    next: () => results.messages.next(),
    outcome: results.outcome,
  };
}

class Results {
  readonly messages = new Arrivals<Received>();
  readonly outcome: Promise<Outcome>;
  readonly callback: (error: ServiceError | null, response?: TestMessage) => void;
  readonly #settle: (outcome: Outcome) => void;
  #headers: MetadataMap = {};

  constructor() {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.outcome = promise;
    this.#settle = resolve;
    this.callback = (_error, response) => {
      if (response !== undefined) this.messages.push({ message: response, compressed: undefined });
    };
  }

  follow(call: ClientUnaryCall, isStream: boolean): void {
    call.on('metadata', (metadata: Metadata) => (this.#headers = mapOf(metadata)));
    if (isStream) {
      call.on('data', (message: TestMessage) => this.messages.push({ message, compressed: undefined }));
      call.on('error', () => undefined);
    }
    call.on('status', ({ code, details, metadata }: StatusObject) => {
      // A unary call's callback and the last message of a stream come in the same turn.
      setImmediate(() => {
        this.messages.end();
        this.#settle({ code, message: details, headers: this.#headers, trailers: mapOf(metadata) });
      });
    });
  }
}

function mapOf(metadata: Metadata): MetadataMap {
  return Object.fromEntries(Object.keys(metadata.getMap()).map((key) => [key, metadata.get(key)]));
}

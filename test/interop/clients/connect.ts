import { fromBinary, toBinary, type DescMethod, type Message } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { compressionGzip, createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { describedService, type TestMethod } from '../schema.ts';
import { Arrivals, type MetadataMap, type Received } from '../test-service.ts';
import {
  serverName,
  type CallOptions,
  type ClientCall,
  type InteropClient,
  type Outcome,
  type Target,
} from './client.ts';

/** A client on Connect for Node, gRPC protocol. */
export function connectClient({ port, caPem }: Target): InteropClient {
  const baseUrl = `${caPem === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const sessionManager = new Http2SessionManager(
    baseUrl,
    {},
    {
      // Megabytes: by default Node resets new streams of a session above 10, which 100 large calls at once exceed.
      maxSessionMemory: 1_000,
      ...(caPem === undefined ? {} : { ca: caPem, servername: serverName }),
    },
  );
  const make = (compress: boolean) =>
    createGrpcTransport({
      baseUrl,
      sessionManager,
      acceptCompression: [compressionGzip],
      ...(compress ? { sendCompression: compressionGzip, compressMinBytes: 0 } : {}),
    });
  const plain = make(false);
  const gzip = make(true);
  const described = [describedService('TestService'), describedService('UnimplementedService')];
  return {
    call: (method, options = {}) => {
      const found = described.flatMap((service) => service.methods).find((one) => pathOf(one) === method.path);
      if (found === undefined) throw new Error(`no method ${method.path}`);
      return begin(options.compress === true ? gzip : plain, { method, described: found }, options);
    },
    close: () => sessionManager.abort(),
  };
}

type GrpcTransport = ReturnType<typeof createGrpcTransport>;

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function begin(
  transport: GrpcTransport,
  { method, described }: { readonly method: TestMethod; readonly described: DescMethod },
  options: CallOptions,
): ClientCall {
  const requests = new Arrivals<Message>();
  const responses = new Arrivals<Received>();
  const abort = new AbortController();
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  let headers: MetadataMap = {};
  let trailers: MetadataMap = {};
  const run = async (): Promise<void> => {
    const input = requestsOf(requests);
    const common = [abort.signal, options.timeoutMs, headersOf(options.metadata ?? {})] as const;
    const first = method.requestStream || method.responseStream ? undefined : await requests.next();
    const response =
      first === undefined
        ? await transport.stream(described as never, ...common, input as never)
        : await transport.unary(described as never, ...common, first);
    headers = mapOf(response.header);
    const push = (message: Message) =>
      responses.push({
        message: method.responseDeserialize(Buffer.from(toBinary(described.output, message))),
        compressed: undefined,
      });
    if (response.stream) for await (const message of response.message) push(message);
    else push(response.message);
    trailers = mapOf(response.trailer);
  };
  run().then(
    () => finish({ code: 0, message: '' }),
    (reason: unknown) => {
      const error = ConnectError.from(reason);
      finish({ code: error.code, message: error.rawMessage }, error.metadata);
    },
  );
  const finish = (status: { code: number; message: string }, metadata?: Headers): void => {
    responses.end();
    resolve({ ...status, headers, trailers: metadata === undefined ? trailers : mapOf(metadata) });
  };
  return {
    send: (message) => requests.push(fromBinary(described.input, method.requestSerialize(message))),
    end: () => requests.end(),
    cancel: () => abort.abort(),
    next: () => responses.next(),
    outcome: promise,
  };
}

async function* requestsOf(requests: Arrivals<Message>): AsyncIterable<Message> {
  for (let next = await requests.next(); next !== undefined; next = await requests.next()) yield next;
}

function headersOf(metadata: MetadataMap): Headers {
  const headers = new Headers();
  for (const [name, values] of Object.entries(metadata))
    for (const value of values)
      headers.append(name, typeof value === 'string' ? value : value.toString('base64').replace(/=+$/, ''));
  return headers;
}

function mapOf(headers: Headers): MetadataMap {
  return Object.fromEntries(
    [...headers].map(([name, value]) => [name, [name.endsWith('-bin') ? Buffer.from(value, 'base64') : value]]),
  );
}

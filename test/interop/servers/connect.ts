import { once } from 'node:events';
import { createServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { fromBinary, toBinary, type DescMethod, type Message } from '@bufbuild/protobuf';
import { ConnectError, type HandlerContext } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { describedService, methods, type MethodName, type TestMessage } from '../schema.ts';
import { Arrivals, echoInitial, echoTrailing, serve, type MetadataMap, type Received } from '../test-service.ts';
import type { RunningServer } from './running.ts';

/** Megabytes: by default Node resets new streams of a session above 10, which 100 large calls at once exceed. */
const memory = { maxSessionMemory: 1_000 };

/** The TestService on Connect for Node, gRPC only. It compresses by size, not by message, and does not show the flag. */
export async function startConnectServer(): Promise<RunningServer> {
  const described = describedService('TestService');
  const implementation = Object.fromEntries(
    described.methods.filter((method) => method.name in methods).map((method) => [method.localName, handlerOf(method)]),
  );
  const handler = connectNodeAdapter({
    grpc: true,
    grpcWeb: false,
    connect: false,
    routes: (router) => void router.service(described, implementation as never),
  });
  const server = createServer(memory, handler);
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const session of sessions) session.destroy();
    },
  };
}

function handlerOf(described: DescMethod): unknown {
  const name = described.name as MethodName;
  const incoming = (message: Message): TestMessage =>
    methods[name].requestDeserialize(Buffer.from(toBinary(described.input, message)));
  const outgoing = (message: TestMessage): Message =>
    fromBinary(described.output, methods[name].responseSerialize(message));
  const isStream = (value: unknown): value is AsyncIterable<Message> =>
    typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

  async function* run(request: Message | AsyncIterable<Message>, context: HandlerContext): AsyncIterable<Message> {
    const arrivals = new Arrivals<Received>();
    const responses = new Arrivals<TestMessage>();
    const fill = async (): Promise<void> => {
      if (isStream(request)) {
        for await (const message of request) arrivals.push({ message: incoming(message), compressed: undefined });
      } else {
        arrivals.push({ message: incoming(request), compressed: undefined });
      }
    };
    void fill()
      .catch(() => undefined)
      .finally(() => arrivals.end());
    const ending = serve(name, {
      metadata: metadataOf(context.requestHeader),
      next: () => arrivals.next(),
      sendHeaders: (headers) => write(context.responseHeader, headers),
      send: (message) => Promise.resolve(responses.push(message)),
      isCancelled: () => context.signal.aborted,
    }).finally(() => responses.end());
    for (let next = await responses.next(); next !== undefined; next = await responses.next()) yield outgoing(next);
    const { code, message, trailers } = await ending;
    write(context.responseTrailer, trailers);
    if (code !== 0) throw new ConnectError(message, code);
  }

  if (described.methodKind === 'server_streaming' || described.methodKind === 'bidi_streaming') return run;
  return async (request: Message | AsyncIterable<Message>, context: HandlerContext): Promise<Message> => {
    let answer = outgoing({});
    for await (const message of run(request, context)) answer = message;
    return answer;
  };
}

/** Only what the suite echoes. */
function metadataOf(headers: Headers): MetadataMap {
  return Object.fromEntries(
    [echoInitial, echoTrailing].flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, [name.endsWith('-bin') ? Buffer.from(value, 'base64') : value]]];
    }),
  );
}

function write(headers: Headers, metadata: MetadataMap): void {
  for (const [name, values] of Object.entries(metadata))
    for (const value of values)
      headers.append(name, typeof value === 'string' ? value : value.toString('base64').replace(/=+$/, ''));
}

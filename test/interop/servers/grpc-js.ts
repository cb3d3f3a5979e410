import {
  Metadata,
  Server,
  ServerCredentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerDuplexStream,
  type ServerReadableStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { methodNames, methods, type MethodName, type TestMessage } from '../schema.ts';
import { Arrivals, serve, type MetadataMap, type Received, type ServedCall } from '../test-service.ts';
import type { RunningServer } from './running.ts';

/** The TestService on @grpc/grpc-js. It neither sees nor sets the compressed flag of a message. */
export async function startGrpcJsServer(): Promise<RunningServer> {
  const server = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
  const implementation: UntypedServiceImplementation = {};
  for (const name of methodNames) implementation[name] = handlerOf(name);
  server.addService(methods, implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, close: () => server.forceShutdown() };
}

type AnyHandler =
  | handleUnaryCall<TestMessage, TestMessage>
  | handleClientStreamingCall<TestMessage, TestMessage>
  | handleServerStreamingCall<TestMessage, TestMessage>
  | handleBidiStreamingCall<TestMessage, TestMessage>;

function handlerOf(name: MethodName): AnyHandler {
  const { requestStream, responseStream } = methods[name];
  if (responseStream) {
    return ((call) => {
      const served = servedCall(
        call,
        requestStream ? arrivalsOf(call) : single((call as unknown as { request: TestMessage }).request),
        async (message) => {
          if (!call.write(message))
            await new Promise((resolve) => call.once('drain', resolve).once('cancelled', resolve));
        },
      );
      void serve(name, served).then(({ code, message, trailers }) => {
        if (code === 0) call.end(toMetadata(trailers));
        else call.emit('error', { code, details: message, metadata: toMetadata(trailers) });
      });
    }) satisfies handleBidiStreamingCall<TestMessage, TestMessage>;
  }
  return ((call, done) => {
    let response: TestMessage = {};
    const requests = requestStream ? arrivalsOf(call) : single(call.request);
    const served = servedCall(call, requests, (message) => {
      response = message;
      return Promise.resolve();
    });
    void serve(name, served).then(({ code, message, trailers }) => {
      const metadata = toMetadata(trailers);
      if (code === 0) done(null, response, metadata);
      else done({ code, details: message, metadata });
    });
  }) satisfies handleUnaryCall<TestMessage, TestMessage>;
}

function single(request: TestMessage): Arrivals<Received> {
  const arrivals = new Arrivals<Received>();
  arrivals.push({ message: request, compressed: undefined });
  arrivals.end();
  return arrivals;
}

function arrivalsOf(call: unknown): Arrivals<Received> {
  const arrivals = new Arrivals<Received>();
  const stream = call as ServerReadableStream<TestMessage, TestMessage>;
  stream.on('data', (message: TestMessage) => arrivals.push({ message, compressed: undefined }));
  stream.on('end', () => arrivals.end());
  stream.on('cancelled', () => arrivals.end());
  return arrivals;
}

function servedCall(
  call: Pick<ServerDuplexStream<TestMessage, TestMessage>, 'metadata' | 'sendMetadata' | 'cancelled'>,
  arrivals: Arrivals<Received>,
  send: (message: TestMessage) => Promise<void>,
): ServedCall {
  const metadata: MetadataMap = Object.fromEntries(
    Object.keys(call.metadata.getMap()).map((key) => [key, call.metadata.get(key)]),
  );
  return {
    metadata,
    next: () => arrivals.next(),
    sendHeaders: (headers) => call.sendMetadata(toMetadata(headers)),
    send,
    isCancelled: () => call.cancelled,
  };
}

function toMetadata(map: MetadataMap): Metadata {
  const metadata = new Metadata();
  for (const [key, values] of Object.entries(map)) for (const value of values) metadata.add(key, value);
  return metadata;
}

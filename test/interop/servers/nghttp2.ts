import { once } from 'node:events';
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { methodNames, methods, type TestMethod } from '../schema.ts';
import { Arrivals, serve, type MetadataMap, type Received, type ServedCall } from '../test-service.ts';
import { encodeStatusMessage, frameMessage, headersFromMetadata, MessageReader, metadataFromHeaders } from '../wire.ts';
import type { RunningServer } from './running.ts';

const unimplemented = 12;

/** Megabytes: by default Node resets new streams of a session above 10, which 100 large calls at once exceed. */
const memory = { maxSessionMemory: 1_000 };

/** The TestService on nghttp2 (node:http2), with gRPC by hand: the stack that checks and sets compressed flags. */
export async function startNghttp2Server(): Promise<RunningServer> {
  const server = createServer(memory);
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => undefined);
    const name = methodNames.find((one) => methods[one].path === headers[':path']);
    if (name === undefined) {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': unimplemented },
        { endStream: true },
      );
      stream.resume();
      return;
    }
    const call = new StreamCall(stream, metadataFromHeaders(headers), methods[name]);
    void serve(name, call).then(({ code, message, trailers }) => call.end(code, message, trailers));
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

class StreamCall implements ServedCall {
  readonly metadata: MetadataMap;
  readonly #stream: ServerHttp2Stream;
  readonly #arrivals = new Arrivals<Received>();
  readonly #method: TestMethod;
  #trailers: Readonly<Record<string, unknown>> = {};

  constructor(stream: ServerHttp2Stream, metadata: MetadataMap, method: TestMethod) {
    this.#stream = stream;
    this.#method = method;
    this.metadata = metadata;
    const reader = new MessageReader();
    stream.on('data', (chunk: Buffer) => {
      for (const { compressed, bytes } of reader.push(chunk))
        this.#arrivals.push({ message: method.requestDeserialize(bytes), compressed });
    });
    stream.on('end', () => this.#arrivals.end());
    stream.on('close', () => this.#arrivals.end());
    stream.on('wantTrailers', () => stream.sendTrailers(this.#trailers as Record<string, string>));
  }

  next(): Promise<Received | undefined> {
    return this.#arrivals.next();
  }

  isCancelled = (): boolean => this.#stream.destroyed;

  sendHeaders(headers: MetadataMap): void {
    if (this.#stream.destroyed || this.#stream.headersSent) return;
    this.#stream.respond(
      {
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-encoding': 'gzip',
        ...headersFromMetadata(headers),
      },
      { waitForTrailers: true },
    );
  }

  async send(message: Parameters<TestMethod['responseSerialize']>[0], compress: boolean): Promise<void> {
    this.sendHeaders({});
    if (this.#stream.destroyed) return;
    if (!this.#stream.write(frameMessage(this.#method.responseSerialize(message), compress)))
      await new Promise((resolve) => this.#stream.once('drain', resolve).once('close', resolve));
  }

  end(code: number, message: string, trailers: MetadataMap): void {
    if (this.#stream.destroyed) return;
    const last = {
      'grpc-status': String(code),
      ...(message === '' ? {} : { 'grpc-message': encodeStatusMessage(message) }),
      ...headersFromMetadata(trailers),
    };
    if (this.#stream.headersSent) {
      this.#trailers = last;
      this.#stream.end();
    } else {
      this.#stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...last }, { endStream: true });
    }
  }
}

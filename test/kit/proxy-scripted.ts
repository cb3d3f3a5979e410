/** An HTTP/2 application whose every frame a test decides, in plaintext. */
import {
  internField,
  type ConnectionHandler,
  type Field,
  type Http2Connection,
  type Http2Stream,
} from '../../src/http2/index.ts';
import type { Address } from '../../src/proxy/index.ts';
import { Http2Transport, listen, TimerWheel } from '../../src/transport/index.ts';

export interface ScriptedRequest {
  readonly connection: Http2Connection<ScriptedRequest>;
  readonly stream: Http2Stream<ScriptedRequest>;
  /** Counted from 0 over the life of the application. */
  readonly connectionIndex: number;
  /** Counted from 0 over the life of the application. */
  readonly requestIndex: number;
  readonly path: string;
  header(name: string): string | undefined;
  /** Each value of a repeated header, in order. */
  headers(name: string): string[];
  /** Sends a header section: names and values in order. */
  send(fields: readonly (readonly [string, string])[], endStream: boolean): void;
  /** Sends response headers. */
  begin(): void;
  /** Sends one gRPC message of this many bytes; false when part of it waits for the window, see `Script.onDrain`. */
  message(bytes: number): boolean;
  /** Ends with trailers; trailers-only when `begin` was not called. */
  end(grpcStatus?: number): void;
  /** Cuts the TCP connection. */
  kill(): void;
}

export interface ScriptedBackend {
  readonly address: Address;
  connections: number;
  requests: number;
  /** Request bytes received, and the number of streams reset by the proxy with the code of the last one. */
  receivedBytes: number;
  resets: number[];
  close(): Promise<void>;
}

export interface Script {
  onRequest(request: ScriptedRequest): void;
  /** The request's half ended. */
  onEnd?(request: ScriptedRequest): void;
  onReset?(request: ScriptedRequest, code: number): void;
  onPing?(): void;
  /** The message that waited for the window has left. */
  onDrain?(request: ScriptedRequest): void;
  /** Return false to keep the credit for these bytes. */
  onData?(request: ScriptedRequest, bytes: number): boolean;
}

export async function startScripted(script: Script): Promise<ScriptedBackend> {
  const wheel = new TimerWheel();
  const open = new Set<Http2Transport<ScriptedRequest>>();
  const backend = { connections: 0, requests: 0, receivedBytes: 0, resets: [] as number[] };
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    security: { mode: 'plaintext' },
    onRefused: () => undefined,
    onConnection: (socket, facts) => {
      const connectionIndex = backend.connections++;
      const waiting: Place['waiting'] = [];
      const transport: Http2Transport<ScriptedRequest> = new Http2Transport<ScriptedRequest>({
        socket,
        facts,
        role: 'server',
        wheel,
        onWritable: () => undefined,
        onClose: () => open.delete(transport),
        handler: handlerFor(script, backend, () => ({ transport, connectionIndex, waiting })),
      });
      open.add(transport);
    },
  });
  return Object.assign(backend, {
    address: listener.address,
    close: async () => {
      await listener.close();
      for (const transport of open) transport.destroy();
      wheel.close();
    },
  });
}

interface Place {
  readonly transport: Http2Transport<ScriptedRequest>;
  readonly connectionIndex: number;
  /** Sends on; gives the request whose message has left, or undefined when it waits again. */
  readonly waiting: (() => ScriptedRequest | undefined)[];
}

function handlerFor(
  script: Script,
  backend: { requests: number; receivedBytes: number; resets: number[] },
  here: () => Place,
): ConnectionHandler<ScriptedRequest> {
  const ended = (request: ScriptedRequest | undefined): void => {
    if (request !== undefined) script.onEnd?.(request);
  };
  return {
    onHeaders: (stream, fields, count, endStream) => {
      const { connectionIndex } = here();
      const request = makeRequest(here(), stream, fields.slice(0, count), {
        connectionIndex,
        requestIndex: backend.requests++,
      });
      stream.user = request;
      script.onRequest(request);
      if (endStream) ended(request);
    },
    onTrailers: (stream) => ended(stream.user),
    onData: (stream, _chunk, start, end, endStream) => {
      backend.receivedBytes += end - start;
      const request = stream.user;
      const credits = request === undefined || script.onData === undefined || script.onData(request, end - start);
      if (credits) here().transport.connection.creditReceived(stream, end - start);
      if (endStream) ended(request);
    },
    onReset: (stream, code) => {
      backend.resets.push(code);
      if (stream.user !== undefined) script.onReset?.(stream.user, code);
    },
    onWindow: () => {
      for (const resume of here().waiting.splice(0)) {
        const request = resume();
        if (request !== undefined) script.onDrain?.(request);
      }
    },
    onStreamClosed: () => undefined,
    onSettings: () => undefined,
    onPingAck: () => undefined,
    onPing: () => script.onPing?.(),
    onGoaway: () => undefined,
    onRefused: () => undefined,
    onConnectionError: () => undefined,
    onLimit: () => undefined,
  };
}

function makeRequest(
  { transport, waiting }: Place,
  stream: Http2Stream<ScriptedRequest>,
  fields: readonly Field[],
  index: { readonly connectionIndex: number; readonly requestIndex: number },
): ScriptedRequest {
  const { connection } = transport;
  let begun = false;
  let unsent = Buffer.alloc(0);
  const send = (): ScriptedRequest | undefined => {
    unsent = unsent.subarray(connection.sendData(stream, unsent, 0, unsent.length, false));
    if (unsent.length === 0) return request;
    waiting.push(send);
    return undefined;
  };
  const request: ScriptedRequest = {
    connection,
    stream,
    ...index,
    path: fields.find(({ name }) => name === ':path')?.value ?? '',
    header: (wanted) => fields.find(({ name }) => name === wanted)?.value,
    headers: (wanted) => fields.filter(({ name }) => name === wanted).map(({ value }) => value),
    send: (pairs, endStream) => {
      const fieldsOut = pairs.map(([name, value]) => internField(name, value));
      connection.sendHeaders(stream, fieldsOut, fieldsOut.length, endStream);
    },
    begin: () => {
      begun = true;
      connection.sendHeaders(stream, head, head.length, false);
    },
    message: (bytes) => {
      const framed = Buffer.alloc(5 + bytes, 0x61);
      framed[0] = 0;
      framed.writeUInt32BE(bytes, 1);
      unsent = framed;
      return send() !== undefined;
    },
    end: (grpcStatus = 0) => {
      const trailer = internField('grpc-status', String(grpcStatus));
      const fieldsOut = begun ? [trailer] : [...head, trailer];
      connection.sendHeaders(stream, fieldsOut, fieldsOut.length, true);
    },
    kill: () => transport.destroy(),
  };
  return request;
}

const head = [internField(':status', '200'), internField('content-type', 'application/grpc')];

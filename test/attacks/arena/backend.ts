/**
 * The honest application, in a process of its own: an application that were slower than the proxies would be all that is measured
 * beside a thousand calls, so it stands on the project's own engine. It answers any gRPC call with an empty message, each message of
 * a stream with one; `x-hold` keeps a call open and unread, `x-response-bytes` sets a size. Says `{port}` to its parent when it
 * listens, and `{inFlightMax, requests, connections}` when asked.
 */
import { countMessages, newMessageCounter, type MessageCounter } from '../../../src/grpc/index.ts';
import {
  defaultLimits,
  internField,
  type ConnectionHandler,
  type Field,
  type Http2Stream,
} from '../../../src/http2/index.ts';
import { Http2Transport, listen, TimerWheel } from '../../../src/transport/index.ts';

interface Call {
  readonly isHeld: boolean;
  /** What its answer is cut from. */
  readonly piece: Buffer;
  /** Of the answer, still to be sent. */
  left: number;
  readonly messages: MessageCounter;
  requestEnded: boolean;
}

const prefixBytes = 5;
/** Empty messages. */
const emptyMessages = Buffer.alloc(16_384);
/** A part of one message, of which more than 1 GiB is missing. */
const bulk = Buffer.alloc(16_384, 0x62);
const head: readonly Field[] = [internField(':status', '200'), internField('content-type', 'application/grpc')];
const trailers: readonly Field[] = [internField('grpc-status', '0')];
// An application bounds nothing: what is held is for the proxies to bound.
const limits = {
  ...defaultLimits,
  maxConcurrentStreams: 10_000,
  connectionWindowBytes: 1024 * 1024 * 1024,
  maxHeaderFields: 1_000_000,
  maxHeaderListBytes: 16_777_216,
  abuseBudget: Number.MAX_SAFE_INTEGER,
};
const wheel = new TimerWheel();

let inFlight = 0;
let inFlightMax = 0;
let requests = 0;
let connections = 0;

const listener = await listen({
  host: '127.0.0.1',
  port: 0,
  security: { mode: 'plaintext' },
  onRefused: () => undefined,
  onConnection: (socket, facts) => {
    connections += 1;
    const waiting = new Set<Http2Stream<Call>>();
    const send = (stream: Http2Stream<Call>): void => {
      const call = stream.user;
      if (call === undefined || call.isHeld) return;
      while (call.left > 0) {
        const { piece } = call;
        const size = Math.min(call.left, piece.length);
        const sent = transport.writeBlocked ? 0 : transport.connection.sendData(stream, piece, 0, size, false);
        call.left -= sent;
        if (sent < size) return void waiting.add(stream);
      }
      waiting.delete(stream);
      if (call.requestEnded) transport.connection.sendHeaders(stream, trailers, trailers.length, true);
    };
    const sendAll = (): void => {
      for (const stream of [...waiting]) send(stream);
    };
    const handler: ConnectionHandler<Call> = {
      onHeaders: (stream, fields, count, endStream) => {
        requests += 1;
        inFlight += 1;
        inFlightMax = Math.max(inFlightMax, inFlight);
        const find = (name: string): string | undefined =>
          fields.slice(0, count).find((field) => field.name === name)?.value;
        const size = Number(find('x-response-bytes') ?? 0);
        const call: Call = {
          isHeld: find('x-hold') !== undefined,
          piece: size > 0 ? bulk : emptyMessages,
          left: size,
          messages: newMessageCounter(),
          requestEnded: endStream,
        };
        stream.user = call;
        if (call.isHeld) return;
        transport.connection.sendHeaders(stream, head, head.length, false);
        send(stream);
      },
      onData: (stream, chunk, start, end, endStream) => {
        const call = stream.user;
        if (call === undefined || call.isHeld) return;
        transport.connection.creditReceived(stream, end - start);
        const { count } = call.messages;
        countMessages(call.messages, chunk, start, end);
        call.left += (call.messages.count - count) * prefixBytes;
        call.requestEnded = endStream;
        send(stream);
      },
      onTrailers: (stream) => {
        if (stream.user !== undefined) stream.user.requestEnded = true;
        send(stream);
      },
      onReset: () => undefined,
      onWindow: (stream) => (stream === undefined ? sendAll() : send(stream)),
      onStreamClosed: (stream) => {
        inFlight -= 1;
        waiting.delete(stream);
      },
      onSettings: () => undefined,
      onPingAck: () => undefined,
      onPing: () => undefined,
      onGoaway: () => undefined,
      onRefused: () => undefined,
      onConnectionError: (code, detail) => process.stderr.write(`the application: ${detail} (${code})\n`),
      onLimit: (name) => process.stderr.write(`the application: limit ${name}\n`),
    };
    const transport: Http2Transport<Call> = new Http2Transport({
      ...{ socket, facts, role: 'server' as const, handler, wheel, limits },
      onWritable: sendAll,
      onClose: () => undefined,
    });
  },
});
process.on('message', (message) => {
  if (message === 'reset') inFlightMax = inFlight;
  process.send?.({ inFlightMax, requests, connections });
});
process.on('disconnect', () => process.exit(0));
process.send?.({ port: listener.address.port });

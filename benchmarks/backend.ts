/**
 * The service behind every contender: answers each gRPC call with a message of `x-response-bytes` bytes, or with what it was
 * sent, message by message, where `x-echo` asks for it. Written on the
 * project's own engine, because a backend on node:http2 would cost more than what is measured. Argument: its port.
 */
import { internField, type ConnectionHandler, type Field, type Http2Stream } from '../src/http2/index.ts';
import { defaultLimits } from '../src/http2/index.ts';
import { Http2Transport, listen, TimerWheel } from '../src/transport/index.ts';

interface Call {
  body: Buffer;
  sent: number;
  isEcho: boolean;
  requestEnded: boolean;
}

const responseHeaders: readonly Field[] = [
  internField(':status', '200'),
  internField('content-type', 'application/grpc'),
];
const empty = Buffer.alloc(0);
const trailers: readonly Field[] = [internField('grpc-status', '0')];
/** By `x-response-bytes`; and the answer to the probes of the manifests, `HealthCheckResponse{status: SERVING}`. */
const bodies = new Map<string, Buffer>([['health', Buffer.from([0, 0, 0, 0, 2, 0x08, 0x01])]]);
const wheel = new TimerWheel();

const limits = { ...defaultLimits, maxConcurrentStreams: 100_000, connectionWindowBytes: 64 * 1024 * 1024 };

await listen({
  host: '127.0.0.1',
  port: Number(process.argv[2] ?? 0),
  security: { mode: 'plaintext' },
  maxConnections: 10_000,
  onRefused: ({ cause }) => process.stderr.write(`backend refused a connection: ${cause}\n`),
  onConnection: (socket, facts) => {
    const waiting = new Set<Http2Stream<Call>>();
    const flush = (stream: Http2Stream<Call>) => {
      const call = stream.user;
      if (call === undefined) return;
      if (transport.writeBlocked) return void waiting.add(stream);
      call.sent += transport.connection.sendData(stream, call.body, call.sent, call.body.length, false);
      if (call.sent < call.body.length) waiting.add(stream);
      else {
        waiting.delete(stream);
        if (call.isEcho && !call.requestEnded) return;
        transport.connection.sendHeaders(stream, trailers, trailers.length, true);
      }
    };
    const handler: ConnectionHandler<Call> = {
      onHeaders: (stream, fields, count, endStream) => {
        let size = '120';
        let isEcho = false;
        for (let index = 0; index < count; index += 1) {
          const field = fields[index];
          if (field?.name === 'x-response-bytes') size = field.value;
          else if (field?.name === 'x-echo') isEcho = true;
          else if (field?.value === '/grpc.health.v1.Health/Check') size = 'health';
        }
        stream.user = { body: isEcho ? empty : bodyOf(size), sent: 0, isEcho, requestEnded: endStream };
        if (endStream || isEcho) respond(stream);
      },
      onData: (stream, chunk, start, end, endStream) => {
        transport.connection.creditReceived(stream, end - start);
        const call = stream.user;
        if (call?.isEcho === true) {
          call.requestEnded = endStream;
          call.body = Buffer.concat([call.body.subarray(call.sent), chunk.subarray(start, end)]);
          call.sent = 0;
          flush(stream);
        } else if (endStream) respond(stream);
      },
      onTrailers: (stream) => respond(stream),
      onReset: (stream) => waiting.delete(stream),
      onWindow: (stream) => {
        if (stream !== undefined) flush(stream);
        else for (const each of [...waiting]) flush(each);
      },
      onStreamClosed: () => {},
      onSettings: () => {},
      onPingAck: () => {},
      onPing: () => {},
      onGoaway: () => {},
      onRefused: () => {},
      onConnectionError: () => {},
      onLimit: (name) => process.stderr.write(`backend: limit ${name}\n`),
    };
    const respond = (stream: Http2Stream<Call>) => {
      transport.connection.sendHeaders(stream, responseHeaders, responseHeaders.length, false);
      flush(stream);
    };
    const transport: Http2Transport<Call> = new Http2Transport({
      socket,
      facts,
      role: 'server',
      handler,
      wheel,
      limits,
      onWritable: () => {
        for (const stream of [...waiting]) flush(stream);
      },
      onClose: () => {},
    });
  },
});

function bodyOf(size: string): Buffer {
  let body = bodies.get(size);
  if (body === undefined) {
    const bytes = Number(size);
    body = Buffer.alloc(5 + bytes, 0x62);
    body.writeUInt8(0, 0);
    body.writeUInt32BE(bytes, 1);
    bodies.set(size, body);
  }
  return body;
}

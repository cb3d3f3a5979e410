/**
 * Load that h2load cannot make, on the project's own engine: headers that differ in every call, and streams of small
 * messages in both directions. A process of its own; its argument is a `ClientLoad` as JSON, its output a `ClientResult`.
 */
import { randomBytes } from 'node:crypto';
import {
  defaultLimits,
  internField,
  transientField,
  type ConnectionHandler,
  type Field,
  type Http2Stream,
} from '../src/http2/index.ts';
import { connect, Http2Transport, TimerWheel } from '../src/transport/index.ts';
import { authority, path } from './contender.ts';

export interface ClientLoad {
  readonly port: number;
  readonly connections: number;
  /** Calls at once on each connection. */
  readonly streams: number;
  /** All calls together. */
  readonly calls: number;
  readonly requestBytes: number;
  /** Every call carries a trace context, a token of 200 bytes and a deadline of its own (of 20,000 calls, then again). */
  readonly uniqueHeaders: boolean;
  /** Messages that go back and forth in each call, one after the other; 0: a unary call. */
  readonly messages: number;
}

export interface ClientResult {
  readonly succeeded: number;
  readonly elapsedMs: number;
  /** Of each call, or of each message's round trip in streams; ascending. */
  readonly durationsMs: readonly number[];
}

interface Call {
  startedMs: number;
  sent: number;
  /** Response bytes of the message that is awaited. */
  received: number;
  status: string;
}

const load = JSON.parse(process.argv[2] ?? '{}') as ClientLoad;
const wheel = new TimerWheel();
const limits = { ...defaultLimits, connectionWindowBytes: 64 * 1024 * 1024 };
const message = grpcMessage(load.requestBytes);
const fixed: readonly Field[] = [
  internField(':method', 'POST'),
  internField(':scheme', 'http'),
  internField(':path', path),
  internField(':authority', authority),
  internField('content-type', 'application/grpc'),
  internField('te', 'trailers'),
  load.messages > 0 ? internField('x-echo', '1') : internField('x-response-bytes', '120'),
];
/** A value comes again after so many calls, when nobody remembers it. */
const distinctCalls = 20_000;
/**
 * Fields of each call, made before the first one, so that the generator has little more to do for each call than without them: what
 * proxies pay for a call also depends on how fast calls come.
 */
const fieldsOfCalls: readonly (readonly Field[])[] = load.uniqueHeaders
  ? Array.from({ length: Math.min(load.calls, distinctCalls) }, makeFields)
  : [fixed];
/** Beyond this many, durations are a sample; a percentile needs no more. */
const maxDurations = 2_000_000;
const durationsMs: number[] = [];
let started = 0;
let finished = 0;
let succeeded = 0;

const startMs = performance.now();
await Promise.all(Array.from({ length: load.connections }, () => runConnection()));
const elapsedMs = performance.now() - startMs;
const result: ClientResult = { succeeded, elapsedMs, durationsMs: durationsMs.sort((a, b) => a - b) };
process.stdout.write(JSON.stringify(result), () => process.exit(0));

function grpcMessage(bytes: number): Buffer {
  const frame = Buffer.alloc(5 + bytes, 0x61);
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(bytes, 1);
  return frame;
}

function makeFields(_: unknown, call: number): readonly Field[] {
  const id = randomBytes(16).toString('hex');
  return [
    ...fixed,
    transientField('traceparent', `00-${id}-${id.slice(0, 16)}-01`),
    transientField('authorization', `Bearer ${id.repeat(7)}`.slice(0, 207)),
    transientField('grpc-timeout', `${5_000 + (call % 5_000)}m`),
  ];
}

function runConnection(): Promise<void> {
  return new Promise((resolve, reject) => {
    connect({
      host: '127.0.0.1',
      port: load.port,
      connectTimeoutMs: 5_000,
      onFailed: ({ detail }) => reject(new Error(detail)),
      onConnected: (socket, facts) => {
        const transport: Http2Transport<Call> = new Http2Transport<Call>({
          socket,
          facts,
          role: 'client',
          wheel,
          limits,
          handler: handlerOf(() => transport, resolve),
          onWritable: () => undefined,
          onClose: () => resolve(),
        });
        for (let i = 0; i < load.streams; i++) begin(transport);
        transport.scheduleFlush();
      },
    });
  });
}

function begin(transport: Http2Transport<Call>): boolean {
  if (started >= load.calls) return false;
  const call: Call = { startedMs: performance.now(), sent: 0, received: 0, status: '' };
  const stream = transport.connection.openStream(call);
  if (stream === undefined) return false;
  const fields = fieldsOfCalls[started % fieldsOfCalls.length] ?? fixed;
  started++;
  transport.connection.sendHeaders(stream, fields, fields.length, false);
  sendMessage(transport, stream, call);
  return true;
}

/** Messages are smaller than any window, so all of one is taken at once. */
function sendMessage(transport: Http2Transport<Call>, stream: Http2Stream<Call>, call: Call): void {
  call.sent++;
  const isLast = call.sent >= Math.max(1, load.messages);
  transport.connection.sendData(stream, message, 0, message.length, isLast);
}

function note(durationMs: number): void {
  if (durationsMs.length < maxDurations) durationsMs.push(durationMs);
}

function handlerOf(transportOf: () => Http2Transport<Call>, done: () => void): ConnectionHandler<Call> {
  return {
    onHeaders: (stream, fields, count, endStream) => readStatus(stream, { fields, count, endStream }),
    onData: (stream, _chunk, start, end) => {
      const { connection } = transportOf();
      connection.creditReceived(stream, end - start);
      const call = stream.user;
      if (call === undefined || load.messages === 0) return;
      call.received += end - start;
      if (call.received < message.length) return;
      call.received = 0;
      const nowMs = performance.now();
      note(nowMs - call.startedMs);
      call.startedMs = nowMs;
      if (call.sent < load.messages) sendMessage(transportOf(), stream, call);
    },
    onTrailers: (stream, fields, count) => readStatus(stream, { fields, count, endStream: true }),
    onReset: () => undefined,
    onWindow: () => undefined,
    onStreamClosed: (stream) => {
      const call = stream.user;
      if (call === undefined) return;
      stream.user = undefined;
      finished++;
      if (call.status === '0') succeeded++;
      if (load.messages === 0) note(performance.now() - call.startedMs);
      const transport = transportOf();
      begin(transport);
      transport.scheduleFlush();
      if (finished >= load.calls) done();
      else if (transport.connection.activeStreams === 0) done();
    },
    onSettings: () => undefined,
    onPingAck: () => undefined,
    onPing: () => undefined,
    onGoaway: () => undefined,
    onRefused: () => undefined,
    onConnectionError: () => undefined,
    onLimit: (name) => process.stderr.write(`client: limit ${name}\n`),
  };
}

function readStatus(
  stream: Http2Stream<Call>,
  { fields, count, endStream }: { fields: readonly Field[]; count: number; endStream: boolean },
): void {
  if (!endStream || stream.user === undefined) return;
  for (let i = 0; i < count; i++) if (fields[i]?.name === 'grpc-status') stream.user.status = fields[i]?.value ?? '';
}

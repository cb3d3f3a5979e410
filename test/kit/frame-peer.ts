/**
 * A scripted peer for the engine: builds frames by name, reads what the engine wrote as a transcript of lines.
 *
 * Its HPACK is naive on purpose and shares no code with the engine (see `naive-hpack.ts`).
 */
import assert from 'node:assert/strict';
import {
  defaultLimits,
  Http2Connection,
  type ConnectionHandler,
  type Field,
  type Http2Limits,
  type Http2Stream,
} from '../../src/http2/index.ts';
import { NaiveDecoder, naiveLiteral } from './naive-hpack.ts';

const typeNames = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
  'CONTINUATION',
] as const;

export const codeNames = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
] as const;

export const END_STREAM = 0x1;
const ACK = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const PRIORITY = 0x20;

type Pair = readonly [name: string, value: string];

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId >>> 0, 5);
  return Buffer.concat([head, payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** A header block of literals without indexing: any bytes, legal or not. */
export function block(fields: readonly Pair[]): Buffer {
  return Buffer.concat(fields.map(([name, value]) => naiveLiteral(name, value)));
}

export const build = {
  preface: Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1'),
  data: (id: number, body: string | Uint8Array, flags = 0) => frame(0, flags, id, Buffer.from(body)),
  paddedData: (id: number, body: string, padding: number, flags = 0) =>
    frame(0, flags | PADDED, id, Buffer.concat([Buffer.of(padding), Buffer.from(body), Buffer.alloc(padding)])),
  headers: (id: number, fields: readonly Pair[], flags = END_HEADERS) => frame(1, flags, id, block(fields)),
  headerBlock: (id: number, payload: Uint8Array, flags = END_HEADERS) => frame(1, flags, id, payload),
  priority: (id: number, dependsOn: number, weight = 15) =>
    frame(2, 0, id, Buffer.concat([uint32(dependsOn), Buffer.of(weight)])),
  reset: (id: number, code: number) => frame(3, 0, id, uint32(code)),
  settings: (entries: readonly (readonly [number, number])[] = []) =>
    frame(
      4,
      0,
      0,
      Buffer.concat(entries.map(([id, value]) => Buffer.concat([Buffer.of(id >> 8, id & 0xff), uint32(value)]))),
    ),
  settingsAck: frame(4, ACK, 0),
  ping: (payload = 'pingpong', flags = 0) => frame(6, flags, 0, Buffer.from(payload, 'latin1')),
  goaway: (lastId: number, code: number, debug = '') =>
    frame(7, 0, 0, Buffer.concat([uint32(lastId), uint32(code), Buffer.from(debug)])),
  windowUpdate: (id: number, increment: number) => frame(8, 0, id, uint32(increment)),
  continuation: (id: number, payload: Uint8Array, flags = END_HEADERS) => frame(9, flags, id, payload),
} as const;

export const request: readonly Pair[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/asset.AssetService/GetAsset'],
  [':authority', 'api.example.com'],
];

export const response: readonly Pair[] = [[':status', '200']];

function describe(type: number, flags: number, id: number, payload: Buffer, decoder: NaiveDecoder): string {
  const end = (flags & END_STREAM) !== 0 ? ' END_STREAM' : '';
  const name: string = typeNames[type] ?? `type ${type}`;
  switch (name) {
    case 'DATA':
      return `DATA ${id} ${payload.length > 40 ? `${payload.length} bytes` : JSON.stringify(payload.toString('latin1'))}${end}`;
    case 'HEADERS': {
      if ((flags & END_HEADERS) === 0) return `HEADERS ${id} unfinished`;
      const fields = decoder.decode(payload);
      return `HEADERS ${id} ${fields.map(([key, value]) => `${key}=${value}`).join(' ')}${end}`;
    }
    case 'RST_STREAM':
      return `RST_STREAM ${id} ${codeNames[payload.readUInt32BE()] ?? payload.readUInt32BE()}`;
    case 'SETTINGS':
      return (flags & ACK) !== 0 ? 'SETTINGS ACK' : 'SETTINGS';
    case 'PING':
      return `PING${(flags & ACK) !== 0 ? ' ACK' : ''} ${JSON.stringify(payload.toString('latin1'))}`;
    case 'GOAWAY':
      return `GOAWAY ${payload.readUInt32BE()} ${codeNames[payload.readUInt32BE(4)] ?? payload.readUInt32BE(4)}`;
    case 'WINDOW_UPDATE':
      return `WINDOW_UPDATE ${id} ${payload.readUInt32BE()}`;
    default:
      return `${name} ${id}`;
  }
}

/** Cuts bytes into frames; throws if they do not end with one. */
export function cutFrames(bytes: Buffer): { type: number; flags: number; id: number; payload: Buffer }[] {
  const frames = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUIntBE(at, 3);
    const payload = bytes.subarray(at + 9, at + 9 + length);
    if (payload.length !== length) throw new Error('output ends inside a frame');
    frames.push({ type: bytes[at + 3] ?? 0, flags: bytes[at + 4] ?? 0, id: bytes.readUInt32BE(at + 5), payload });
    at += 9 + length;
  }
  return frames;
}

/** What the handler was told, one line per call. */
export type Log = string[];

export interface Harness {
  readonly connection: Http2Connection<string>;
  /** Streams by id, as the handler met them or the test opened them. */
  readonly streams: Map<number, Http2Stream<string>>;
  readonly log: Log;
  /** Feeds frames; returns the transcript of the answers. */
  send(...frames: readonly Uint8Array[]): string[];
  /** Takes what the engine wrote since. */
  transcript(): string[];
  /** The handler's calls since the last look. */
  calls(): string[];
  nowMs: number;
}

export interface HarnessOptions {
  readonly role: 'server' | 'client';
  readonly limits?: Partial<Http2Limits>;
  readonly handler?: Partial<ConnectionHandler<string>>;
  readonly creditsOnReceipt?: boolean;
  /** Leave the preface exchange to the test. */
  readonly raw?: boolean;
}

function fieldsText(fields: readonly Field[], count: number): string {
  return fields
    .slice(0, count)
    .map((field) => `${field.name}=${field.value}`)
    .join(' ');
}

/** An engine with a handler that writes down every call, credits all DATA at once and answers nothing by itself. */
export function harness(options: HarnessOptions): Harness {
  const log: Log = [];
  const streams = new Map<number, Http2Stream<string>>();
  const handler: ConnectionHandler<string> = {
    onHeaders(stream, fields, count, endStream) {
      streams.set(stream.id, stream);
      log.push(`headers ${stream.id} ${fieldsText(fields, count)}${endStream ? ' end' : ''}`);
    },
    onTrailers: (stream, fields, count) => log.push(`trailers ${stream.id} ${fieldsText(fields, count)}`),
    onData(stream, _chunk, start, end, endStream) {
      log.push(`data ${stream.id} ${end - start}${endStream ? ' end' : ''}`);
      connection.creditReceived(stream, end - start);
    },
    onReset: (stream, code, byPeer) =>
      log.push(`reset ${stream.id} ${codeNames[code] ?? code} ${byPeer ? 'by peer' : 'by us'}`),
    onWindow: (stream) => log.push(`window ${stream === undefined ? 'connection' : stream.id}`),
    onStreamClosed: (stream) => log.push(`closed ${stream.id}`),
    onSettings: () => log.push('settings'),
    onPingAck: () => log.push('ping ack'),
    onPing: () => log.push('ping'),
    onGoaway: (lastId, code, debug) => log.push(`goaway ${lastId} ${codeNames[code] ?? code} ${debug.toString()}`),
    onRefused: (stream) => log.push(`refused ${stream.id}`),
    onConnectionError: (code, message) => log.push(`failed ${codeNames[code] ?? code}: ${message}`),
    onLimit: (name) => log.push(`limit ${name}`),
    ...options.handler,
  };
  const limits = { ...defaultLimits, ...options.limits };
  const { role, creditsOnReceipt = false } = options;
  const connection = new Http2Connection<string>({ role, handler, limits, creditsOnReceipt });
  const decoder = new NaiveDecoder();
  const self: Harness = {
    connection,
    streams,
    log,
    nowMs: 0,
    send(...frames) {
      for (const bytes of frames) connection.receive(Buffer.from(bytes), self.nowMs);
      return self.transcript();
    },
    transcript() {
      const bytes = Buffer.concat(connection.output.take());
      connection.output.written();
      return cutFrames(bytes).map(({ type, flags, id, payload }) => describe(type, flags, id, payload, decoder));
    },
    calls: () => log.splice(0),
  };
  if (options.raw !== true) {
    const hello = Buffer.concat(connection.output.take());
    connection.output.written();
    const start = options.role === 'client' ? build.preface.length : 0;
    cutFrames(hello.subarray(start));
    if (options.role === 'server') connection.receive(build.preface, 0);
    self.send(build.settings(), build.settingsAck);
    log.length = 0;
  }
  return self;
}

/** Shows that `frames` cost so much of the abuse budget: they pass as often as it has it, and no more; the clock stands still. */
export function timesUntilClosed(peer: Harness, cost: number, frames: (i: number) => Uint8Array): void {
  // A cost like 0.1 is not exact, nor is a sum of them: the last that passes may be one before or one behind.
  const isExact = Number.isInteger(cost * 1024);
  const times = Math.floor(defaultLimits.abuseBudget / cost) - (isExact ? 0 : 1);
  for (let i = 0; i < times; i++) peer.send(frames(i));
  assert.ok(!peer.connection.isClosed, `${times} pass`);
  const more = isExact ? 1 : 3;
  for (let i = 0; i < more; i++) peer.send(frames(times + i));
  assert.ok(peer.connection.isClosed, `${times + more} do not`);
}

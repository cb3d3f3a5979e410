/** A connection in either role, with an owner that answers everything; frames come whole, and again in odd pieces. */
import assert from 'node:assert/strict';
import {
  defaultLimits,
  ErrorCode,
  Http2Connection,
  internField,
  type ConnectionHandler,
  type Field,
  type Http2Limits,
  type Http2Stream,
} from '../../../src/http2/index.ts';
import { MAX_QUEUED_ANSWER_BYTES } from '../../../src/http2/limits.ts';
import { build, END_HEADERS, END_STREAM, frame, request, response } from '../../kit/frame-peer.ts';
import { NaiveDecoder } from '../../kit/naive-hpack.ts';
import type { FuzzTarget } from '../target.ts';

type Role = 'server' | 'client';

/** Small, so that inputs reach them. */
const limits: Http2Limits = {
  ...defaultLimits,
  maxConcurrentStreams: 4,
  maxHeaderListBytes: 500,
  maxHeaderFields: 12,
  streamWindowBytes: 600,
};

const responseHead = [internField(':status', '200'), internField('content-type', 'application/grpc')];
const requestHead = [
  internField(':method', 'POST'),
  internField(':scheme', 'http'),
  internField(':path', '/a.B/C'),
  internField(':authority', 'host'),
];
const trailers = [internField('grpc-status', '0')];
const reply = Buffer.alloc(40, 0x61);
const PREFACE_BYTES = 24;
const MAX_FRAME_BYTES = 16_384;
const ownRequests = 3;

interface Seen {
  /** What the owner heard, without how DATA was cut. */
  readonly calls: string[];
  /** What went out, without how credit was batched. */
  readonly frames: string[];
}

/** Holds every call against what a stream may still say. */
class Owner implements ConnectionHandler<string> {
  readonly calls: string[] = [];
  readonly open = new Set<Http2Stream<string>>();
  readonly #role: Role;
  /** Announced content still to come. */
  readonly #left = new Map<Http2Stream<string>, number>();
  connection!: Http2Connection<string>;
  isFailed = false;

  constructor(role: Role) {
    this.#role = role;
  }

  #live(stream: Http2Stream<string>, what: string): void {
    assert.ok(this.open.has(stream), `${what} on a stream that is not open`);
    assert.ok(!this.isFailed || what === 'reset', `${what} after the connection failed`);
    this.calls.push(`${what} ${stream.id}`);
  }

  onHeaders(stream: Http2Stream<string>, fields: readonly Field[], count: number, endStream: boolean): void {
    assert.ok(count > 0 && count <= limits.maxHeaderFields);
    const pairs = fields.slice(0, count).map(({ name, value }) => [name, value] as const);
    const length = wellFormedLength(
      pairs,
      this.#role === 'server' ? [':authority', ':method', ':path', ':scheme'] : [':status'],
    );
    if (length !== undefined) this.#left.set(stream, length);
    if (endStream) this.#ended(stream);
    if (this.#role === 'server') {
      assert.ok(!this.open.has(stream));
      this.open.add(stream);
      assert.ok(this.open.size <= limits.maxConcurrentStreams);
    }
    this.#live(stream, endStream ? 'headers end' : 'headers');
    if (this.#role === 'server') this.#answer(stream);
  }

  #ended(stream: Http2Stream<string>): void {
    // A response to HEAD may announce what never comes, but no request here is one.
    assert.equal(this.#left.get(stream) ?? 0, 0, 'the content is not as long as announced');
  }

  /** What it does differs from stream to stream. */
  #answer(stream: Http2Stream<string>): void {
    const { connection } = this;
    const kind = (stream.id >> 1) % 4;
    if (kind === 0) connection.sendHeaders(stream, [...responseHead, ...trailers], 3, true);
    if (kind === 1) connection.resetStream(stream, ErrorCode.CANCEL);
    if (kind < 2) return;
    connection.sendHeaders(stream, responseHead, 2, false);
    const taken = connection.sendData(stream, reply, 0, reply.length, kind === 3);
    assert.ok(taken >= 0 && taken <= reply.length);
    if (kind === 2) connection.sendHeaders(stream, trailers, 1, true);
  }

  onTrailers(stream: Http2Stream<string>, fields: readonly Field[], count: number): void {
    wellFormedLength(
      fields.slice(0, count).map(({ name, value }) => [name, value] as const),
      [],
    );
    this.#ended(stream);
    this.#live(stream, 'trailers');
  }

  onData(stream: Http2Stream<string>, chunk: Buffer, start: number, end: number, endStream: boolean): void {
    assert.ok(this.open.has(stream), 'data on a stream that is not open');
    assert.ok(start >= 0 && end <= chunk.length && (start < end || endStream));
    const left = this.#left.get(stream);
    if (left !== undefined) this.#left.set(stream, left - (end - start));
    assert.ok(left === undefined || left >= end - start, 'more content than announced');
    if (endStream) this.#ended(stream);
    if (endStream) this.calls.push(`data end ${stream.id}`);
    this.connection.creditReceived(stream, end - start);
  }

  onReset(stream: Http2Stream<string>): void {
    this.#live(stream, 'reset');
  }

  onWindow(stream: Http2Stream<string> | undefined): void {
    this.calls.push(`window ${stream?.id}`);
  }

  onStreamClosed(stream: Http2Stream<string>): void {
    assert.ok(this.open.delete(stream), 'closed twice, or never opened');
    assert.ok(stream.isClosed);
    this.calls.push(`closed ${stream.id}`);
  }

  onRefused(stream: Http2Stream<string>): void {
    assert.equal(this.#role, 'client');
    this.calls.push(`refused ${stream.id}`);
  }

  onConnectionError(code: number): void {
    assert.ok(!this.isFailed, 'failed twice');
    this.isFailed = true;
    this.calls.push(`failed ${code}`);
  }

  onSettings(): void {}
  onPing(): void {}
  onPingAck(): void {}
  onGoaway(): void {}
  onLimit(): void {}
}

const connectionFields = /^(connection|http2-settings|keep-alive|proxy-connection|transfer-encoding|upgrade)$/;

/** Holds a section against RFC 9113 §8 as it is written; its content-length. */
function wellFormedLength(
  pairs: readonly (readonly [string, string])[],
  pseudo: readonly string[],
): number | undefined {
  const names = pairs.map(([name]) => name);
  const found = names.filter((name) => name.startsWith(':'));
  assert.deepEqual(names.slice(0, found.length), found, 'pseudo-fields come first');
  const expected = pseudo.filter((name) => name !== ':authority' || !names.includes('host') || found.includes(name));
  assert.deepEqual(found.toSorted(), expected);
  for (const [name, value] of pairs) {
    assert.match(name, /^:?[a-z0-9!#$%&'*+\-.^_`|~]+$/);
    assert.doesNotMatch(name, connectionFields);
    assert.match(value, /^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/);
    if (name === 'te') assert.equal(value, 'trailers');
  }
  const lengths = pairs.filter(([name]) => name === 'content-length').map(([, value]) => value);
  assert.ok(pseudo.length === 0 || lengths.length <= 1);
  for (const length of lengths) assert.match(length, /^\d+$/);
  const status = pairs.find(([name]) => name === ':status')?.[1] ?? '';
  return lengths[0] === undefined || /^1|^204$|^304$/.test(status) ? undefined : Number(lengths[0]);
}

/** Feeds the bytes in pieces of these lengths, over and over; checks after each. */
function play(role: Role, bytes: Buffer, pieces: readonly number[]): Seen {
  const owner = new Owner(role);
  const connection = new Http2Connection<string>({ role, handler: owner, limits });
  owner.connection = connection;
  for (let i = 0; role === 'client' && i < ownRequests; i++) {
    const stream = connection.openStream(`own ${i}`);
    assert.ok(stream !== undefined);
    owner.open.add(stream);
    connection.sendHeaders(stream, requestHead, requestHead.length, i === 0);
  }
  const out: Buffer[] = [];
  let at = 0;
  for (let piece = 0; at < bytes.length; piece++) {
    const end = at + (pieces[piece % pieces.length] ?? 1);
    connection.receive(bytes.subarray(at, end), piece * 0.001);
    at = end;
    assert.equal(connection.activeStreams, owner.open.size);
    assert.equal(connection.isClosed, owner.isFailed);
    assert.ok(connection.output.byteLength <= MAX_QUEUED_ANSWER_BYTES + MAX_FRAME_BYTES);
    // A slow reader takes only now and then.
    if (piece % 3 === 0) out.push(...takenFrom(connection));
  }
  out.push(...takenFrom(connection));
  if (connection.isClosed) {
    connection.receive(build.ping());
    connection.ping();
    assert.equal(connection.output.byteLength, 0, 'bytes after the connection failed');
  }
  const framesOut = readFrames(Buffer.concat(out), role);
  if (connection.isClosed) assert.match(framesOut.at(-1) ?? '', /^7 /, 'GOAWAY is the last frame');
  return { calls: owner.calls, frames: framesOut };
}

function takenFrom(connection: Http2Connection<string>): Buffer[] {
  const segments = connection.output.take().map((segment) => Buffer.from(segment));
  connection.output.written();
  return segments;
}

/** Whole frames of legal sizes, header blocks that a naive decoder reads; one line for each, WINDOW_UPDATEs left out. */
function readFrames(bytes: Buffer, role: Role): string[] {
  const lines: string[] = [];
  const decoder = new NaiveDecoder();
  for (let at = role === 'client' ? PREFACE_BYTES : 0; at < bytes.length;) {
    const length = bytes.readUIntBE(at, 3);
    const [type = 0, flags = 0] = bytes.subarray(at + 3, at + 5);
    const id = bytes.readUInt32BE(at + 5);
    const payload = bytes.subarray(at + 9, at + 9 + length);
    assert.equal(payload.length, length, 'output ends inside a frame');
    assert.ok(length <= MAX_FRAME_BYTES && type <= 8 && type !== 5 && type !== 2, `frame of type ${type}`);
    const text = type === 1 ? decoder.decode(payload).join(' ') : payload.toString('hex');
    if (type === 8) assert.ok(payload.readUInt32BE() > 0 && payload.readUInt32BE() < 2 ** 31);
    else lines.push(`${type} ${flags} ${id} ${text}`);
    at += 9 + length;
  }
  return lines;
}

function runAs(role: Role): (input: Buffer) => void {
  return (input) => {
    const bytes = role === 'server' ? Buffer.concat([build.preface, input]) : input;
    const whole = play(role, bytes, [bytes.length + 1]);
    const [first = 0] = input;
    const cut = play(role, bytes, [1 + (first % 13), 1, 9, 2 + (first >> 4)]);
    // A message that turns out malformed within a DATA frame may have given its first bytes away when they came alone.
    assert.deepEqual(cut.calls, whole.calls);
    assert.deepEqual(cut.frames, whole.frames);
  };
}

const full = END_HEADERS | END_STREAM;
const hello = [build.settings(), build.settingsAck];

const tokens: readonly Buffer[] = [
  build.settings([[4, 0]]),
  build.settings([
    [4, 1000],
    [1, 0],
    [5, 16_384],
  ]),
  build.settings([[3, 0]]),
  build.settingsAck,
  build.ping(),
  build.ping('sallypng', 1),
  build.windowUpdate(0, 100),
  build.windowUpdate(1, 1),
  build.windowUpdate(1, 0),
  build.windowUpdate(3, 2 ** 31 - 1),
  build.priority(3, 1),
  build.priority(3, 3),
  build.reset(1, 8),
  build.reset(3, 0),
  build.goaway(1, 0),
  build.goaway(0, 11),
  frame(9, 4, 1),
  frame(9, 0, 1, Buffer.of(0x82)),
  frame(200, 0, 1, Buffer.from('unknown')),
  build.data(1, 'hello'),
  build.data(1, '', END_STREAM),
  build.paddedData(3, 'x', 9, END_STREAM),
  build.headers(1, request),
  build.headers(3, request, full),
  build.headers(5, [...request, ['content-length', '5']]),
  build.data(5, 'hello', END_STREAM),
  build.headers(7, request, END_STREAM),
  build.headers(1, [['grpc-status', '0']], full),
  build.headers(1, response),
  build.headers(3, [...response, ['grpc-status', '0']], full),
  build.headers(5, [[':status', '100']]),
];

function targetFor(role: Role, seeds: readonly Buffer[]): FuzzTarget {
  return { name: `connection-${role}`, covers: /src\/http2\//, seeds, tokens, run: runAs(role) };
}

export const connectionServer = targetFor('server', [
  Buffer.concat([...hello, build.headers(1, request), build.data(1, 'hello'), build.data(1, 'more', END_STREAM)]),
  Buffer.concat([
    ...hello,
    ...[1, 3, 5, 7, 9].map((id) => build.headers(id, request, full)),
    build.windowUpdate(0, 1000),
  ]),
  Buffer.concat([build.settings([[4, 10]]), build.headers(7, request), build.settings([[4, 100]]), build.reset(7, 8)]),
  Buffer.concat([
    ...hello,
    build.headers(1, request, END_STREAM),
    build.continuation(1, Buffer.of(0x82), 0),
    build.continuation(1, Buffer.alloc(0)),
  ]),
  Buffer.concat([
    ...hello,
    build.headers(5, [...request, ['content-length', '9']]),
    build.paddedData(5, 'nine octe', 3, END_STREAM),
    build.ping(),
    build.goaway(0, 0),
  ]),
]);

export const connectionClient = targetFor('client', [
  Buffer.concat([
    ...hello,
    build.headers(1, response),
    build.data(1, 'hello'),
    build.headers(1, [['grpc-status', '0']], full),
  ]),
  Buffer.concat([
    ...hello,
    build.headers(1, [[':status', '103']]),
    build.headers(1, response, full),
    build.reset(1, 0),
  ]),
  Buffer.concat([
    ...hello,
    build.headers(3, [...response, ['content-length', '5']]),
    build.data(3, 'hello', END_STREAM),
    build.reset(5, 7),
  ]),
  Buffer.concat([...hello, build.goaway(3, 0, 'bye'), build.headers(1, response, full), build.ping()]),
  Buffer.concat([
    build.settings([
      [3, 1],
      [4, 5],
    ]),
    build.windowUpdate(0, 5),
    build.headers(3, response),
    build.windowUpdate(3, 7),
  ]),
]);

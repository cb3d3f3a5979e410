/** Hot file: the engine's public face, and the way of each frame to the part that handles it. */
import { ConnectionCore } from './connection-core.ts';
import { ErrorCode } from './errors.ts';
import type { EngineField, Field } from './field.ts';
import {
  Flag,
  FRAME_HEADER_BYTES,
  FrameType,
  GOAWAY_MIN_BYTES,
  INITIAL_HEADER_TABLE_BYTES,
  INITIAL_WINDOW_BYTES,
  MAX_STREAM_ID,
  PING_BYTES,
  PRIORITY_BYTES,
  RST_STREAM_BYTES,
  SettingId,
  WINDOW_UPDATE_BYTES,
} from './frame.ts';
import type { ConnectionHandler } from './handler.ts';
import { AbuseCost, SLIVER_BYTES, type Http2Limits } from './limits.ts';
import { FrameReader } from './reader.ts';
import {
  drainPing,
  receiveGoaway,
  receivePing,
  receivePriority,
  receiveReset,
  receiveSettings,
  receiveWindowUpdate,
  streamErrorById,
} from './receive-control.ts';
import { DataReceiver } from './receive-data.ts';
import { HeaderReceiver, isHeadRequest } from './receive-headers.ts';
import { StreamFlag, type Http2Stream, type StreamRecord } from './stream.ts';
import { returnStreams, takeStream } from './stream-pool.ts';

export interface Http2ConnectionOptions<U> {
  readonly role: 'server' | 'client';
  readonly handler: ConnectionHandler<U>;
  readonly limits: Http2Limits;
  /** See `ConnectionCore.creditsOnReceipt`; false by default. */
  readonly creditsOnReceipt?: boolean;
}

/** Opaque data of `ping()`. */
const ownPing: Uint8Array = Buffer.from('sallypng', 'latin1');

/**
 * An HTTP/2 connection without I/O (RFC 9113): bytes in by `receive`, handler calls and `output` bytes out.
 *
 * No call throws for what a peer sent. Calls for a stream that is closed, or on a closed connection, do nothing, so an
 * owner need not know of a reset that just happened.
 */
export class Http2Connection<U> extends ConnectionCore<U> {
  readonly role: 'server' | 'client';
  readonly #reader: FrameReader;
  readonly #headers = new HeaderReceiver<U>(this);
  readonly #data = new DataReceiver<U>(this);
  /** Callers up the stack may still look at them. */
  readonly #released: StreamRecord<U>[] = [];

  constructor(options: Http2ConnectionOptions<U>) {
    super(options);
    this.role = options.role;
    this.#reader = new FrameReader(this, this.isServer);
    if (!this.isServer) this.writer.preface();
    this.writer.settings(this.#initialSettings());
    const windowIncrease = this.connectionReceiveWindow - INITIAL_WINDOW_BYTES;
    if (windowIncrease > 0) this.writer.windowUpdate(0, windowIncrease);
  }

  #initialSettings(): (readonly [number, number])[] {
    const limits = this.limits;
    const entries: (readonly [number, number])[] = this.isServer
      ? [[SettingId.MAX_CONCURRENT_STREAMS, limits.maxConcurrentStreams]]
      : [[SettingId.ENABLE_PUSH, 0]];
    entries.push([SettingId.INITIAL_WINDOW_SIZE, this.firstStreamWindowBytes]);
    entries.push([SettingId.MAX_HEADER_LIST_SIZE, limits.maxHeaderListBytes]);
    if (limits.headerTableBytes !== INITIAL_HEADER_TABLE_BYTES) {
      entries.push([SettingId.HEADER_TABLE_SIZE, limits.headerTableBytes]);
    }
    return entries;
  }

  /** Live streams. */
  get activeStreams(): number {
    return this.liveStreams;
  }

  /** Calls `visit` with what the owner keeps of each live stream. */
  forEachUser(visit: (user: U) => void): void {
    for (const { user } of this.streams.all()) if (user !== undefined) visit(user);
  }

  /** Whether `openStream` would give a stream now. */
  get canOpenStream(): boolean {
    return (
      !this.isServer &&
      !this.closed &&
      !this.isDraining &&
      this.liveStreams < this.peer.maxConcurrentStreams &&
      // Each live stream without an id will still take one.
      this.nextOwnId + this.liveStreams * 2 <= MAX_STREAM_ID
    );
  }

  /** We said goodbye (either step), or the peer did. */
  get isDraining(): boolean {
    return this.drainBegun || this.goawayReceived;
  }

  /** Draining for good, and no stream is left: the transport may close. */
  get isDrained(): boolean {
    const isFinal = this.goawayReceived || (this.drainBegun && (!this.isServer || this.acceptUpTo !== Infinity));
    return isFinal && this.liveStreams === 0;
  }

  /** The peer's limit of concurrent streams; 100 until its SETTINGS arrive, Infinity if it names none. */
  get peerMaxConcurrentStreams(): number {
    return this.peer.maxConcurrentStreams;
  }

  /** Bytes the peer still takes on the connection. */
  get sendWindow(): number {
    return this.connectionSendWindow;
  }

  /** The connection's window is used up, and somebody waits for it who was not told so by `sendData`: `onWindow` follows. */
  awaitWindow(): void {
    this.wantsConnectionWindow = true;
  }

  /** The preface, a frame (but DATA) or a header block has begun and waits for its rest: a slow sender can be timed out. */
  get isMidMessage(): boolean {
    return this.#reader.isMidFrame || this.#headers.continuationOf !== 0;
  }

  /** Frames begun so far: while it stands still and `isMidMessage`, the peer is stuck. */
  get framesReceived(): number {
    return this.#reader.frames;
  }

  /** Takes what the socket brought; nothing once the connection is closed. `nowMs` is any monotonic time; without it the abuse budget never refills. */
  receive(chunk: Buffer, nowMs?: number): void {
    if (nowMs !== undefined) this.score.tick(nowMs);
    this.#reader.read(chunk);
  }

  /**
   * `receive`, but only from `from` on and until `mostFrames` frames or `mostBytes` bytes are read and a frame is whole; answers where
   * to go on. Not to be called out of a handler, of whatever connection: streams that were released are used again from here on.
   */
  receivePart(chunk: Buffer, from: number, mostFrames: number, mostBytes = Infinity): number {
    if (this.#released.length > 0) returnStreams(this.#released);
    return this.closed ? chunk.length : this.#reader.read(chunk, from, mostFrames, mostBytes);
  }

  /**
   * A stream for a request (client role); its id comes with `sendHeaders`. Undefined at the peer's limit of concurrent
   * streams, while draining, and when the ids are used up.
   */
  openStream(user: U): Http2Stream<U> | undefined {
    if (!this.canOpenStream) return undefined;
    const stream = takeStream<U>(0, this.peer.initialWindowBytes, this.streamWindowBytes);
    stream.user = user;
    this.liveStreams++;
    return stream;
  }

  /**
   * Sends a request, a response (also 1xx), or trailers (with `endStream`). The fields must be well-formed. If the
   * connection ended since `openStream`, the handler hears `onRefused` from inside this call.
   */
  sendHeaders(stream: Http2Stream<U>, fields: readonly Field[], count: number, endStream: boolean): void {
    const record = stream as StreamRecord<U>;
    if ((record.flags & (StreamFlag.closed | StreamFlag.localEnded)) !== 0) return;
    if (record.id === 0 && (this.closed || this.goawayReceived)) return this.#reportUnsent(record);
    if (this.closed) return;
    const engineFields = fields as readonly EngineField[];
    if (record.id === 0) this.#assignId(record, isHeadRequest(engineFields, count));
    this.messagesSincePing = true;
    record.sentBytes += this.writer.headers(record.id, engineFields, count, endStream, this.peer.maxFrameBytes);
    if (endStream) this.#endLocal(record);
  }

  /** The connection ended between `openStream` and the headers: surely not processed. */
  #reportUnsent(stream: StreamRecord<U>): void {
    this.forget(stream);
    this.handler.onRefused(stream);
    this.handler.onStreamClosed(stream);
  }

  #assignId(stream: StreamRecord<U>, isHead: boolean): void {
    stream.id = this.nextOwnId;
    this.nextOwnId += 2;
    // SETTINGS may have changed the initial window since the stream was opened.
    stream.sendWindow = this.peer.initialWindowBytes;
    stream.receiveWindow = this.streamWindowBytes;
    if (isHead) stream.flags |= StreamFlag.headRequest;
    this.recent.opened(stream.id);
    this.streams.add(stream);
    this.score.streamOpened();
  }

  /**
   * Sends `chunk[start..end)` as far as both windows allow; returns the bytes taken. `endStream` takes effect only when
   * all were taken. After less, `onWindow` tells when to go on. The bytes are copied.
   */
  sendData(stream: Http2Stream<U>, chunk: Buffer, start: number, end: number, endStream: boolean): number {
    const record = stream as StreamRecord<U>;
    if ((record.flags & (StreamFlag.closed | StreamFlag.localEnded)) !== 0 || this.closed) return end - start;
    const wanted = end - start;
    let allowed = wanted;
    if (allowed > record.sendWindow) {
      allowed = Math.max(record.sendWindow, 0);
      record.flags |= StreamFlag.wantsWindow;
    }
    if (allowed > this.connectionSendWindow) {
      allowed = this.connectionSendWindow;
      this.wantsConnectionWindow = true;
    }
    const isAll = allowed === wanted;
    if (allowed === 0 && !(isAll && endStream)) return 0;
    if (!isAll && allowed < SLIVER_BYTES) this.score.charge(AbuseCost.sliver);
    record.sendWindow -= allowed;
    this.connectionSendWindow -= allowed;
    this.messagesSincePing = true;
    record.sentBytes += this.#writeData(record.id, chunk, start, start + allowed, isAll && endStream);
    if (isAll && endStream) this.#endLocal(record);
    return allowed;
  }

  /** The bytes that it comes to on the wire. */
  #writeData(streamId: number, chunk: Buffer, start: number, end: number, endStream: boolean): number {
    const maxFrameBytes = this.peer.maxFrameBytes;
    let from = start;
    let wireBytes = end - start + FRAME_HEADER_BYTES;
    while (end - from > maxFrameBytes) {
      wireBytes += FRAME_HEADER_BYTES;
      this.writer.data(streamId, chunk, from, from + maxFrameBytes, false);
      this.score.dataFrameSent(maxFrameBytes);
      from += maxFrameBytes;
    }
    this.writer.data(streamId, chunk, from, end, endStream);
    this.score.dataFrameSent(end - from);
    return wireBytes;
  }

  #endLocal(stream: StreamRecord<U>): void {
    stream.flags |= StreamFlag.localEnded;
    // A client has no more requests open than we allow until it reads their answers; who does not read goes on and on.
    if (this.isServer) {
      this.output.controlFrames++;
      if (!this.settingsAcknowledged) this.output.unreadEnds++;
    }
    if (stream.isComplete) this.complete(stream);
  }

  /** These received bytes left towards their receiver: the peer gets the window back. Also after the stream's clean end. */
  creditReceived(stream: Http2Stream<U>, bytes: number): void {
    const record = stream as StreamRecord<U>;
    // After a reset the engine gave back the rest by itself.
    const due = Math.min(bytes, record.uncreditedBytes);
    record.uncreditedBytes -= due;
    this.creditStream(record, due);
    this.creditConnection(due);
  }

  /** Ends the stream at once; the handler hears `onStreamClosed`, not `onReset`. Frames under way are ignored. */
  resetStream(stream: Http2Stream<U>, code: ErrorCode): void {
    const record = stream as StreamRecord<U>;
    if (record.isClosed || this.closed) return;
    if (record.id !== 0) this.sendReset(record.id, code);
    this.forget(record);
    this.handler.onStreamClosed(record);
  }

  /**
   * The owner of a closed stream keeps no reference to it: its record serves another stream, of whatever connection, from the next
   * `receivePart` on. Not needed; a stream that is never released is left to the garbage collector.
   */
  releaseStream(stream: Http2Stream<U>): void {
    const record = stream as StreamRecord<U>;
    if ((record.flags & (StreamFlag.closed | StreamFlag.released)) !== StreamFlag.closed) return;
    record.flags |= StreamFlag.released;
    record.user = undefined;
    this.#data.forget(record);
    this.#released.push(record);
  }

  /** Sends a PING; `onPingAck` follows. */
  ping(): void {
    if (this.closed) return;
    this.unansweredPings++;
    this.writer.ping(0, ownPing, 0);
  }

  /** Sends a GOAWAY as it is, for example a keepalive policy's ENHANCE_YOUR_CALM. Opens no streams afterwards. */
  goaway(code: ErrorCode, options?: { readonly lastStreamId?: number; readonly debug?: string }): void {
    if (this.closed) return;
    this.drainBegun = true;
    const lastStreamId = options?.lastStreamId ?? this.lastPeerStreamId;
    this.acceptUpTo = Math.min(this.acceptUpTo, lastStreamId);
    this.writer.goaway(lastStreamId, code, options?.debug ?? '');
  }

  /**
   * Graceful end (RFC 9113 §6.8). A server announces 2^31-1 and a PING; the second GOAWAY, with the last id really
   * taken, follows its answer by itself, or `finishDrain` (after a timeout). A client just opens no more streams.
   */
  beginDrain(): void {
    if (this.closed || this.drainBegun) return;
    this.drainBegun = true;
    if (!this.isServer) return;
    this.writer.goaway(MAX_STREAM_ID, ErrorCode.NO_ERROR, '');
    this.unansweredPings++;
    this.writer.ping(0, drainPing, 0);
  }

  /** The second step of a server's graceful end: streams that are not here yet are refused. */
  finishDrain(): void {
    if (this.closed || !this.isServer || !this.drainBegun || this.acceptUpTo !== Infinity) return;
    this.acceptUpTo = this.lastPeerStreamId;
    this.writer.goaway(this.lastPeerStreamId, ErrorCode.NO_ERROR, '');
  }

  /** The socket is gone: every live stream is reported as reset by the peer with INTERNAL_ERROR. */
  socketClosed(): void {
    if (!this.closed) this.abandonStreams(ErrorCode.INTERNAL_ERROR, true);
  }

  /** For the reader only. */
  frameStart(type: number, _flags: number, streamId: number, length: number): boolean {
    const expected = this.#headers.continuationOf;
    if (expected !== 0 ? type !== FrameType.CONTINUATION || streamId !== expected : type === FrameType.CONTINUATION) {
      return this.#refuse(ErrorCode.PROTOCOL_ERROR, 'header block interrupted, or CONTINUATION without one');
    }
    if (!this.settingsReceived && type !== FrameType.SETTINGS) {
      return this.#refuse(ErrorCode.PROTOCOL_ERROR, 'the first frame must be SETTINGS');
    }
    switch (type) {
      case FrameType.DATA:
      case FrameType.HEADERS:
      case FrameType.CONTINUATION:
        return streamId !== 0 || this.#refuse(ErrorCode.PROTOCOL_ERROR, 'message frame on stream 0');
      case FrameType.PRIORITY:
        return streamId !== 0 || this.#refuse(ErrorCode.PROTOCOL_ERROR, 'PRIORITY on stream 0');
      case FrameType.RST_STREAM:
        if (streamId === 0) return this.#refuse(ErrorCode.PROTOCOL_ERROR, 'RST_STREAM on stream 0');
        return length === RST_STREAM_BYTES || this.#refuse(ErrorCode.FRAME_SIZE_ERROR, 'RST_STREAM of wrong length');
      case FrameType.SETTINGS:
        return streamId === 0 || this.#refuse(ErrorCode.PROTOCOL_ERROR, 'SETTINGS on a stream');
      case FrameType.PUSH_PROMISE:
        return this.#refuse(ErrorCode.PROTOCOL_ERROR, 'PUSH_PROMISE without permission');
      case FrameType.PING:
        if (streamId !== 0) return this.#refuse(ErrorCode.PROTOCOL_ERROR, 'PING on a stream');
        return length === PING_BYTES || this.#refuse(ErrorCode.FRAME_SIZE_ERROR, 'PING of wrong length');
      case FrameType.GOAWAY:
        if (streamId !== 0) return this.#refuse(ErrorCode.PROTOCOL_ERROR, 'GOAWAY on a stream');
        return length >= GOAWAY_MIN_BYTES || this.#refuse(ErrorCode.FRAME_SIZE_ERROR, 'GOAWAY too short');
      case FrameType.WINDOW_UPDATE:
        return (
          length === WINDOW_UPDATE_BYTES || this.#refuse(ErrorCode.FRAME_SIZE_ERROR, 'WINDOW_UPDATE of wrong length')
        );
      default:
        // Unknown types are ignored (§5.5), but reading them is work.
        this.chargeAbuse(AbuseCost.ignoredFrame * (1 + length / 1024));
        this.settle();
        return !this.closed;
    }
  }

  #refuse(code: ErrorCode, message: string): false {
    this.fail(code, message);
    return false;
  }

  /** For the reader only. */
  dataStart(streamId: number, flags: number, length: number): void {
    this.#data.start(streamId, flags, length);
  }

  /** For the reader only. */
  dataPadding(bytes: number): void {
    this.#data.padding(bytes);
  }

  /** For the reader only. */
  dataPart(chunk: Buffer, start: number, end: number, last: boolean): void {
    this.#data.part(chunk, start, end, last);
    if (last) this.settle();
  }

  /** For the reader only. */
  frame(type: number, flags: number, streamId: number, payload: Buffer, start: number, end: number): void {
    switch (type) {
      case FrameType.HEADERS:
        this.#headers.headers(flags, streamId, payload, start, end);
        break;
      case FrameType.CONTINUATION:
        this.#headers.continuation(flags, streamId, payload, start, end);
        break;
      case FrameType.WINDOW_UPDATE:
        receiveWindowUpdate(this, streamId, payload, start);
        break;
      case FrameType.RST_STREAM:
        receiveReset(this, streamId, payload, start);
        break;
      case FrameType.SETTINGS:
        this.#settings(flags, payload, start, end);
        break;
      case FrameType.PING:
        if (receivePing(this, flags, payload, start) === 'drained') this.finishDrain();
        break;
      case FrameType.GOAWAY:
        receiveGoaway(this, payload, start, end);
        break;
      default:
        this.#priority(streamId, payload, start, end);
    }
    this.settle();
  }

  #settings(flags: number, payload: Buffer, start: number, end: number): void {
    if (!this.settingsReceived && (flags & Flag.ACK) !== 0) {
      this.fail(ErrorCode.PROTOCOL_ERROR, 'the first frame must be SETTINGS, not its acknowledgement');
      return;
    }
    receiveSettings(this, flags, payload, start, end);
  }

  #priority(streamId: number, payload: Buffer, start: number, end: number): void {
    if (end - start === PRIORITY_BYTES) receivePriority(this, streamId, payload, start);
    else streamErrorById(this, streamId, ErrorCode.FRAME_SIZE_ERROR, 'PRIORITY of wrong length');
  }
}

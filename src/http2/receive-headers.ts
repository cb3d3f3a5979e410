/** Hot file: header blocks in, messages judged, streams opened (RFC 9113 §5.1, §6.2, §6.10, §8). */
import type { ConnectionCore } from './connection-core.ts';
import { ErrorCode } from './errors.ts';
import { FieldKind } from './field-kind.ts';
import { internField, type EngineField } from './field.ts';
import { Flag, FRAME_HEADER_BYTES, PRIORITY_BYTES, readUint31 } from './frame.ts';
import { AbuseCost, MAX_CONTINUATION_FRAMES, MAX_HEADER_BLOCK_BYTES, MAX_INFORMATIONAL_RESPONSES } from './limits.ts';
import { areTrailersWellFormed, judgeRequest, judgeResponse, MALFORMED } from './message-rules.ts';
import { PastStream } from './recent-streams.ts';
import { returnSlab, takeFrameSlab } from './slab-pool.ts';
import { LENGTH_UNKNOWN, StreamFlag, type StreamRecord } from './stream.ts';
import { takeStream } from './stream-pool.ts';

/** The answer to a request whose header section exceeds our limits (RFC 6585 §5); the stream costs nobody else. */
const tooLargeAnswer = [internField(':status', '431') as EngineField];

/** The same for a gRPC client, which would make INTERNAL of 431: RESOURCE_EXHAUSTED, in the one frame that gRPC wants. */
const tooLargeGrpcAnswer = [
  internField(':status', '200') as EngineField,
  internField('content-type', 'application/grpc') as EngineField,
  internField('grpc-status', '8') as EngineField,
  internField('grpc-message', 'request headers are too large') as EngineField,
];

const nothing = Buffer.alloc(0);

/** One connection's header blocks; at most one is under way at any time (RFC 9113 §4.3). */
export class HeaderReceiver<U> {
  /** The only stream on which the next frame may come, and only as CONTINUATION; 0 if none is due. */
  continuationOf = 0;
  readonly #core: ConnectionCore<U>;
  #flags = 0;
  #dependsOnItself = false;
  /** What has come of a block that is not complete, and where that ends. */
  #block: Buffer = nothing;
  #blockEnd = 0;
  #continuations = 0;
  /** Of the frames that make up the block. */
  #wireBytes = 0;

  constructor(core: ConnectionCore<U>) {
    this.#core = core;
  }

  headers(flags: number, streamId: number, payload: Buffer, from: number, to: number): void {
    const core = this.#core;
    let start = from;
    let end = to;
    this.#wireBytes = to - from + FRAME_HEADER_BYTES;
    if ((flags & Flag.PADDED) !== 0) {
      if (start === end) return core.fail(ErrorCode.FRAME_SIZE_ERROR, 'padded HEADERS without a pad length');
      end -= payload[start++] as number;
    }
    this.#dependsOnItself = false;
    if ((flags & Flag.PRIORITY) !== 0) {
      if (to - start < PRIORITY_BYTES) return core.fail(ErrorCode.FRAME_SIZE_ERROR, 'HEADERS too short');
      this.#dependsOnItself = readUint31(payload, start) === streamId;
      start += PRIORITY_BYTES;
    }
    if (start > end) return core.fail(ErrorCode.PROTOCOL_ERROR, 'padding longer than its HEADERS frame');
    this.#flags = flags;
    if ((flags & Flag.END_HEADERS) !== 0) return this.#blockComplete(streamId, payload, start, end);
    this.continuationOf = streamId;
    this.#continuations = 0;
    this.#block = takeFrameSlab(end - start);
    this.#blockEnd = payload.copy(this.#block, 0, start, end);
  }

  continuation(flags: number, streamId: number, payload: Buffer, start: number, end: number): void {
    const core = this.#core;
    if (++this.#continuations > MAX_CONTINUATION_FRAMES) {
      return core.failOnLimit('continuation-frames', 'too many CONTINUATION frames');
    }
    const bytes = this.#blockEnd + end - start;
    if (bytes > MAX_HEADER_BLOCK_BYTES) {
      return core.failOnLimit('header-block-bytes', 'header block too large');
    }
    this.#wireBytes += end - start + FRAME_HEADER_BYTES;
    if (bytes > this.#block.length) this.#growBlock(bytes);
    payload.copy(this.#block, this.#blockEnd, start, end);
    this.#blockEnd = bytes;
    if ((flags & Flag.END_HEADERS) === 0) return;
    const block = this.#block;
    this.#block = nothing;
    this.continuationOf = 0;
    this.#blockComplete(streamId, block, 0, bytes);
    returnSlab(block);
  }

  #growBlock(bytes: number): void {
    const grown = takeFrameSlab(bytes);
    this.#block.copy(grown, 0, 0, this.#blockEnd);
    returnSlab(this.#block);
    this.#block = grown;
  }

  #blockComplete(streamId: number, block: Buffer, start: number, end: number): void {
    const core = this.#core;
    core.messagesSincePing = true;
    // Decoded whatever becomes of the stream: the table is the connection's (RFC 9113 §4.3).
    if (!core.decoder.decode(block, start, end)) {
      return core.fail(ErrorCode.COMPRESSION_ERROR, core.decoder.error);
    }
    const stream = core.streams.get(streamId);
    if (stream !== undefined) this.#onLiveStream(stream);
    else if (core.isServer && (streamId & 1) === 1 && streamId > core.lastPeerStreamId) this.#onNewStream(streamId);
    else this.#onPastStream(streamId);
  }

  #onNewStream(streamId: number): void {
    const core = this.#core;
    core.lastPeerStreamId = streamId;
    core.recent.opened(streamId);
    core.score.streamOpened();
    if (streamId > core.acceptUpTo) {
      return core.rejectStream(streamId, ErrorCode.REFUSED_STREAM, AbuseCost.refusedUnawareStream);
    }
    if (core.liveStreams >= core.limits.maxConcurrentStreams) {
      core.handler.onLimit('concurrent-streams');
      return core.rejectStream(
        streamId,
        ErrorCode.REFUSED_STREAM,
        core.settingsAcknowledged ? AbuseCost.refusedStream : AbuseCost.refusedUnawareStream,
      );
    }
    const decoder = core.decoder;
    if (this.#dependsOnItself) return core.rejectStream(streamId, ErrorCode.PROTOCOL_ERROR, AbuseCost.ownReset);
    if (decoder.isTooLarge) return this.#answerTooLarge(streamId);
    const contentLength = judgeRequest(decoder.fields, decoder.count);
    const endStream = (this.#flags & Flag.END_STREAM) !== 0;
    if (contentLength === MALFORMED || (endStream && contentLength > 0)) {
      return core.rejectStream(streamId, ErrorCode.PROTOCOL_ERROR, AbuseCost.ownReset);
    }
    const stream = takeStream<U>(streamId, core.peer.initialWindowBytes, core.streamWindowBytes);
    stream.flags = StreamFlag.headersReceived | (endStream ? StreamFlag.remoteEnded : 0);
    stream.contentRemaining = contentLength;
    stream.receivedBytes = this.#wireBytes;
    core.streams.add(stream);
    core.liveStreams++;
    core.handler.onHeaders(stream, decoder.fields, decoder.count, endStream);
  }

  #answerTooLarge(streamId: number): void {
    const core = this.#core;
    this.#reportTooLarge();
    const { fields, count } = core.decoder;
    const answer = saysGrpc(fields, count) ? tooLargeGrpcAnswer : tooLargeAnswer;
    core.writer.headers(streamId, answer, answer.length, true, core.peer.maxFrameBytes);
    // What the client still sends is ignored; NO_ERROR: the answer above stands (RFC 9113 §8.1).
    core.rejectStream(streamId, ErrorCode.NO_ERROR, AbuseCost.ownReset);
  }

  #reportTooLarge(): void {
    const core = this.#core;
    const { isOverBytes, listBytes } = core.decoder;
    core.handler.onLimit(isOverBytes ? 'header-list-bytes' : 'header-list-fields');
    core.chargeAbuse(AbuseCost.oversizedList * Math.floor(listBytes / core.limits.maxHeaderListBytes));
  }

  #onLiveStream(stream: StreamRecord<U>): void {
    const core = this.#core;
    stream.receivedBytes += this.#wireBytes;
    if (stream.isRemoteEnded) return core.streamError(stream, ErrorCode.STREAM_CLOSED);
    if (this.#dependsOnItself) return core.streamError(stream, ErrorCode.PROTOCOL_ERROR);
    if (core.decoder.isTooLarge) {
      this.#reportTooLarge();
      return core.streamError(stream, ErrorCode.ENHANCE_YOUR_CALM);
    }
    if ((stream.flags & StreamFlag.headersReceived) !== 0) this.#onTrailers(stream);
    else this.#onResponse(stream);
  }

  #onTrailers(stream: StreamRecord<U>): void {
    const core = this.#core;
    const decoder = core.decoder;
    const isComplete = stream.contentRemaining === LENGTH_UNKNOWN || stream.contentRemaining === 0;
    if ((this.#flags & Flag.END_STREAM) === 0 || !isComplete || !areTrailersWellFormed(decoder.fields, decoder.count)) {
      return core.streamError(stream, ErrorCode.PROTOCOL_ERROR);
    }
    stream.flags |= StreamFlag.remoteEnded;
    core.handler.onTrailers(stream, decoder.fields, decoder.count);
    if (stream.isComplete) core.complete(stream);
  }

  #onResponse(stream: StreamRecord<U>): void {
    const core = this.#core;
    const { fields, count } = core.decoder;
    const endStream = (this.#flags & Flag.END_STREAM) !== 0;
    const contentLength = judgeResponse(fields, count);
    if (contentLength === MALFORMED) return core.streamError(stream, ErrorCode.PROTOCOL_ERROR);
    const status = (fields[0] as EngineField).value;
    if (status.charCodeAt(0) === 0x31) {
      if (endStream) return core.streamError(stream, ErrorCode.PROTOCOL_ERROR);
      if (++stream.informationalResponses > MAX_INFORMATIONAL_RESPONSES) {
        core.handler.onLimit('informational-responses');
        return core.streamError(stream, ErrorCode.ENHANCE_YOUR_CALM);
      }
      return core.handler.onHeaders(stream, fields, count, false);
    }
    const hasNoBody = (stream.flags & StreamFlag.headRequest) !== 0 || status === '204' || status === '304';
    if (endStream && contentLength > 0 && !hasNoBody) return core.streamError(stream, ErrorCode.PROTOCOL_ERROR);
    stream.contentRemaining = hasNoBody ? 0 : contentLength;
    stream.flags |= StreamFlag.headersReceived | (endStream ? StreamFlag.remoteEnded : 0);
    core.handler.onHeaders(stream, fields, count, endStream);
    if (stream.isComplete) core.complete(stream);
  }

  /** HEADERS for an id without a live stream that cannot open one. */
  #onPastStream(streamId: number): void {
    const core = this.#core;
    if (core.isIdle(streamId)) return core.fail(ErrorCode.PROTOCOL_ERROR, 'HEADERS on a stream that cannot be opened');
    switch (core.recent.endOf(streamId)) {
      case PastStream.resetByUs:
      // A stream that outlived many others: if we reset it, what was under way must not cost the others their connection.
      case PastStream.forgotten:
        return core.ignoreAfterReset(core.decoder.listBytes);
      case PastStream.skipped:
        return core.fail(ErrorCode.PROTOCOL_ERROR, 'stream ids must increase');
      case PastStream.ended:
        return core.fail(ErrorCode.STREAM_CLOSED, 'HEADERS on a stream that ended');
      default:
        return core.rejectStream(streamId, ErrorCode.STREAM_CLOSED, AbuseCost.ownReset);
    }
  }
}

/** Whether the fields that were kept before the limit name gRPC's content type. */
function saysGrpc(fields: readonly EngineField[], count: number): boolean {
  for (let i = 0; i < count; i++) {
    const { kind, value } = fields[i] as EngineField;
    if (kind === FieldKind.contentType) return value.startsWith('application/grpc');
  }
  return false;
}

/** Whether a request that we send is HEAD; its response announces content that never comes. */
export function isHeadRequest(fields: readonly EngineField[], count: number): boolean {
  for (let i = 0; i < count && (fields[i] as EngineField).kind <= FieldKind.status; i++) {
    if ((fields[i] as EngineField).kind === FieldKind.method) return (fields[i] as EngineField).value === 'HEAD';
  }
  return false;
}

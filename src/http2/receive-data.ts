/** Hot file: DATA in, flow control and announced lengths checked (RFC 9113 §6.1, §6.9, §8.1.1). */
import type { ConnectionCore } from './connection-core.ts';
import { ErrorCode } from './errors.ts';
import { Flag, FRAME_HEADER_BYTES } from './frame.ts';
import { AbuseCost, MAX_TINY_FRAMES_PER_STREAM, TINY_DATA_BYTES } from './limits.ts';
import { PastStream } from './recent-streams.ts';
import { LENGTH_UNKNOWN, StreamFlag, type StreamRecord } from './stream.ts';

/** One connection's DATA frames; one is under way at any time. */
export class DataReceiver<U> {
  readonly #core: ConnectionCore<U>;
  /** Whom the frame under way is for; undefined: its bytes are dropped and credited at once. */
  #stream: StreamRecord<U> | undefined;
  #endStream = false;
  #payloadBytes = 0;

  constructor(core: ConnectionCore<U>) {
    this.#core = core;
  }

  /** The stream's record will serve another one, maybe before the rest of this frame is there. */
  forget(stream: StreamRecord<U>): void {
    if (this.#stream === stream) this.#stream = undefined;
  }

  start(streamId: number, flags: number, length: number): void {
    const core = this.#core;
    this.#stream = undefined;
    this.#endStream = (flags & Flag.END_STREAM) !== 0;
    this.#payloadBytes = 0;
    core.messagesSincePing = true;
    if (length > core.connectionReceiveWindow) {
      return core.fail(ErrorCode.FLOW_CONTROL_ERROR, 'connection window exceeded');
    }
    core.connectionReceiveWindow -= length;
    if (core.creditsOnReceipt) core.announceConnectionCredit(length);
    const stream = core.streams.get(streamId);
    if (stream === undefined) return this.#onPastStream(streamId, length);
    if (stream.isRemoteEnded) return core.streamError(stream, ErrorCode.STREAM_CLOSED);
    if ((stream.flags & StreamFlag.headersReceived) === 0) return core.streamError(stream, ErrorCode.PROTOCOL_ERROR);
    // A window below zero, made by our SETTINGS, does not hold up an empty frame (RFC 9113 §6.9.1).
    if (length > stream.receiveWindow && length > 0) return core.streamError(stream, ErrorCode.FLOW_CONTROL_ERROR);
    stream.receiveWindow -= length;
    stream.receivedBytes += length + FRAME_HEADER_BYTES;
    this.#stream = stream;
  }

  #onPastStream(streamId: number, length: number): void {
    const core = this.#core;
    if (core.isIdle(streamId)) return core.fail(ErrorCode.PROTOCOL_ERROR, 'DATA on an idle stream');
    switch (core.recent.endOf(streamId)) {
      case PastStream.resetByUs:
      // A stream that outlived many others: if we reset it, what was under way must not cost the others their connection.
      case PastStream.forgotten:
        return core.ignoreAfterReset(length);
      case PastStream.skipped:
        return core.fail(ErrorCode.PROTOCOL_ERROR, 'DATA on an idle stream');
      case PastStream.ended:
        return core.fail(ErrorCode.STREAM_CLOSED, 'DATA on a stream that ended');
      default:
        return core.rejectStream(streamId, ErrorCode.STREAM_CLOSED, AbuseCost.ownReset);
    }
  }

  /** Padding is credited at once: nobody will. */
  padding(bytes: number): void {
    if (this.#stream !== undefined) this.#core.creditStream(this.#stream, bytes);
    this.#core.creditConnection(bytes);
  }

  #tooManyTinyFrames(stream: StreamRecord<U>, bytes: number): void {
    this.#core.creditConnection(bytes);
    this.#core.handler.onLimit('tiny-frames-per-stream');
    this.#core.streamError(stream, ErrorCode.ENHANCE_YOUR_CALM);
  }

  part(chunk: Buffer, start: number, end: number, last: boolean): void {
    const core = this.#core;
    const bytes = end - start;
    const stream = this.#stream;
    if (stream === undefined || stream.isClosed) {
      core.creditConnection(bytes);
      return;
    }
    this.#payloadBytes += bytes;
    const endStream = last && this.#endStream;
    if (stream.contentRemaining !== LENGTH_UNKNOWN) {
      stream.contentRemaining -= bytes;
      if (stream.contentRemaining < 0 || (endStream && stream.contentRemaining > 0)) {
        core.creditConnection(bytes);
        return core.streamError(stream, ErrorCode.PROTOCOL_ERROR);
      }
    }
    if (last && !endStream && this.#payloadBytes < TINY_DATA_BYTES) {
      core.chargeAbuse(this.#payloadBytes === 0 ? AbuseCost.emptyData : core.limits.tinyDataCost);
      if (++stream.tinyFrames > MAX_TINY_FRAMES_PER_STREAM) return this.#tooManyTinyFrames(stream, bytes);
    } else if (last && stream.tinyFrames > 0) {
      stream.tinyFrames--;
    }
    if (bytes === 0 && !endStream) return;
    stream.uncreditedBytes += bytes;
    if (endStream) stream.flags |= StreamFlag.remoteEnded;
    core.handler.onData(stream, chunk, start, end, endStream);
    if (stream.isComplete) core.complete(stream);
  }
}

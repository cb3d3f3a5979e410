/**
 * One stream as its owner sees it. The engine makes and ends it; only `user` belongs to the owner.
 *
 * ```
 *                 HEADERS sent or received
 *        idle ───────────────────────────────► open
 *                                             │    │
 *                        END_STREAM received  │    │  END_STREAM sent
 *                                             ▼    ▼
 *                        half-closed (remote)      half-closed (local)
 *                                             │    │
 *                            END_STREAM sent  │    │  END_STREAM received
 *                                             ▼    ▼
 *                                             closed  ◄── RST_STREAM sent or received, from anywhere
 * ```
 *
 * The two halves are independent: a server that ends first does not cut the client's half, nor the other way round.
 */
export interface Http2Stream<U> {
  /** 0 at a client until `sendHeaders` takes the next id, so ids always appear on the wire in order. */
  readonly id: number;
  user: U | undefined;
  /** Bytes the peer still takes on this stream; may be negative (RFC 9113 §6.9.2). The connection's window bounds it too. */
  readonly sendWindow: number;
  /** `sendData` took less than offered because of this stream's window; `onWindow` tells when there is some. */
  readonly awaitsWindow: boolean;
  /** Bytes on the wire so far: HEADERS, CONTINUATION and DATA frames, their heads included. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Our END_STREAM was sent. */
  readonly isLocalEnded: boolean;
  /** The peer's END_STREAM was received. */
  readonly isRemoteEnded: boolean;
  /** Both halves ended, or reset; every call with this stream is ignored from here on (but `creditReceived`). */
  readonly isClosed: boolean;
}

/** Bits of `StreamRecord.flags`. */
export const StreamFlag = {
  localEnded: 1,
  remoteEnded: 2,
  closed: 4,
  /** The request, or the final response, was received: what follows is DATA and trailers. */
  headersReceived: 8,
  /** `sendData` took less than offered because of this stream's window. */
  wantsWindow: 16,
  /** Answer to HEAD: a content-length announces nothing, and no DATA may come. */
  headRequest: 32,
  /** Its owner let go of it; the record will serve another stream. */
  released: 64,
  /** The peer was granted the whole window. */
  windowGrown: 128,
} as const;

const bothEnded = StreamFlag.localEnded | StreamFlag.remoteEnded;

/** No content-length was announced. */
export const LENGTH_UNKNOWN = -1;

/** What the engine keeps of a stream. */
export class StreamRecord<U> implements Http2Stream<U> {
  id: number;
  user: U | undefined = undefined;
  flags = 0;
  sendWindow: number;
  receivedBytes = 0;
  sentBytes = 0;
  /** Bytes the peer may still send. */
  receiveWindow: number;
  /** Credit for the peer that was not announced yet. */
  unannouncedCredit = 0;
  /** Bytes given to the handler that it did not credit yet. */
  uncreditedBytes = 0;
  /** Announced content still to come, or LENGTH_UNKNOWN. */
  contentRemaining = LENGTH_UNKNOWN;
  informationalResponses = 0;
  /** DATA frames too short for a gRPC message prefix, less those that are not. */
  tinyFrames = 0;

  constructor(id: number, sendWindow: number, receiveWindow: number) {
    this.id = id;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  /** Makes a used record like new. */
  begin(id: number, sendWindow: number, receiveWindow: number): void {
    this.id = id;
    this.user = undefined;
    this.flags = 0;
    this.sendWindow = sendWindow;
    this.receivedBytes = 0;
    this.sentBytes = 0;
    this.receiveWindow = receiveWindow;
    this.unannouncedCredit = 0;
    this.uncreditedBytes = 0;
    this.contentRemaining = LENGTH_UNKNOWN;
    this.informationalResponses = 0;
    this.tinyFrames = 0;
  }

  get awaitsWindow(): boolean {
    return (this.flags & StreamFlag.wantsWindow) !== 0;
  }

  get isLocalEnded(): boolean {
    return (this.flags & StreamFlag.localEnded) !== 0;
  }

  get isRemoteEnded(): boolean {
    return (this.flags & StreamFlag.remoteEnded) !== 0;
  }

  get isClosed(): boolean {
    return (this.flags & StreamFlag.closed) !== 0;
  }

  /** Both halves ended by END_STREAM, but `onStreamClosed` was not yet reported. */
  get isComplete(): boolean {
    return (this.flags & (bothEnded | StreamFlag.closed)) === bothEnded;
  }
}

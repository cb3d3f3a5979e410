/** Hot file: the state of a connection and what every part of it does to streams, windows and the peer. */
import { AbuseScore } from './abuse-score.ts';
import { ErrorCode } from './errors.ts';
import { INITIAL_HEADER_TABLE_BYTES, INITIAL_WINDOW_BYTES, MIN_MAX_FRAME_BYTES } from './frame.ts';
import type { ConnectionHandler, LimitName } from './handler.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import {
  AbuseCost,
  ASSUMED_PEER_CONCURRENT_STREAMS,
  GROWN_AFTER_WINDOWS,
  MAX_QUEUED_ANSWER_BYTES,
  MAX_QUEUED_CONTROL_FRAMES,
  TINY_DATA_BYTES,
  type Http2Limits,
} from './limits.ts';
import { OutputBuffer } from './output.ts';
import { PastStream, RecentStreams } from './recent-streams.ts';
import { StreamFlag, type StreamRecord } from './stream.ts';
import { StreamTable } from './stream-table.ts';
import { FrameWriter } from './writer.ts';

/** What the peer's SETTINGS say; the protocol's initial values before. */
export interface PeerSettings {
  initialWindowBytes: number;
  maxFrameBytes: number;
  maxConcurrentStreams: number;
}

export interface ConnectionCoreOptions<U> {
  readonly role: 'server' | 'client';
  readonly handler: ConnectionHandler<U>;
  readonly limits: Http2Limits;
  readonly creditsOnReceipt?: boolean;
}

/** What the engine's own parts share; owners of a connection use what `Http2Connection` and `Http2Stream` declare. */
export class ConnectionCore<U> {
  readonly isServer: boolean;
  readonly handler: ConnectionHandler<U>;
  readonly limits: Http2Limits;
  /**
   * The connection's window comes back as soon as bytes are received, only that of their stream once they left: so streams whose
   * receivers stand still never use up what the others need, however small it is. Their own windows bound what they pin.
   */
  readonly creditsOnReceipt: boolean;
  readonly output = new OutputBuffer();
  readonly writer = new FrameWriter(this.output);
  readonly decoder: HpackDecoder;
  readonly streams = new StreamTable<U>();
  readonly score: AbuseScore;
  readonly peer: PeerSettings = {
    initialWindowBytes: INITIAL_WINDOW_BYTES,
    maxFrameBytes: MIN_MAX_FRAME_BYTES,
    maxConcurrentStreams: ASSUMED_PEER_CONCURRENT_STREAMS,
  };
  /** How streams ended that are not live; of the peer's streams at a server, of our own at a client. */
  readonly recent = new RecentStreams();
  /** The connection failed, or its socket is gone. */
  closed = false;
  /** Message of the connection error, empty without one. */
  errorMessage = '';
  /** The peer's first frame was SETTINGS. */
  settingsReceived = false;
  /** The peer applied our SETTINGS: limits that it could not know before now bind it. */
  settingsAcknowledged = false;
  /** Receive window of a new stream: the protocol's until our SETTINGS are acknowledged. */
  streamWindowBytes = INITIAL_WINDOW_BYTES;
  /** The same once they are. */
  readonly firstStreamWindowBytes: number;
  /** Bytes we may send on the connection. */
  connectionSendWindow = INITIAL_WINDOW_BYTES;
  /** Bytes the peer may still send on the connection. */
  connectionReceiveWindow: number;
  unannouncedCredit = 0;
  /** `sendData` took less than offered because of the connection's window. */
  wantsConnectionWindow = false;
  /** Highest id the peer used (at a server). */
  lastPeerStreamId = 0;
  /** Next id of ours (at a client). */
  nextOwnId = 1;
  /** GOAWAY that binds us: no stream of ours above it is processed; no new streams. */
  goawayReceived = false;
  /** We announced that we go away, so the peer should open no more streams. */
  drainBegun = false;
  /** Highest peer stream that is still served once the drain's second GOAWAY is out. */
  acceptUpTo = Infinity;
  /** Live streams, those of ours without an id yet included. */
  liveStreams = 0;
  /** Streams whose both halves ended in order. */
  completedStreams = 0;
  /** A message was sent or received since the peer's last PING: keepalive of a busy connection is free. */
  messagesSincePing = false;
  /** PINGs of ours that are not answered yet. */
  unansweredPings = 0;
  goawaysReceived = 0;
  /** Bytes that may still be under way on streams that we reset: a peer that heard of it sends no more. */
  bytesAfterResets = 0;

  constructor({ role, handler, limits, creditsOnReceipt = false }: ConnectionCoreOptions<U>) {
    this.isServer = role === 'server';
    this.handler = handler;
    this.limits = limits;
    this.creditsOnReceipt = creditsOnReceipt;
    this.firstStreamWindowBytes = Math.ceil(limits.streamWindowBytes / limits.firstWindowDivisor);
    this.score = new AbuseScore(this.limits);
    this.connectionReceiveWindow = Math.max(limits.connectionWindowBytes, INITIAL_WINDOW_BYTES);
    this.decoder = new HpackDecoder({
      tableBytes: INITIAL_HEADER_TABLE_BYTES,
      maxListBytes: limits.maxHeaderListBytes,
      maxFields: limits.maxHeaderFields,
    });
    // A smaller table binds once the peer has acknowledged it: until then its encoder rightly uses the protocol's.
    this.decoder.setTableLimit(Math.max(limits.headerTableBytes, INITIAL_HEADER_TABLE_BYTES));
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** A connection error (RFC 9113 §5.4.1): GOAWAY, every live stream reported, nothing read or written afterwards. */
  fail(code: ErrorCode, message: string): void {
    this.errorMessage = message;
    this.writer.goaway(this.lastPeerStreamId, code, message);
    this.abandonStreams(code, false);
    this.handler.onConnectionError(code, message);
  }

  /** A limit acted hard: connection error ENHANCE_YOUR_CALM, reported by name. */
  failOnLimit(name: LimitName, message: string): void {
    if (this.closed) return;
    this.handler.onLimit(name);
    this.fail(ErrorCode.ENHANCE_YOUR_CALM, message);
  }

  /** Ends the connection for its streams. */
  abandonStreams(code: ErrorCode, byPeer: boolean): void {
    this.closed = true;
    for (const stream of this.streams.all()) this.reportReset(stream, code, byPeer);
  }

  /** A stream error of our making (RFC 9113 §5.4.2), for a live stream. */
  streamError(stream: StreamRecord<U>, code: ErrorCode): void {
    this.sendReset(stream.id, code);
    this.chargeAbuse(AbuseCost.ownReset);
    this.reportReset(stream, code, false);
  }

  /** RST_STREAM for an id that has no live stream. */
  rejectStream(streamId: number, code: ErrorCode, cost: number): void {
    this.sendReset(streamId, code);
    this.chargeAbuse(cost);
  }

  sendReset(streamId: number, code: ErrorCode): void {
    this.writer.rstStream(streamId, code);
    const { streamWindowBytes, maxConcurrentStreams } = this.limits;
    const most = streamWindowBytes * maxConcurrentStreams;
    this.bytesAfterResets = Math.min(this.bytesAfterResets + streamWindowBytes, most);
    this.recent.mark(streamId, PastStream.resetByUs);
  }

  /** A frame on a stream that we reset: free as far as it can have been sent before the peer knew, then not. */
  ignoreAfterReset(bytes: number): void {
    this.bytesAfterResets -= Math.max(bytes, TINY_DATA_BYTES);
    if (this.bytesAfterResets >= 0) return;
    this.bytesAfterResets = 0;
    this.chargeAbuse(AbuseCost.frameAfterReset);
  }

  /** Draws from the abuse budget; `settle` acts on it at the end of the frame. */
  chargeAbuse(cost: number): void {
    this.score.charge(cost);
  }

  /** After each frame that may have cost something: closes the connection of an abuser. */
  settle(): void {
    if (this.score.isExhausted) this.failOnLimit('abuse-score', 'too many suspicious frames');
    else if (this.output.controlFrames > MAX_QUEUED_CONTROL_FRAMES) {
      this.failOnLimit('queued-control-frames', 'answers are not read');
    } else if (this.isServer && this.output.byteLength > MAX_QUEUED_ANSWER_BYTES) {
      this.failOnLimit('queued-answer-bytes', 'answers are not read');
    }
  }

  /** Tells the handler of a reset and forgets the stream. */
  reportReset(stream: StreamRecord<U>, code: ErrorCode, byPeer: boolean): void {
    this.forget(stream);
    this.handler.onReset(stream, code, byPeer);
    this.handler.onStreamClosed(stream);
  }

  /** Both halves ended. */
  complete(stream: StreamRecord<U>): void {
    stream.flags |= StreamFlag.closed;
    this.#remove(stream);
    this.completedStreams++;
    this.score.streamCompleted();
    this.handler.onStreamClosed(stream);
  }

  /** Forgets a stream that was reset; what its owner did not credit goes back by itself. */
  forget(stream: StreamRecord<U>): void {
    stream.flags |= StreamFlag.closed;
    this.#remove(stream);
    const bytes = stream.uncreditedBytes;
    stream.uncreditedBytes = 0;
    this.creditConnection(bytes);
  }

  #remove(stream: StreamRecord<U>): void {
    this.liveStreams--;
    this.streams.delete(stream);
  }

  /** These received bytes left, or nobody will have them: the peer gets the connection's window back, if it did not at once. */
  creditConnection(bytes: number): void {
    if (!this.creditsOnReceipt) this.announceConnectionCredit(bytes);
  }

  /** Gives window back to the peer's connection, announced in batches of half a window. */
  announceConnectionCredit(bytes: number): void {
    const credit = this.unannouncedCredit + bytes;
    if (credit * 2 < this.limits.connectionWindowBytes || this.closed) {
      this.unannouncedCredit = credit;
      return;
    }
    this.unannouncedCredit = 0;
    this.connectionReceiveWindow += credit;
    this.writer.windowUpdate(0, credit);
  }

  /** The same for a stream, as long as the peer may still send on it. */
  creditStream(stream: StreamRecord<U>, bytes: number): void {
    if ((stream.flags & (StreamFlag.remoteEnded | StreamFlag.closed)) !== 0 || this.closed) return;
    const credit = stream.unannouncedCredit + bytes;
    const isGrown = (stream.flags & StreamFlag.windowGrown) !== 0;
    // Before the acknowledgement too, the smaller one: the peer may apply it any time, and then waits for what is not announced.
    const first = Math.min(this.streamWindowBytes, this.firstStreamWindowBytes);
    if (credit * 2 < (isGrown ? this.limits.streamWindowBytes : first)) {
      stream.unannouncedCredit = credit;
      return;
    }
    stream.unannouncedCredit = 0;
    const announced = isGrown ? credit : credit + this.#growth(stream);
    stream.receiveWindow += announced;
    this.writer.windowUpdate(stream.id, announced);
  }

  /** What is still missing to the whole window, once the receiver of this stream has shown that it reads. */
  #growth(stream: StreamRecord<U>): number {
    const { firstStreamWindowBytes } = this;
    const taken = stream.receivedBytes - stream.uncreditedBytes;
    // Before the acknowledgement the peer still goes by the protocol's window.
    if (!this.settingsAcknowledged || taken < GROWN_AFTER_WINDOWS * firstStreamWindowBytes) return 0;
    stream.flags |= StreamFlag.windowGrown;
    return this.limits.streamWindowBytes - firstStreamWindowBytes;
  }

  /** Whether an id was never used, so that only HEADERS (or PRIORITY) may come for it. */
  isIdle(streamId: number): boolean {
    const isPeers = (streamId & 1) === (this.isServer ? 1 : 0);
    if (isPeers) return !this.isServer || streamId > this.lastPeerStreamId;
    return this.isServer || streamId >= this.nextOwnId;
  }
}

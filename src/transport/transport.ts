/** Hot file: drives one socket. */
import type { Socket } from 'node:net';
import { defaultLimits, ErrorCode, Http2Connection, type ConnectionHandler, type Http2Limits } from '../http2/index.ts';
import { noteAtWork } from './at-work.ts';
import { Backlog } from './backlog.ts';
import { readIntoSharedBuffer, readOn } from './read-buffer.ts';
import type { SocketFacts } from './socket-facts.ts';
import { WheelTimer, type TimerWheel } from './timer-wheel.ts';
import {
  BYTES_PER_LOOK,
  defaultTransportLimits,
  FRAMES_PER_LOOK,
  KNOWN_AFTER_BYTES,
  KNOWN_AFTER_CALLS,
  READ_BYTES_PER_TURN,
  SLICE_MS,
  STRANGER_BYTES_AT_ONCE,
  STRANGER_SLICE_MS,
  type TransportLimits,
} from './transport-limits.ts';
import {
  chunkBegins,
  chunkProcessed,
  flushThisTurn,
  resumeAfterRest,
  resumeNextTurn,
  type Flushable,
  type Resumable,
} from './turn.ts';

export interface Http2TransportOptions<U> {
  /** A connected socket, TLS already established; `listen` and `connect` hand such over. */
  readonly socket: Socket;
  readonly facts: SocketFacts;
  readonly role: 'server' | 'client';
  readonly handler: ConnectionHandler<U>;
  readonly wheel: TimerWheel;
  /** Defaults to `defaultLimits`. */
  readonly limits?: Http2Limits;
  /** See `Http2ConnectionOptions`. */
  readonly creditsOnReceipt?: boolean;
  /** Calls that were served, for `KNOWN_AFTER_CALLS`. Default: streams that completed, whoever ended them. */
  readonly served?: () => number;
  /** Overrides of `defaultTransportLimits`. */
  readonly transportLimits?: Partial<TransportLimits>;
  /** `writeBlocked` was true and is not any more. */
  readonly onWritable: () => void;
  /**
   * All frames of what was read from the socket have been handled. Answers false if it did only some of what follows from
   * them; then it is called again, after the other connections had their turn.
   */
  readonly onChunkEnd?: () => boolean;
  /** The connection ended; live streams were reported to the handler just before. Called exactly once. */
  readonly onClose: (reason: CloseReason) => void;
}

/** Why a connection ended; `error` is the socket's or the engine's message (no peer data), empty if orderly. */
export interface CloseReason {
  readonly cause:
    | 'peer-closed'
    | 'socket-error'
    | 'protocol-error'
    | 'headers-timeout'
    | 'idle-timeout'
    | 'write-stall'
    | 'drained'
    | 'closed'
    | 'destroyed';
  readonly error: string;
}

/** How often the slow timeouts are looked at, as a share of the shortest. */
const CHECKS_PER_TIMEOUT = 2;

/**
 * Drives one socket: reads into the engine, writes its output once per turn.
 *
 * Reading pauses while other connections have their turn, and for no other reason: windows bound what a peer may send, and two
 * peers that both stopped reading because the other does not would wait for ever. What bounds the output is `writeBlocked`, which
 * the owner obeys.
 */
export class Http2Transport<U> implements Flushable, Resumable {
  readonly connection: Http2Connection<U>;
  readonly facts: SocketFacts;
  /** Milliseconds of the wheel's clock, read once for the chunk being processed. */
  nowMs: number;
  readonly #socket: Socket;
  readonly #wheel: TimerWheel;
  readonly #limits: TransportLimits;
  readonly #options: Http2TransportOptions<U>;
  readonly #checkTimer = new WheelTimer(() => this.#check());
  readonly #endTimer = new WheelTimer(() => this.#onEndTimer());
  readonly #onWritten = (): void => this.#written();
  #isDirty = false;
  /** The turn of what was processed last, and that in which `#turnBytes` came. */
  #turn = -1;
  #turnOfBytes = -1;
  #turnBytes = 0;
  /** All that was read. */
  #bytes = 0;
  #isKnown = false;
  /** It waits until the others had their turn, with what was read meanwhile. */
  #isPaused = false;
  readonly #backlog = new Backlog();
  /** Not all that follows from the last chunk was done. */
  #isUnfinished = false;
  #isWriting = false;
  /** A drain waits for the next call. */
  #drainWaits = false;
  /** Why we are closing, once we are. */
  #reason: CloseReason | undefined;
  #isEnded = false;
  #isReported = false;
  /** When the state that a timeout watches was last seen to change. */
  #writes = 0;
  #writeSeen = 0;
  #writeSeenMs = 0;
  #streamsSeen = 0;
  #idleSinceMs: number;
  #framesSeen = 0;
  #movedMs: number;

  constructor(options: Http2TransportOptions<U>) {
    this.#options = options;
    this.#socket = options.socket;
    this.#wheel = options.wheel;
    this.facts = options.facts;
    this.#limits = { ...defaultTransportLimits, ...options.transportLimits };
    this.connection = new Http2Connection<U>({
      role: options.role,
      handler: options.handler,
      limits: options.limits ?? defaultLimits,
      ...(options.creditsOnReceipt === true ? { creditsOnReceipt: true } : {}),
    });
    this.nowMs = options.wheel.nowMs();
    this.#idleSinceMs = this.nowMs;
    this.#movedMs = this.nowMs;
    this.#listen();
    this.connection.output.onPending = () => this.scheduleFlush();
    this.scheduleFlush();
    this.#armCheck();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.setNoDelay(true);
    const read = (chunk: Buffer): boolean => this.#read(chunk);
    readIntoSharedBuffer(socket, read);
    // Bytes that came before, and all of them where there is no shared buffer.
    socket.on('data', (chunk: Buffer) => {
      if (!this.#read(chunk)) socket.pause();
    });
    socket.on('end', () => this.#finish({ cause: 'peer-closed', error: '' }));
    socket.on('error', (error: Error) => this.#finish({ cause: 'socket-error', error: error.message }));
    socket.on('close', () => this.#onSocketClosed());
    if (socket.destroyed) queueMicrotask(() => this.#onSocketClosed());
  }

  /** Output is above the high-water mark: hand over no more data until `onWritable`. */
  get writeBlocked(): boolean {
    return this.connection.output.byteLength >= this.#limits.highWaterBytes;
  }

  /** It brought or was given more than goes through at once: what is sent on it now waits for that. */
  get isBehind(): boolean {
    return this.#isPaused || this.writeBlocked;
  }

  /** Closing, or closed: no stream can be opened or lives here. */
  get isClosing(): boolean {
    return this.#reason !== undefined;
  }

  /** Normally not needed: writing to the engine schedules a flush by itself. */
  scheduleFlush(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    flushThisTurn(this);
  }

  /** For how long it may use the event loop at once, in milliseconds; who draws on the abuse budget stops at the first look. */
  get #sliceMs(): number {
    if (this.connection.score.isSuspect) return 0;
    return this.isKnown ? SLICE_MS : STRANGER_SLICE_MS;
  }

  /** It has not yet shown that it brings honest work, or has drawn on the abuse budget. */
  get #isStrange(): boolean {
    return !this.isKnown || this.connection.score.isSuspect;
  }

  /** Its peer has shown that it brings honest work. */
  get isKnown(): boolean {
    if (this.#isKnown) return true;
    const served = this.#options.served?.() ?? this.connection.completedStreams;
    this.#isKnown = served >= KNOWN_AFTER_CALLS || this.#bytes >= KNOWN_AFTER_BYTES;
    return this.#isKnown;
  }

  /** Answers whether the socket may bring more in this turn. */
  #read(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    // TLS hands out all that it has decrypted already, paused or not.
    if (this.#isPaused || (chunk.length > STRANGER_BYTES_AT_ONCE && this.#isStrange)) {
      this.#backlog.push(chunk, 0);
      this.#pause();
      return false;
    }
    const at = this.#process(chunk);
    this.#backlog.push(chunk, at);
    if (this.#isPaused) return false;
    if (this.#turn !== this.#turnOfBytes) {
      this.#turnOfBytes = this.#turn;
      this.#turnBytes = 0;
    }
    this.#turnBytes += chunk.length;
    if (this.#turnBytes < READ_BYTES_PER_TURN) return true;
    this.#turnBytes = 0;
    this.#pause();
    return false;
  }

  /** Handles the frames of `chunk`, or as many as one connection may at once, and pauses then. Answers where it stopped. */
  #process(chunk: Buffer): number {
    const nowMs = this.#wheel.nowMs();
    this.nowMs = nowMs;
    const connection = this.connection;
    const end = chunk.length;
    chunkBegins();
    connection.score.tick(nowMs);
    if (connection.role === 'server' && this.isKnown) noteAtWork(nowMs);
    let at = connection.receivePart(chunk, 0, FRAMES_PER_LOOK, BYTES_PER_LOOK);
    while (at < end && this.#wheel.nowMs() - nowMs < this.#sliceMs) {
      at = connection.receivePart(chunk, at, FRAMES_PER_LOOK, BYTES_PER_LOOK);
    }
    this.#isUnfinished = at < end || this.#options.onChunkEnd?.() === false;
    if (this.#isUnfinished) this.#pause();
    if (this.#drainWaits && connection.activeStreams > 0) this.#beginDrain();
    if (connection.isClosed || connection.isDraining) this.#checkEnd();
    this.#turn = chunkProcessed();
    return at;
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    if (this.connection.score.isSuspect) resumeAfterRest(this);
    else resumeNextTurn(this);
  }

  /** The peer is gone. What a server said before counts all the same; a client that left waits for nothing. */
  #takeBacklog(): void {
    const backlog = this.#backlog;
    while (this.connection.role === 'client' && !backlog.isEmpty) {
      const chunk = backlog.front();
      this.connection.receive(chunk);
      backlog.consume(chunk.length);
    }
    backlog.clear();
  }

  /** The others had their turn. */
  resume(): void {
    this.#isPaused = false;
    const backlog = this.#backlog;
    if (this.#isUnfinished || !backlog.isEmpty) {
      const at = this.#process(backlog.front());
      backlog.consume(at);
      if (!backlog.isEmpty) this.#pause();
      if (this.#isPaused) return;
    }
    readOn(this.#socket);
  }

  /** Writes what waits; for the end of the turn only. */
  flush(): void {
    this.#isDirty = false;
    if (this.connection.isDraining) this.#checkEnd();
    this.#write();
  }

  #write(): void {
    const output = this.connection.output;
    if (this.#isWriting || this.#isEnded) return;
    if (output.byteLength === 0) {
      if (this.#reason !== undefined) this.#endSocket();
      return;
    }
    const wasBlocked = this.writeBlocked;
    const segments = output.take();
    const socket = this.#socket;
    const last = segments.length - 1;
    this.#isWriting = true;
    this.#writes++;
    if (last > 0) socket.cork();
    for (let i = 0; i < last; i++) socket.write(segments[i] as Buffer);
    socket.write(segments[last] as Buffer, this.#onWritten);
    if (last > 0) socket.uncork();
    if (wasBlocked && this.#reason === undefined) this.#options.onWritable();
  }

  #written(): void {
    this.#isWriting = false;
    this.connection.output.written();
    this.#write();
  }

  /** Two-step GOAWAY at a server, see also `drainQuietMs`; closes by itself when the last stream is done. */
  drain(): void {
    const connection = this.connection;
    if (connection.isDraining || this.#drainWaits || this.#reason !== undefined) return;
    const quietMs = this.#wheel.nowMs() - this.nowMs;
    const waitMs = this.#limits.drainQuietMs - quietMs;
    this.#drainWaits = connection.role === 'server' && connection.activeStreams === 0 && waitMs > 0;
    if (this.#drainWaits) this.#wheel.arm(this.#endTimer, waitMs);
    else this.#beginDrain();
  }

  #beginDrain(): void {
    this.#drainWaits = false;
    this.connection.beginDrain();
    if (this.connection.role === 'server') this.#wheel.arm(this.#endTimer, this.#limits.drainPingTimeoutMs);
    this.scheduleFlush();
  }

  /** Says goodbye, cuts live streams, flushes, closes. */
  close(): void {
    this.#finish({ cause: 'closed', error: '' });
  }

  /** Closes at once; what waits is not sent. */
  destroy(): void {
    this.#reason ??= { cause: 'destroyed', error: '' };
    this.#socket.destroy();
    this.#onSocketClosed();
  }

  #checkEnd(): void {
    const connection = this.connection;
    if (connection.isClosed) this.#finish({ cause: 'protocol-error', error: connection.errorMessage });
    else if (connection.isDrained) this.#finish({ cause: 'drained', error: '' });
  }

  /** Ends the connection: engine first (which says GOAWAY and reports live streams), then the socket. */
  #finish(reason: CloseReason): void {
    if (this.#reason !== undefined) return;
    const isGone = reason.cause === 'peer-closed' || reason.cause === 'socket-error';
    if (isGone) this.#takeBacklog();
    this.#reason = reason;
    const connection = this.connection;
    this.#wheel.cancel(this.#checkTimer);
    this.#wheel.arm(this.#endTimer, this.#limits.lingerTimeoutMs);
    if (isGone) {
      this.#isEnded = true;
      this.#socket.destroySoon();
    } else {
      // After a drain the peer knows already.
      if (reason.cause !== 'drained') connection.goaway(ErrorCode.NO_ERROR);
      this.scheduleFlush();
    }
    connection.socketClosed();
    this.#report();
  }

  #endSocket(): void {
    this.#isEnded = true;
    // Reading goes on until the peer closes, so that our last frames are not lost in a TCP reset.
    this.#socket.end();
  }

  #onEndTimer(): void {
    if (this.#reason !== undefined) {
      this.#socket.destroy();
      return;
    }
    if (this.#drainWaits) {
      this.#beginDrain();
      return;
    }
    this.connection.finishDrain();
    this.#checkEnd();
  }

  #onSocketClosed(): void {
    this.#isEnded = true;
    if (this.#reason === undefined) this.#takeBacklog();
    else this.#backlog.clear();
    this.#reason ??= { cause: 'peer-closed', error: '' };
    this.#wheel.cancel(this.#checkTimer);
    this.#wheel.cancel(this.#endTimer);
    this.connection.socketClosed();
    this.#report();
  }

  #report(): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#options.onClose(this.#reason as CloseReason);
  }

  #armCheck(): void {
    const { headersTimeoutMs, idleTimeoutMs } = this.#limits;
    this.#wheel.arm(this.#checkTimer, Math.min(headersTimeoutMs, idleTimeoutMs) / CHECKS_PER_TIMEOUT);
  }

  /** The slow timeouts; nothing of this is done per chunk. */
  #check(): void {
    const nowMs = this.#wheel.nowMs();
    const connection = this.connection;
    const limits = this.#limits;
    // Short calls may come and go between two looks, so new ids count as well as live streams.
    const streams = connection.lastPeerStreamId + connection.nextOwnId;
    if (connection.activeStreams > 0 || streams !== this.#streamsSeen) {
      this.#streamsSeen = streams;
      this.#idleSinceMs = nowMs;
    }
    if (!this.#isWriting || this.#writes !== this.#writeSeen) {
      this.#writeSeen = this.#writes;
      this.#writeSeenMs = nowMs;
    }
    const isWaiting = connection.isMidMessage || !connection.settingsReceived;
    if (!isWaiting || connection.framesReceived !== this.#framesSeen) {
      this.#framesSeen = connection.framesReceived;
      this.#movedMs = nowMs;
    }
    if (nowMs - this.#writeSeenMs >= limits.writeStallTimeoutMs) {
      this.#finish({ cause: 'write-stall', error: '' });
      this.#socket.destroy();
    } else if (isWaiting && nowMs - this.#movedMs >= limits.headersTimeoutMs) {
      this.#finish({ cause: 'headers-timeout', error: '' });
    } else if (nowMs - this.#idleSinceMs >= limits.idleTimeoutMs) {
      this.#finish({ cause: 'idle-timeout', error: '' });
    } else {
      this.#armCheck();
    }
  }
}

import type { Socket } from 'node:net';
import type { ConnectionHandler, Http2Connection, Http2Limits } from '../http2/index.ts';
import type { SocketFacts } from './socket-facts.ts';
import type { TimerWheel } from './timer-wheel.ts';

export interface Http2TransportOptions<U> {
  /** A connected socket, TLS already established; `listen` and `connect` hand such over. */
  readonly socket: Socket;
  readonly facts: SocketFacts;
  readonly role: 'server' | 'client';
  readonly handler: ConnectionHandler<U>;
  readonly wheel: TimerWheel;
  /** Defaults to `defaultLimits`. */
  readonly limits?: Http2Limits;
  /** Overrides of `defaultTransportLimits`. */
  readonly transportLimits?: Partial<TransportLimits>;
  /** The output fell below the low-water mark after `writeBlocked` was true. */
  readonly onWritable: () => void;
  /** The socket is closed; live streams were reported to the handler just before. Called exactly once. */
  readonly onClose: (reason: CloseReason) => void;
}

export interface TransportLimits {
  readonly highWaterBytes: number;
  readonly lowWaterBytes: number;
  /** From start to the peer's first SETTINGS, and at a server to its first request. */
  readonly firstHeadersTimeoutMs: number;
  /** Without any stream. */
  readonly idleTimeoutMs: number;
  /** The peer reads nothing while output waits. */
  readonly writeStallTimeoutMs: number;
  /** After `close()` or `drain()`'s end, until the socket is destroyed. */
  readonly lingerTimeoutMs: number;
}

export declare const defaultTransportLimits: TransportLimits;

/** Why a connection ended; `error` is the socket's message (no peer data), empty if orderly. */
export interface CloseReason {
  readonly cause:
    | 'peer-closed'
    | 'socket-error'
    | 'protocol-error'
    | 'first-headers-timeout'
    | 'idle-timeout'
    | 'write-stall'
    | 'drained'
    | 'closed'
    | 'destroyed';
  readonly error: string;
}

/** Drives one socket: reads into the engine, writes its output once per turn. */
export declare class Http2Transport<U> {
  constructor(options: Http2TransportOptions<U>);
  readonly connection: Http2Connection<U>;
  readonly facts: SocketFacts;
  /** Milliseconds of the wheel's clock, read once for the chunk being processed. */
  readonly nowMs: number;
  /** Output is above the high-water mark: hand over no more data until `onWritable`. */
  readonly writeBlocked: boolean;
  /** Normally not needed: writing to the engine schedules a flush by itself. */
  scheduleFlush(): void;
  /** Two-step GOAWAY; closes by itself when the last stream is done. */
  drain(): void;
  /** Flushes, then closes; live streams are cut. */
  close(): void;
  /** Closes at once. */
  destroy(): void;
}

import type { ErrorCode } from './errors.ts';
import type { Field } from './field.ts';
import type { ConnectionHandler } from './handler.ts';
import type { Http2Limits } from './limits.ts';
import type { OutputBuffer } from './output.ts';
import type { Http2Stream } from './stream.ts';

export interface Http2ConnectionOptions<U> {
  readonly role: 'server' | 'client';
  readonly handler: ConnectionHandler<U>;
  readonly limits: Http2Limits;
}

/** An HTTP/2 connection without I/O: bytes in, handler calls and output bytes out. */
export declare class Http2Connection<U> {
  constructor(options: Http2ConnectionOptions<U>);
  readonly role: 'server' | 'client';
  readonly output: OutputBuffer;
  readonly activeStreams: number;
  readonly canOpenStream: boolean;
  readonly isClosed: boolean;
  /** GOAWAY was sent by us (either step) or received. */
  readonly isDraining: boolean;
  /** Draining, and no stream is left: the transport may close. */
  readonly isDrained: boolean;
  /** The peer's MAX_CONCURRENT_STREAMS. */
  readonly peerMaxConcurrentStreams: number;
  /** Bytes the peer still takes on the connection. */
  readonly sendWindow: number;
  receive(chunk: Buffer, nowMs?: number): void;
  openStream(user: U): Http2Stream<U> | undefined;
  sendHeaders(stream: Http2Stream<U>, fields: readonly Field[], count: number, endStream: boolean): void;
  sendData(stream: Http2Stream<U>, chunk: Buffer, start: number, end: number, endStream: boolean): number;
  creditReceived(stream: Http2Stream<U>, bytes: number): void;
  resetStream(stream: Http2Stream<U>, code: ErrorCode): void;
  ping(): void;
  goaway(code: ErrorCode, options?: { readonly lastStreamId?: number; readonly debug?: string }): void;
  beginDrain(): void;
  finishDrain(): void;
  /** The socket is gone: reports every live stream as reset; idempotent. */
  socketClosed(): void;
}

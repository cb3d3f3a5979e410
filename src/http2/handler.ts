import type { ErrorCode } from './errors.ts';
import type { Field } from './field.ts';
import type { Http2Stream } from './stream.ts';

/**
 * What a connection tells its owner, synchronously from inside `receive()`.
 *
 * Order for one stream: `onHeaders` (at a client: any number of 1xx first), `onData`*, then `onTrailers` or an
 * `endStream` flag; at any time `onReset`; last, exactly once, `onStreamClosed`. A stream that the handler never saw in
 * `onHeaders` (a malformed or refused request) is not mentioned at all.
 *
 * When the connection fails, or the transport says that the socket is gone, each live stream is reported by `onReset`
 * and `onStreamClosed` while `connection.isClosed` is already true: that is how an owner tells a lost connection from
 * one reset stream.
 */
export interface ConnectionHandler<U> {
  /**
   * A request at a server; at a client a response, 1xx responses included (`:status` is always `fields[0]`).
   * The array belongs to the engine and is reused after return (`count` fields are valid); the `Field`s may be kept.
   */
  onHeaders(stream: Http2Stream<U>, fields: readonly Field[], count: number, endStream: boolean): void;
  /** The trailer section; always the end of the peer's half. */
  onTrailers(stream: Http2Stream<U>, fields: readonly Field[], count: number): void;
  /**
   * A part of a DATA frame as it arrived, without padding: `chunk[start..end)`. Empty only with `endStream`.
   * `chunk` is the buffer given to `receive()`, which its owner may use again afterwards: what is kept must be copied. Each byte must be given back by
   * `creditReceived` once it left, also after a clean end of the stream; after a reset the engine gives back by itself.
   */
  onData(stream: Http2Stream<U>, chunk: Buffer, start: number, end: number, endStream: boolean): void;
  /**
   * The stream ended early: by the peer's RST_STREAM, by the engine (malformed message, limits), or with its connection.
   * At a client, NO_ERROR by the peer after a complete response only says "stop sending" (RFC 9113 §8.1): the response
   * was delivered before and stays valid.
   */
  onReset(stream: Http2Stream<U>, code: ErrorCode, byPeer: boolean): void;
  /**
   * `sendData` took less than offered before, and now more fits: on this stream, or (undefined) because the
   * connection's window opened. Not called for streams and connections that never were short of window.
   */
  onWindow(stream: Http2Stream<U> | undefined): void;
  /** Both halves ended, or reset (also by `resetStream`): the owner's record may be recycled. */
  onStreamClosed(stream: Http2Stream<U>): void;
  /** The peer's SETTINGS were applied; `canOpenStream` may have changed. */
  onSettings(): void;
  /** Answer to `ping()`; not called for the engine's own drain PING. */
  onPingAck(): void;
  /** The peer sent a PING; the answer is already written. */
  onPing(): void;
  /** The peer goes away; `onRefused` follows for each own stream above `lastStreamId`. `debug` is a copy. */
  onGoaway(lastStreamId: number, code: ErrorCode, debug: Buffer): void;
  /** The peer surely did not process this stream (above GOAWAY's id, or REFUSED_STREAM): it may be sent again elsewhere. */
  onRefused(stream: Http2Stream<U>): void;
  /** The connection is broken: GOAWAY with `code` is in `output`, live streams were reported. Flush and close. */
  onConnectionError(code: ErrorCode, message: string): void;
  /** A limit of `limits.ts` acted, for log and metric. */
  onLimit(name: LimitName): void;
}

/** Names under which acting limits are reported. */
export type LimitName =
  | 'abuse-score'
  | 'concurrent-streams'
  | 'continuation-frames'
  | 'header-block-bytes'
  | 'header-list-bytes'
  | 'header-list-fields'
  | 'informational-responses'
  | 'queued-answer-bytes'
  | 'queued-control-frames'
  | 'settings-per-frame'
  | 'tiny-frames-per-stream';

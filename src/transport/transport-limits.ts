/** Every limit of the transport, with its reason. */

export interface TransportLimits {
  /** Output bytes from which `writeBlocked` is true. */
  readonly highWaterBytes: number;
  /** From the start to the peer's SETTINGS; also how long a frame or header block may stay incomplete. */
  readonly headersTimeoutMs: number;
  /** Without any stream. */
  readonly idleTimeoutMs: number;
  /** The peer takes nothing from the socket while output waits. */
  readonly writeStallTimeoutMs: number;
  /** After the last byte was written, until the peer closes too. */
  readonly lingerTimeoutMs: number;
  /** Between a drain's two GOAWAYs, if the peer does not answer the PING. */
  readonly drainPingTimeoutMs: number;
  /** How long a server's drain waits for the next call on a connection, from when something last came on it. */
  readonly drainQuietMs: number;
}

/** Twice the largest slab: enough to fill a socket buffer per turn, and what a slow reader may pin per connection. */
const HIGH_WATER_BYTES = 128 * 1024;

/** A slow preface or header block holds a socket for nothing (slowloris). */
const HEADERS_TIMEOUT_MS = 10_000;

/** gRPC clients reconnect without notice; NATs forget connections after about as long. */
const IDLE_TIMEOUT_MS = 300_000;

/** A stopped process may come back; five minutes is what pausing consumers were seen to take. */
const WRITE_STALL_TIMEOUT_MS = 300_000;

/** Time for a GOAWAY to be read before the socket goes. */
const LINGER_TIMEOUT_MS = 1000;

/** A round trip anywhere on earth, several times. */
const DRAIN_PING_TIMEOUT_MS = 1000;

/**
 * A client that begins a call in the same turn of its event loop in which it reads a GOAWAY loses it with some stacks (grpc-js: nghttp2
 * refuses the stream, and it is not tried again). One that waits for an answer reads the GOAWAY before it. So who calls about once a
 * second or more often is told during a call; with a quarter of this time busy clients still lost calls.
 */
const DRAIN_QUIET_MS = 1000;

export const defaultTransportLimits: TransportLimits = {
  highWaterBytes: HIGH_WATER_BYTES,
  headersTimeoutMs: HEADERS_TIMEOUT_MS,
  idleTimeoutMs: IDLE_TIMEOUT_MS,
  writeStallTimeoutMs: WRITE_STALL_TIMEOUT_MS,
  lingerTimeoutMs: LINGER_TIMEOUT_MS,
  drainPingTimeoutMs: DRAIN_PING_TIMEOUT_MS,
  drainQuietMs: DRAIN_QUIET_MS,
};

/**
 * Frames after which the clock is looked at. An honest chunk brings fewer, or is worth the look.
 */
export const FRAMES_PER_LOOK = 32;

/** Bytes after which it is looked at as well, once a frame is whole: a header block of 16 KiB may name ten thousand fields. */
export const BYTES_PER_LOOK = 8 * 1024;

/**
 * For how long one connection may use the event loop before the others have theirs, in milliseconds, looked at each
 * `FRAMES_PER_LOOK` frames. What is left of its chunk, 64 KiB at most, is kept and waits. Two hundred
 * requests; with half of it, connections of a hundred calls at once cost some 5 % more.
 */
export const SLICE_MS = 2;

/**
 * For how long connections that had their slice go on in one turn, in milliseconds; whose turn did not come waits for the next
 * one. A time, not a number: ten busy connections must not make a turn of ten slices, and those that only rested for their bytes
 * cost next to nothing.
 */
export const RESUMED_MS_PER_TURN = 1;

/**
 * Calls that were served, after which a connection is known. Attacks begin with the connection and are cut before they come so far; and
 * who first behaves and then does not is still bound by the slice and by the abuse budget.
 */
export const KNOWN_AFTER_CALLS = 32;

/** The same for connections whose calls are few and long, in bytes that they brought. */
export const KNOWN_AFTER_BYTES = 16 * 1024 * 1024;

/**
 * What a connection that is not known may bring and be served at once, in bytes. More waits for the turn's end and is part of
 * `RESUMED_MS_PER_TURN`, which all of them share: any number of strangers costs those who are known one slice a turn. A first call
 * with large metadata is shorter.
 */
export const STRANGER_BYTES_AT_ONCE = 4 * 1024;

/** The slice of a connection that is not known, in milliseconds: so short that several have theirs in each turn. */
export const STRANGER_SLICE_MS = 0.25;

/**
 * For how long a known client is at work after it brought something, in milliseconds. While one is, others start slowly; where nobody
 * was there before them, they have all there is.
 */
export const AT_WORK_MS = 1000;

/** How long connections that draw on the abuse budget rest between their shares, in milliseconds: a timer's shortest. */
export const SUSPECT_REST_MS = 1;

/**
 * What all of them together may then have, in milliseconds: a third of a processor at most, which still cuts ten abusers within a
 * second. An honest client that cancels much may be among them, and what it brings in 4 KiB is done at once.
 */
export const SUSPECTS_MS_PER_SHARE = 0.5;

/**
 * What one connection may bring in one turn of the event loop, in bytes: one read. libuv would read 32 times as much from a
 * connection that always has more, and all others wait meanwhile.
 */
export const READ_BYTES_PER_TURN = 64 * 1024;

/** A TLS handshake, from accept. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** What an unfinished handshake has left of it when the listener drains: any honest one, and nobody who is silent holds up the end. */
export const DRAIN_HANDSHAKE_MS = 1000;

/**
 * A ClientHello that is read without being answered. With a post-quantum key share it has about 1,800 bytes; Envoy's
 * `tls_inspector` stops at the same size.
 */
export const MAX_CLIENT_HELLO_BYTES = 16_384;

/** What is kept of a connection until its ClientHello is whole: records of a few bytes each double its size. */
export const MAX_PEEKED_BYTES = 2 * MAX_CLIENT_HELLO_BYTES;

/** Connecting, TLS included. */
export const CONNECT_TIMEOUT_MS = 5000;

/** Connections per listener: what Envoy's edge guide recommends; each costs a descriptor and some KiB. */
export const MAX_CONNECTIONS = 10_000;

/** Connections the kernel queues while the process is busy. */
export const LISTEN_BACKLOG = 1024;

/** Silent peers (power loss, dropped packets) are found by TCP after about this and some probes. */
export const TCP_KEEPALIVE_DELAY_MS = 30_000;

/**
 * Every limit of the engine, each with its reason. They are on by default; the thresholds of other stacks and the false
 * positives that hurt them are why these values are what they are.
 */

/** What one connection grants its peer; a server's and a client's connections take the same shape. */
export interface Http2Limits {
  /** Streams the peer may have open at once. Only servers announce it. */
  readonly maxConcurrentStreams: number;
  /** Receive window of each stream, bytes. */
  readonly streamWindowBytes: number;
  /** A stream begins with its window divided by this; the whole follows once its receiver took `GROWN_AFTER_WINDOWS` times as much. */
  readonly firstWindowDivisor: number;
  /** Receive window of the connection, bytes; at least 65,535. */
  readonly connectionWindowBytes: number;
  /** Decoded size of one header section: name + value + 32 for each field (RFC 9113 §6.5.2). */
  readonly maxHeaderListBytes: number;
  /** Fields in one header section, each cookie crumb counted. */
  readonly maxHeaderFields: number;
  /** Dynamic table that the peer's encoder may use, bytes. */
  readonly headerTableBytes: number;
  /**
   * What one DATA frame of less than `TINY_DATA_BYTES` costs of the abuse budget. 0 where a proxy relays many clients' frames
   * as they came: there `MAX_TINY_FRAMES_PER_STREAM` resets the stream of one, and the others' go on.
   */
  readonly tinyDataCost: number;
  /**
   * The abuse score: one token bucket per connection that every suspicious event draws from (rapid reset, MadeYouReset,
   * floods of control, empty and tiny frames). Empty means GOAWAY with ENHANCE_YOUR_CALM. This many pass in a burst.
   */
  readonly abuseBudget: number;
  /** What the bucket gets back per second. */
  readonly abuseRefillPerSecond: number;
  /** What each stream that completes gives back. */
  readonly abuseEarnedPerCompletedStream: number;
}

/** What the edge guides of Envoy and nginx recommend; enough for every gRPC client, which opens connections as it needs. */
const MAX_CONCURRENT_STREAMS = 100;

/** One stream fills a LAN round trip with 64 KiB; a stalled reader can pin no more than this per stream. */
const STREAM_WINDOW_BYTES = 64 * 1024;

/**
 * First windows after which a stream has shown that its receiver reads, and gets the whole one. Of a hundred streams a socket that
 * nobody reads from takes 4 MiB, Linux's most; this is more for each than its part of that.
 */
export const GROWN_AFTER_WINDOWS = 4;

/** All streams of a connection together can pin 1 MiB, so 100 stalled streams cost no more than 16. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

/** gRPC suggests 8 KiB for metadata; twice that leaves room for tokens and tracing. */
const MAX_HEADER_LIST_BYTES = 16 * 1024;

/** Each field costs bookkeeping beyond its bytes (one wire byte can name one): the "HTTP/2 bomb" of 2026. */
const MAX_HEADER_FIELDS = 100;

/** The protocol's default; a larger table would be memory per idle connection. */
const HEADER_TABLE_BYTES = 4096;

/** Frames we accept: the protocol's minimum. Larger ones would only delay other streams behind them. */
export const MAX_RECEIVED_FRAME_BYTES = 16_384;

/** nghttp2 and Node allow 8 too: a 16 KiB header list fits in one or two (CVE-2024-27316 and its many relatives). */
export const MAX_CONTINUATION_FRAMES = 8;

/** Raw header block of one message. Huffman can make a block larger than its text, never four times our list limit. */
export const MAX_HEADER_BLOCK_BYTES = 64 * 1024;

/** Table size updates at the start of one block: the lowest and the final value (RFC 7541 §4.2); a third is churn. */
export const MAX_TABLE_SIZE_UPDATES_PER_BLOCK = 2;

/** Settings in one SETTINGS frame: the registry has 9; a flood of them is CPU. */
export const MAX_SETTINGS_PER_FRAME = 32;

/** Informational responses on one stream: 100, 103 and a few extensions exist; more is a flood. */
export const MAX_INFORMATIONAL_RESPONSES = 8;

/** Answers (acknowledgements, resets, ended responses) that wait because the peer does not read (CVE-2019-9512, -9514, -9515). */
export const MAX_QUEUED_CONTROL_FRAMES = 1000;

/**
 * Bytes that wait for a client that does not read, of answers that no window bounds: heads, trailers, local answers.
 * An honest client cannot cause as much with 100 streams whose head and trailers are at the list limit.
 */
export const MAX_QUEUED_ANSWER_BYTES = 4 * 1024 * 1024;

/** GOAWAYs that a graceful end has (RFC 9113 §6.8). */
export const GRACEFUL_GOAWAYS = 2;

/** DATA cut by a window to fewer bytes than this is a sliver: a frame's head has 9. Honest receivers batch their updates. */
export const SLIVER_BYTES = 9;

/** Concurrent streams assumed until the peer's SETTINGS arrive: the minimum RFC 9113 §6.5.2 recommends. */
export const ASSUMED_PEER_CONCURRENT_STREAMS = 100;

/** Own encoder's dynamic table, whatever more the peer offers: a larger one costs memory per connection. */
export const MAX_ENCODER_TABLE_BYTES = 4096;

/** Frames we send are no larger, whatever the peer accepts, so that one stream does not hold up the others. */
export const MAX_SENT_FRAME_BYTES = 16_384;

/** GOAWAY debug data kept for the log. */
export const MAX_GOAWAY_DEBUG_BYTES = 256;

/** Several rounds of cancelling all streams that a connection may have. */
export const ABUSE_BUDGET = 800;
/** Leaves room for honest clients that cancel 60 calls per second for hours (hedging). */
export const ABUSE_REFILL_PER_SECOND = 200;
/** So that a busy connection may cancel a fixed share of its calls. */
export const ABUSE_EARNED_PER_COMPLETED_STREAM = 0.5;

/** What events cost. */
export const AbuseCost = {
  /** RST_STREAM by a client before its response was complete (CVE-2023-44487). */
  clientReset: 1,
  /** A stream we had to reset for the peer's mistake (CVE-2025-8671): nobody honest makes hundreds. */
  ownReset: 2,
  /** A stream beyond the announced limit, after the peer acknowledged it. */
  refusedStream: 1,
  /** The same before it did, or after our GOAWAY: an honest client may send hundreds in one round trip, none goes on for ever. */
  refusedUnawareStream: 0.25,
  /** For each whole time that a header list exceeds the limit: large metadata does so once, a bomb thousands of times. */
  oversizedList: 2,
  /** DATA that carries nothing and ends nothing (CVE-2019-9518). */
  emptyData: 1,
  /** DATA shorter than a gRPC message prefix: happens when windows run out, but not thousands of times. */
  tinyData: 0.25,
  /** PING while no message flowed since the last one: keepalive needs few, BDP probes follow data and are free. */
  idlePing: 2,
  /** SETTINGS after the first: auto-tuning clients send a dozen in a connection's life. */
  settings: 5,
  /** An acknowledgement of a PING or SETTINGS that we did not send. */
  strayAcknowledgement: 1,
  /** GOAWAY beyond the two of a graceful end. */
  repeatedGoaway: 1,
  /** WINDOW_UPDATE beyond what the DATA and streams so far explain (CVE-2019-9511 dribble, A23 flood). */
  needlessWindowUpdate: 1,
  /** PRIORITY beyond what the streams so far explain; it is validated and ignored. */
  needlessPriority: 0.5,
  /** RST_STREAM, or WINDOW_UPDATE that no DATA explains, for a stream that is gone: normal in races, not in floods. */
  lateFrame: 0.1,
  /** DATA or HEADERS on a stream that we reset, beyond what can have been under way. */
  frameAfterReset: 1,
  /** A send window so small that a frame's head is longer than what it let out (CVE-2019-9511). */
  sliver: 0.25,
  /** A frame of unknown type: read and thrown away, at least this, and per KiB the same again. */
  ignoredFrame: 0.25,
} as const;

/** Tiny frames on one stream, less those that are not tiny: as many as a client's own connection may send at once. */
export const MAX_TINY_FRAMES_PER_STREAM = 3200;

/** DATA payloads below this (and above 0) are tiny: a gRPC message has a prefix of 5 bytes. */
export const TINY_DATA_BYTES = 5;

/**
 * WINDOW_UPDATEs and PRIORITYs that each stream, each DATA frame we send and each KiB in it explains. HAProxy gives credit for
 * stream and connection whenever it has read something: some 36 times for the last 64 KiB of a stream.
 */
export const WINDOW_UPDATES_PER_STREAM = 4;
export const WINDOW_UPDATES_PER_DATA_FRAME = 2;
export const WINDOW_UPDATES_PER_KIB = 2;
export const PRIORITIES_PER_STREAM = 4;
/** Granted to a fresh connection: browsers set up a priority tree first. */
export const INITIAL_PRIORITY_ALLOWANCE = 16;
export const INITIAL_WINDOW_UPDATE_ALLOWANCE = 16;
/** Explained but unused WINDOW_UPDATEs are not saved up beyond this. */
export const MAX_WINDOW_UPDATE_ALLOWANCE = 10_000;

/**
 * The share of the abuse budget below which a connection handles few frames at a time, so that those whom it shares the process
 * with hardly notice. An honest peer that cancels much may get there, and waits a little longer for nothing else.
 */
export const SUSPECT_BELOW = 0.875;

export const defaultLimits: Http2Limits = {
  maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
  streamWindowBytes: STREAM_WINDOW_BYTES,
  firstWindowDivisor: 1,
  connectionWindowBytes: CONNECTION_WINDOW_BYTES,
  maxHeaderListBytes: MAX_HEADER_LIST_BYTES,
  maxHeaderFields: MAX_HEADER_FIELDS,
  headerTableBytes: HEADER_TABLE_BYTES,
  tinyDataCost: AbuseCost.tinyData,
  abuseBudget: ABUSE_BUDGET,
  abuseRefillPerSecond: ABUSE_REFILL_PER_SECOND,
  abuseEarnedPerCompletedStream: ABUSE_EARNED_PER_COMPLETED_STREAM,
};

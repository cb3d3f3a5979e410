import { defaultLimits, type Http2Limits } from '../http2/index.ts';
import type { TransportLimits } from '../transport/index.ts';

/** What bounds one proxy process. Each number says why; the limits of the protocol itself are in `http2/limits.ts`. */
export interface ProxyLimits {
  /**
   * Requests that may wait for a connection to one endpoint while it is being set up; what is beyond fails at once, so a
   * dead endpoint cannot gather a queue without bound. Envoy's 1,024 fails a burst of 100 clients with 100 calls each that
   * meets a cold pool (Istio lifts it altogether); this holds that and half as much again.
   */
  readonly pendingRequestsPerPool: number;
  /**
   * Connections to one endpoint. A peer that allows one stream per connection, or `maxRequestsPerConnection: 1`, would
   * otherwise take a file descriptor per request; 256 × 100 streams is more than one proxy process can carry.
   */
  readonly connectionsPerPool: number;
  /** Endpoints that one request may try before it is answered UNAVAILABLE: the first and two more, as Istio's default of 2 retries. */
  readonly attemptsPerRequest: number;
  /**
   * Request bytes kept for sending again when the peer surely did not process the request. 16 KiB holds nearly every
   * unary request; a longer one is sent once only.
   */
  readonly replayBytes: number;
  /**
   * Longest wait before another attempt that an upstream may ask for (`grpc-retry-pushback-ms`), in milliseconds; whoever
   * asks for more gets none. A minute is what clients with a deadline wait for at all, and bounds what is kept for them.
   */
  readonly retryPushbackMaxMs: number;
  /** Copies of requests on their way to mirrors; with the next limit it bounds their memory to 32 MiB. */
  readonly mirrorsInFlight: number;
  /** Bytes that one copy may be behind, before it is given up: a stream's window, which the client itself may be ahead. */
  readonly mirrorQueueBytes: number;
  /** How long a mirror may take to answer once it has the whole copy, in milliseconds: Envoy's default for a route. */
  readonly mirrorTimeoutMs: number;
  /** Wait after the second failed connection in a row, in milliseconds: Envoy's retry base. Doubles with each further one. */
  readonly backoffBaseMs: number;
  /** Longest wait after failed connections, in milliseconds: a restarted workload is found within this time. */
  readonly backoffMaxMs: number;
  /** Upstream connections without requests are closed after this long, in milliseconds. Istio's default is one hour. */
  readonly upstreamIdleMs: number;
  /** Longest deadline that is enforced here, in milliseconds; beyond 24 days it cannot be told from none, and is only passed on. */
  readonly deadlineMaxMs: number;
  /** Unsent local reflection answers of one stream, in bytes, above which no further request is read. */
  readonly reflectionQueueBytes: number;
  /** One reflection request message, in bytes: a symbol or file name, so 64 KiB is generous. */
  readonly reflectionRequestBytes: number;
  /** All descriptors learned from one workload, in bytes; a service of 1,000 messages stays below 1 MiB. */
  readonly descriptorBytes: number;
  /** One reflection exchange with the workload, in milliseconds. */
  readonly learnTimeoutMs: number;
  /**
   * How long a client may go on sending after this proxy answered in the upstream's place, in milliseconds, and how many
   * bytes, before RST_STREAM(NO_ERROR). A round trip anywhere is enough for a client that saw the answer, and 64 KiB is the
   * window it may have filled before it did; a request that ends in time needs no reset at all.
   */
  readonly answeredRequestMs: number;
  readonly answeredRequestBytes: number;
  /** A relayed connection without bytes in either direction is closed after this long, in milliseconds: Istio's `tcp.idleTimeout`. */
  readonly relayIdleMs: number;
  /** How often the bytes of relayed connections are counted, in milliseconds: Istio's `tcp_reporting_duration`. */
  readonly relayReportMs: number;
  /** How long relayed connections outlive their port, in milliseconds: Istio's drain time. They cannot be asked to end. */
  readonly relayDrainMs: number;
  /** Port offset tried when a fixed port may not be bound (EACCES below 1024, EADDRINUSE). */
  readonly portOffset: number;
  /** Records of finished requests kept for reuse; above it they are left to the collector. */
  readonly pooledExchanges: number;
  /** Client connections of one port, unfinished handshakes included; what Envoy's edge guide recommends. */
  readonly connectionsPerPort: number;
  /** Of these, what one client may have: one identity, or one address without a certificate. Half, so that others find room. */
  readonly connectionsPerClient: number;
  /**
   * Requests that a new connection may have under way while known ones are at work; each that is served makes room for one more, until
   * `KNOWN_AFTER_CALLS` of them were. As many as TCP begins with segments (RFC 6928).
   */
  readonly slowStartRequests: number;
  /**
   * How long, in milliseconds, until such a connection may have one more under way although none was served. A hundred streams that stay
   * open begin within a second, and each newcomer costs the others at most a hundred requests a second meanwhile.
   */
  readonly slowStartMs: number;
  /** HTTP/2 limits of a client's own connection to a gateway. */
  readonly clientConnection: Http2Limits;
  /** HTTP/2 limits of connections that carry requests of many clients: upstream ones, and those into a sidecar. */
  readonly sharedConnection: Http2Limits;
  /** Where the sockets of this proxy differ from the transport's defaults; `upstreamIdleMs` goes before its idle time. */
  readonly transport: Partial<TransportLimits>;
}

/** Bytes of a direct response's body that wait for one client at a time: one frame, so that who does not read pins little. */
export const bodyPartBytes = 16_384;

/** Characters of a direct response's body that a gRPC client gets as `grpc-message`; header lists are small. */
export const directMessageCharacters = 1_024;

/**
 * Concurrent requests on one connection between proxies, or to a workload, whatever more the peer would take. It bounds
 * what the window below can pin.
 */
export const sharedConnectionStreams = 100;

/**
 * After so many milliseconds without a byte on a connection with calls under way, others are preferred: the peer may be lost. Connections
 * that carry nothing but long calls without messages look the same, which costs no more than calls on one connection more.
 */
export const silentConnectionMs = 1_000;

/**
 * Requests of one chunk that are sent on at once; then the other connections have their turn. Sending one on costs some ten
 * microseconds, so this is a millisecond. No more can come where streams have their default limit, and such connections do not pay.
 */
export const requestsSentOnAtOnce = 100;

/**
 * Hosts for which one endpoint keeps connections of their own, where the server name of TLS follows the request. A client
 * could name as many as it likes under a wildcard; the host that was called longest ago gives way.
 */
export const hostPoolsPerEndpoint = 64;

/**
 * Requests that may be cancelled on one upstream connection, and how many of them are forgotten per second, before it
 * gets a successor. Servers end a connection with too many cancelled streams (CVE-2023-44487; nghttp2 and Node: 1,000 and
 * 33 per second), and on a shared connection one client's cancelling would cost the calls of all others. Those still
 * under way on the old connection, at most `sharedConnectionStreams`, cannot exceed the server's bound either.
 */
export const upstreamResets = 300;
export const upstreamResetsForgottenPerSecond = 30;

/**
 * `x-forwarded-client-cert` of a gateway's client, in bytes. An RSA-2048 certificate has 1,700 in base64 and with its
 * percent signs some 2,000; this holds an RSA-4096 one with several names.
 */
export const forwardedCertBytes = 4_096;

/**
 * What a gateway adds to a request head at most (`x-forwarded-for`, `x-forwarded-proto`, `x-request-id`, `te`, and
 * `x-forwarded-client-cert`), by HTTP/2's count. The next hop allows that much more, or it would refuse a head that just
 * fits at the gateway.
 */
const addedHeaderBytes = 1_024 + forwardedCertBytes;
/** The same in fields, with some to spare. */
const addedHeaderFields = 8;

/**
 * Bytes from which a queue that waits for a connection is bulk: what has less goes first. Nearly every answer to a unary call has,
 * and a hundred of them are no more than a few turns of bulk.
 */
export const smallTurnBytes = 4_096;

/** What one request with more may send before the next one has its turn, in bytes: one frame. */
export const bulkTurnBytes = 16_384;

/**
 * HTTP/2 limits of connections that carry requests of many clients: upstream ones, and those into a sidecar. There the connection's
 * window comes back as soon as bytes are received, so it bounds only what is under way, and with it how long a small answer waits
 * behind large ones in the sockets. With 256 KiB large answers cost 7 to 24 % more CPU (lowest and median of one run). What is kept,
 * the windows of the streams bound: 6.25 MiB. They begin with a quarter, one frame, so that streams of a client that asks for much
 * and reads nothing are not first filled at everybody's cost.
 */
export const sharedConnectionLimits: Http2Limits = {
  ...defaultLimits,
  maxConcurrentStreams: sharedConnectionStreams,
  maxHeaderListBytes: defaultLimits.maxHeaderListBytes + addedHeaderBytes,
  maxHeaderFields: defaultLimits.maxHeaderFields + addedHeaderFields,
  firstWindowDivisor: 4,
  connectionWindowBytes: 1024 * 1024,
  /** Here: frames of many clients, relayed as they came. `MAX_TINY_FRAMES_PER_STREAM` acts instead. */
  tinyDataCost: 0,
};

export const defaultProxyLimits: ProxyLimits = {
  pendingRequestsPerPool: 16_384,
  connectionsPerPool: 256,
  attemptsPerRequest: 3,
  replayBytes: 16_384,
  retryPushbackMaxMs: 60_000,
  mirrorsInFlight: 512,
  mirrorQueueBytes: 65_536,
  mirrorTimeoutMs: 15_000,
  backoffBaseMs: 25,
  backoffMaxMs: 1_000,
  upstreamIdleMs: 3_600_000,
  deadlineMaxMs: 24 * 86_400_000,
  reflectionQueueBytes: 1_048_576,
  reflectionRequestBytes: 65_536,
  descriptorBytes: 16_777_216,
  learnTimeoutMs: 5_000,
  answeredRequestMs: 1_000,
  answeredRequestBytes: 65_536,
  relayIdleMs: 3_600_000,
  relayReportMs: 5_000,
  relayDrainMs: 45_000,
  portOffset: 8_000,
  pooledExchanges: 4_096,
  connectionsPerPort: 10_000,
  connectionsPerClient: 5_000,
  slowStartRequests: 10,
  slowStartMs: 10,
  clientConnection: defaultLimits,
  sharedConnection: sharedConnectionLimits,
  transport: {},
};

// Hot file: one record per request, pooled. Everything a request needs lives in it, so that the relay makes no objects.
import type {
  AuthorizationDecision,
  BoundAuthorization,
  CompiledActions,
  CompiledBackend,
  CompiledCluster,
  CompiledListener,
  CompiledPort,
  CompiledProxy,
  LocalAnswer,
  LocalFailure,
  RouteDecision,
  TokenFacts,
} from '../decide/index.ts';
import type { Origin } from '../base/index.ts';
import type { Endpoint } from '../plan/index.ts';
import { internField, type Field, type Http2Connection, type Http2Stream } from '../http2/index.ts';
import { newMessageCounter, resetMessageCounter } from '../grpc/index.ts';
import type { WorkloadIdentity } from '../telemetry/index.ts';
import type { Authenticator } from '../token/index.ts';
import { WheelTimer, type SocketFacts } from '../transport/index.ts';
import type { ActionState } from './action-state.ts';
import { ByteQueue } from './byte-queue.ts';
import type { WaitingList } from './waiting-list.ts';

/** A request that waits for the verdict on a token. The request may be gone by then, and its record serve another. */
export interface TokenWait {
  exchange: Exchange | undefined;
}

/** One HTTP/2 connection as the relay sees it: where frames go, and who waits for room on it. */
export interface Link {
  readonly connection: Http2Connection<Exchange>;
  /** The socket takes no more for now; what is sent anyway would only pile up. */
  readonly writeBlocked: boolean;
  /** Requests with bytes queued for this connection, which more than their own stream's window holds up. */
  readonly waiting: WaitingList<Exchange>;
  /** The monotonic clock, read once for the chunk being processed. */
  readonly nowMs: number;
}

/** The upstream's side of a request. */
export interface UpstreamLink extends Link {
  /** A request was cancelled on this connection. */
  noteReset(): void;
}

/** The client's side of a request: a link, and who the client is. */
export interface DownstreamLink extends Link {
  readonly facts: SocketFacts;
  /** The peer's verified SPIFFE id with `spiffe://`, or empty. */
  readonly peerSpiffeId: string;
  /** This proxy's own answer is out while the client still sends: the rest is judged and dropped, for a bounded time. */
  awaitRequestEnd(exchange: Exchange): void;
}

/** The plan as one connection sees it; a request keeps the one it began with. */
export interface Scope {
  readonly compiled: CompiledProxy;
  readonly port: CompiledPort;
  /** The policies, with what depends on the connection already decided. */
  readonly authorization: BoundAuthorization;
  /** The listener whose certificate the connection was given; undefined where TLS selected none. */
  readonly sniListener: CompiledListener | undefined;
  /** Who verifies tokens; undefined where none are asked for. */
  readonly authenticator: Authenticator | undefined;
  /** Who the peer is, for metrics. */
  readonly peer: WorkloadIdentity;
}

/** The chosen endpoint: what the relay reads of it. */
export interface EndpointSlot {
  readonly endpoint: Endpoint;
  /** Requests in flight to this endpoint; the load balancer reads it. */
  active: number;
  /** Removes a request that waits for a connection. */
  forget(exchange: Exchange): void;
  /** For outlier detection: the status of a response, or that this attempt failed on this side. */
  noteStatus(httpStatus: number): void;
  noteFailure(failure: LocalFailure): void;
}

/** The chosen cluster: what the relay reads of it. */
export interface ClusterSlot {
  readonly compiled: CompiledCluster;
  /** Requests in flight to the cluster; `http2MaxRequests` bounds it. */
  active: number;
  /** Those of them that a route's policy is retrying; the retry budget bounds it. */
  retries: number;
}

/** A service of the proxy itself (reflection) that answers in place of an upstream. */
export interface LocalService {
  onData(exchange: Exchange, chunk: Buffer, start: number, end: number): void;
  onRequestEnd(exchange: Exchange): void;
  /** The answers queued so far have left; more requests may be read. */
  onDrained(exchange: Exchange): void;
}

/** Which bytes of a request have gone where, what was decided about it, and how it ended. */
export class Exchange {
  /** Armed while the request has a deadline. */
  readonly timer: WheelTimer;

  // The client's side.
  down: DownstreamLink | undefined;
  downStream: Http2Stream<Exchange> | undefined;

  // The request head as it is sent on; kept until the response begins, so that it can be sent again.
  readonly head: Field[] = [];
  headCount = 0;
  method = '';
  path = '';
  authority = '';
  requestId = '';
  userAgent = '';
  /** Where `grpc-timeout` stands in `head`; -1 when there is none. */
  timeoutIndex = -1;
  isGrpc = false;

  // What was decided.
  scope: Scope | undefined;
  decision: RouteDecision | undefined;
  backend: CompiledBackend | undefined;
  authorization: AuthorizationDecision | undefined;
  /** Who the user is, once a token said so and was good. */
  token: TokenFacts | undefined;
  /** It waits for the verdict on a token. */
  tokenWait: TokenWait | undefined;
  /** The rule that refused its token. */
  refusedBy: Origin | undefined;
  cluster: ClusterSlot | undefined;
  endpoint: EndpointSlot | undefined;
  /** What the route does beside sending on; undefined for an ordinary route. */
  actions: CompiledActions | undefined;
  extra: ActionState | undefined;
  /** Copies of the request that are still being fed. */
  mirrors: Exchange[] | undefined;
  local: LocalService | undefined;
  localState: unknown;

  // The upstream's side.
  up: UpstreamLink | undefined;
  /** Kept after its end too: bytes of it that wait for the client are credited through it. */
  upStream: Http2Stream<Exchange> | undefined;
  upLocalAddress = '';
  /** It is one of `endpoint.active` and `cluster.active`. */
  countsAtEndpoint = false;
  countsAtCluster = false;
  attempts = 0;
  /** The cookie that balancing made for a client without one, and the header that gives it to the client. */
  madeCookie = '';
  setCookie: Field | undefined;
  /** Endpoints that failed for this request; small, hence a list. */
  readonly tried: EndpointSlot[] = [];

  // Request bytes.
  requestEnded = false;
  requestEndSent = false;
  /** The first bytes, kept as long as they may have to be sent again; `replayLength` of them are filled. */
  replay: Buffer | undefined;
  replayLength = 0;
  /** How many of `replay` went to the current upstream stream. */
  replaySent = 0;
  /** How many of `replay` the client got credit for; a second sending gives none. */
  replayCredited = 0;
  /** All that was sent upstream is still in `replay`. */
  replayable = true;
  /** What came after `replay` was full and waits for the upstream's window. */
  readonly requestQueue = new ByteQueue();
  readonly requestTrailers: Field[] = [];
  requestTrailerCount = 0;
  readonly requestMessages = newMessageCounter();
  requestBytes = 0;
  /** `requestBytes` from which a client that goes on sending after this proxy's own answer is told to stop. */
  requestBytesAllowed = Number.POSITIVE_INFINITY;

  // Response bytes.
  responseStarted = false;
  /** The upstream has said all. */
  upstreamEnded = false;
  /** The upstream or this proxy has said all; the end may still be queued. */
  responseEnded = false;
  responseEndSent = false;
  readonly responseQueue = new ByteQueue();
  readonly trailers: Field[] = [];
  trailerCount = 0;
  /** After the response: tell the client to stop sending. */
  stopClient = false;
  readonly responseMessages = newMessageCounter();
  responseBytes = 0;
  /** Messages that are in the metrics already: those of a long call are booked while it goes on. */
  requestMessagesBooked = 0;
  responseMessagesBooked = 0;

  // How it ended.
  startMs = 0;
  firstByteMs = 0;
  /**
   * The caller's, in monotonic milliseconds; Infinity for none. This is what is forwarded: the route's own limit is kept
   * here alone, so that the hop that has it is also the one that reports it.
   */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** `timer` is armed for the route's own limit, which ends before the caller's. */
  deadlineIsRoute = false;
  httpStatus = 0;
  /** -1 until known. */
  grpcStatus = -1;
  /** What this proxy answered itself; undefined when the upstream's answer was passed on. */
  error: LocalAnswer | undefined;
  /** What the operator should read about the error, for the log only. */
  errorDetail = '';
  /** Decided, and to be sent on at the end of the chunk that brought it. */
  awaitsDispatch = false;
  /** The client's stream is closed and the request is in the books. */
  done = true;

  /** A copy for a mirror: no client, nothing is booked, its response is thrown away. */
  readonly isMirror: boolean;

  constructor(onDeadline: (exchange: Exchange) => void, isMirror: boolean) {
    this.isMirror = isMirror;
    this.timer = new WheelTimer(() => onDeadline(this));
  }
}

/** Keeps finished records for the next requests. */
export class ExchangePool {
  readonly #free: Exchange[] = [];
  readonly #capacity: number;
  readonly #onDeadline: (exchange: Exchange) => void;
  readonly #isForMirrors: boolean;
  /** Requests in flight in this process. */
  active = 0;

  constructor(options: {
    readonly capacity: number;
    readonly onDeadline: (exchange: Exchange) => void;
    readonly isForMirrors?: boolean;
  }) {
    this.#capacity = options.capacity;
    this.#isForMirrors = options.isForMirrors ?? false;
    this.#onDeadline = options.onDeadline;
  }

  take(): Exchange {
    this.active++;
    const exchange = this.#free.pop();
    if (exchange === undefined) {
      const fresh = new Exchange(this.#onDeadline, this.#isForMirrors);
      fresh.done = false;
      return fresh;
    }
    reset(exchange);
    exchange.done = false;
    return exchange;
  }

  /**
   * Takes a finished record back. It is cleared when it is taken again, so that callers further up the stack may still
   * look at (and set) its flags; what it refers to is let go of at once.
   */
  give(exchange: Exchange): void {
    this.active--;
    exchange.done = true;
    release(exchange);
    if (this.#free.length < this.#capacity) this.#free.push(exchange);
  }
}

/** Stands in a finished record's head, so that the record holds no client's fields. */
const noField = internField('te', 'trailers');

/** Heads with more fields than this are dropped with the request. */
const keptHeadFields = 64;

/** Replay buffers above this are dropped with the request; a pool of thousands of records must stay small. */
const keptReplayBytes = 1_024;

function release(exchange: Exchange): void {
  exchange.awaitsDispatch = false;
  exchange.down = undefined;
  exchange.downStream = undefined;
  exchange.up = undefined;
  exchange.upStream = undefined;
  exchange.scope = undefined;
  exchange.decision = undefined;
  exchange.backend = undefined;
  exchange.authorization = undefined;
  exchange.token = undefined;
  exchange.refusedBy = undefined;
  exchange.cluster = undefined;
  exchange.endpoint = undefined;
  exchange.actions = undefined;
  exchange.extra = undefined;
  exchange.mirrors = undefined;
  exchange.local = undefined;
  exchange.localState = undefined;
  exchange.setCookie = undefined;
  exchange.error = undefined;
  // Overwritten, not shortened: setting an array's length costs as much as the rest of this function. To its end, because a
  // token that was taken out leaves the last fields behind `headCount`.
  const { head } = exchange;
  for (let i = 0; i < head.length; i++) head[i] = noField;
  if (head.length > keptHeadFields) head.length = 0;
  // These are nearly always empty.
  if (exchange.tried.length > 0) exchange.tried.length = 0;
  if (exchange.trailers.length > 0) exchange.trailers.length = 0;
  if (exchange.requestTrailers.length > 0) exchange.requestTrailers.length = 0;
  exchange.requestQueue.clear();
  exchange.responseQueue.clear();
  if (exchange.replay !== undefined && exchange.replay.length > keptReplayBytes) exchange.replay = undefined;
}

function reset(exchange: Exchange): void {
  exchange.headCount = 0;
  exchange.timeoutIndex = -1;
  exchange.isGrpc = false;
  exchange.userAgent = '';
  exchange.requestId = '';
  exchange.attempts = 0;
  exchange.madeCookie = '';
  exchange.requestEnded = false;
  exchange.requestEndSent = false;
  exchange.replayLength = 0;
  exchange.replaySent = 0;
  exchange.replayCredited = 0;
  exchange.replayable = true;
  resetMessageCounter(exchange.requestMessages);
  exchange.requestBytes = 0;
  exchange.requestBytesAllowed = Number.POSITIVE_INFINITY;
  exchange.responseStarted = false;
  exchange.upstreamEnded = false;
  exchange.responseEnded = false;
  exchange.responseEndSent = false;
  exchange.trailerCount = 0;
  exchange.requestTrailerCount = 0;
  exchange.upLocalAddress = '';
  exchange.countsAtEndpoint = false;
  exchange.countsAtCluster = false;
  exchange.stopClient = false;
  resetMessageCounter(exchange.responseMessages);
  exchange.responseBytes = 0;
  exchange.requestMessagesBooked = 0;
  exchange.responseMessagesBooked = 0;
  exchange.startMs = 0;
  exchange.firstByteMs = 0;
  exchange.deadlineMs = Number.POSITIVE_INFINITY;
  exchange.deadlineIsRoute = false;
  exchange.httpStatus = 0;
  exchange.grpcStatus = -1;
  exchange.errorDetail = '';
}

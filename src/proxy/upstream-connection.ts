// Hot file: hands the engine's calls to the relay, one hop of indirection per call.
import type { Socket } from 'node:net';
import { ErrorCode, errorCodeName, type ConnectionHandler, type Field, type Http2Stream } from '../http2/index.ts';
import type { ConnectionPool } from '../plan/index.ts';
import { Http2Transport, WheelTimer, type CloseReason, type SocketFacts, type TimerWheel } from '../transport/index.ts';
import type { Exchange, UpstreamLink } from './exchange.ts';
import { flushRequest, hasUnsentRequest, serveWaiting } from './flow.ts';
import { KeepAlive } from './keep-alive.ts';
import { upstreamResets, upstreamResetsForgottenPerSecond, type ProxyLimits } from './limits.ts';
import { WaitingList } from './waiting-list.ts';

/** What the relay does with the upstream's side of a request. One object for all connections of a proxy. */
export interface UpstreamEvents {
  onHeaders(exchange: Exchange, fields: readonly Field[], count: number, endStream: boolean): void;
  onTrailers(exchange: Exchange, fields: readonly Field[], count: number): void;
  onData(exchange: Exchange, chunk: Buffer, start: number, end: number, endStream: boolean): void;
  /** The stream ended early; `lost` when its whole connection did. */
  onReset(exchange: Exchange, code: ErrorCode, cause: 'peer' | 'protocol' | 'lost'): void;
  /** The peer surely did not process the request. */
  onRefused(exchange: Exchange): void;
  /** Both halves of the upstream stream are done. */
  onStreamClosed(exchange: Exchange): void;
}

/** What a pool wants to know of its connections. */
export interface UpstreamOwner {
  /** Streams became available: one ended, or the peer's SETTINGS allow more. */
  onCapacity(): void;
  onClosed(connection: UpstreamConnection, reason: CloseReason): void;
  /** The peer goes away, or the connection broke: no new requests on it. */
  onRetired(connection: UpstreamConnection): void;
  /** So many requests were cancelled that the peer may lose patience: no new requests on it. */
  onWorn(connection: UpstreamConnection): void;
  /** It is as old as a connection may get: no new requests on it. */
  onAged(connection: UpstreamConnection): void;
  onNotice(message: string): void;
  /** `isFirst`: on this connection; a limit is logged once for each, and counted every time. */
  onLimit(name: string, isFirst: boolean): void;
}

export interface UpstreamConnectionOptions {
  readonly socket: Socket;
  readonly facts: SocketFacts;
  readonly wheel: TimerWheel;
  readonly limits: ProxyLimits;
  readonly settings: ConnectionPool;
  readonly events: UpstreamEvents;
  readonly owner: UpstreamOwner;
}

/** One connection to an endpoint; carries many requests. */
export class UpstreamConnection implements ConnectionHandler<Exchange>, UpstreamLink {
  readonly waiting = new WaitingList<Exchange>();
  readonly localAddress: string;
  /** Requests begun on this connection since it was opened. */
  requests = 0;
  /** No new requests; it closes when the last one is done. */
  isRetired = false;
  readonly #maxStreams: number;
  #busySinceMs = 0;
  #resets = 0;
  #resetsAtMs = 0;
  readonly #transport: Http2Transport<Exchange>;
  readonly #events: UpstreamEvents;
  readonly #owner: UpstreamOwner;
  #loggedLimits: Set<string> | undefined;
  /** Made only where the settings ask for them. */
  readonly #keepAlive: KeepAlive | undefined;
  readonly #age: WheelTimer | undefined;
  readonly #wheel: TimerWheel;

  constructor(options: UpstreamConnectionOptions) {
    this.#events = options.events;
    this.#owner = options.owner;
    this.#wheel = options.wheel;
    const { settings, wheel } = options;
    this.#maxStreams = Math.min(
      options.limits.sharedConnection.maxConcurrentStreams,
      settings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY,
    );
    this.localAddress = `${options.facts.localAddress}:${options.facts.localPort}`;
    this.#transport = new Http2Transport<Exchange>({
      socket: options.socket,
      facts: options.facts,
      role: 'client',
      handler: this,
      wheel: options.wheel,
      limits: options.limits.sharedConnection,
      creditsOnReceipt: true,
      transportLimits: { ...options.limits.transport, idleTimeoutMs: idleTimeoutMs(options) },
      onWritable: () => serveWaiting(this, flushRequest),
      onClose: (reason) => {
        this.isRetired = true;
        this.#stopTimers();
        this.#owner.onClosed(this, reason);
      },
    });
    if (settings.maxConnectionDurationMs !== undefined) {
      this.#age = new WheelTimer(() => this.#owner.onAged(this));
      wheel.arm(this.#age, settings.maxConnectionDurationMs);
    }
    if (settings.http2KeepAlive !== undefined) {
      this.#keepAlive = new KeepAlive(settings.http2KeepAlive, {
        wheel,
        ping: () => this.#transport.connection.ping(),
        onSilent: (timeoutMs) => {
          this.#owner.onNotice(`no answer to PING within ${timeoutMs} ms: connection lost`);
          this.destroy();
        },
      });
    }
  }

  #stopTimers(): void {
    if (this.#age !== undefined) this.#wheel.cancel(this.#age);
    this.#keepAlive?.stop();
  }

  get connection(): Http2Transport<Exchange>['connection'] {
    return this.#transport.connection;
  }

  get writeBlocked(): boolean {
    return this.#transport.writeBlocked;
  }

  get isBehind(): boolean {
    return this.#transport.isBehind;
  }

  get quietSinceMs(): number {
    return Math.max(this.#transport.nowMs, this.#busySinceMs);
  }

  openStream(exchange: Exchange): Http2Stream<Exchange> | undefined {
    const { connection } = this.#transport;
    if (connection.activeStreams === 0) this.#busySinceMs = this.#wheel.nowMs();
    return connection.openStream(exchange);
  }

  get activeStreams(): number {
    return this.#transport.connection.activeStreams;
  }

  get nowMs(): number {
    return this.#transport.nowMs;
  }

  get canOpenStream(): boolean {
    const { connection } = this.#transport;
    return !this.isRetired && connection.canOpenStream && connection.activeStreams < this.#maxStreams;
  }

  /** No new requests; those under way finish, then it closes. */
  retire(): void {
    if (this.isRetired) return;
    this.isRetired = true;
    this.#transport.drain();
  }

  noteReset(): void {
    const { nowMs } = this.#transport;
    const forgotten = ((nowMs - this.#resetsAtMs) * upstreamResetsForgottenPerSecond) / 1_000;
    this.#resets = Math.max(0, this.#resets - forgotten) + 1;
    this.#resetsAtMs = nowMs;
    if (this.#resets >= upstreamResets && !this.isRetired) this.#owner.onWorn(this);
  }

  destroy(): void {
    this.#transport.destroy();
  }

  onHeaders(stream: Http2Stream<Exchange>, fields: readonly Field[], count: number, endStream: boolean): void {
    if (stream.user !== undefined) this.#events.onHeaders(stream.user, fields, count, endStream);
  }

  onTrailers(stream: Http2Stream<Exchange>, fields: readonly Field[], count: number): void {
    if (stream.user !== undefined) this.#events.onTrailers(stream.user, fields, count);
  }

  onData(stream: Http2Stream<Exchange>, chunk: Buffer, start: number, end: number, endStream: boolean): void {
    if (stream.user === undefined) this.#transport.connection.creditReceived(stream, end - start);
    else this.#events.onData(stream.user, chunk, start, end, endStream);
  }

  onReset(stream: Http2Stream<Exchange>, code: ErrorCode, byPeer: boolean): void {
    if (stream.user === undefined) return;
    const cause = this.#transport.connection.isClosed ? 'lost' : byPeer ? 'peer' : 'protocol';
    this.#events.onReset(stream.user, code, cause);
  }

  onRefused(stream: Http2Stream<Exchange>): void {
    if (stream.user !== undefined) this.#events.onRefused(stream.user);
  }

  onWindow(stream: Http2Stream<Exchange> | undefined): void {
    if (stream === undefined) {
      serveWaiting(this, flushRequest);
    } else if (stream.user !== undefined && hasUnsentRequest(stream.user)) {
      this.waiting.delete(stream.user);
      flushRequest(stream.user);
    }
  }

  onStreamClosed(stream: Http2Stream<Exchange>): void {
    if (stream.user !== undefined) this.#events.onStreamClosed(stream.user);
    // Its request is over, or has left it for another attempt.
    else this.#transport.connection.releaseStream(stream);
    this.#owner.onCapacity();
  }

  onSettings(): void {
    this.#owner.onCapacity();
  }

  onPingAck(): void {
    this.#keepAlive?.onAnswer();
  }

  onPing(): void {}

  onGoaway(_lastStreamId: number, code: ErrorCode, debug: Buffer): void {
    if (code !== ErrorCode.NO_ERROR) {
      this.#owner.onNotice(`peer sent GOAWAY ${errorCodeName(code)} ${JSON.stringify(debug.toString('latin1'))}`);
    }
    this.isRetired = true;
    this.#owner.onRetired(this);
  }

  onConnectionError(code: ErrorCode, message: string): void {
    this.isRetired = true;
    this.#owner.onNotice(`protocol error ${errorCodeName(code)}: ${message}`);
    this.#owner.onRetired(this);
  }

  onLimit(name: string): void {
    const isFirst = this.#loggedLimits?.has(name) !== true;
    if (isFirst) (this.#loggedLimits ??= new Set()).add(name);
    this.#owner.onLimit(name, isFirst);
  }
}

/** The plan's; 0 there is for ever. */
function idleTimeoutMs({ settings, limits }: UpstreamConnectionOptions): number {
  const planned = settings.idleTimeoutMs ?? limits.upstreamIdleMs;
  return planned === 0 ? Number.POSITIVE_INFINITY : planned;
}

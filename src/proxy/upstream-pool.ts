import type { LookupFunction } from 'node:net';
import {
  connect,
  type ConnectAttempt,
  type ConnectFailure,
  type TimerWheel,
  type TlsClientContext,
} from '../transport/index.ts';
import type { Clock } from '../base/index.ts';
import { chooseConnection } from './connection-choice.ts';
import type { EndpointPool, PoolSettings } from './endpoint-pool.ts';
import type { Http2Stream } from '../http2/index.ts';
import type { Exchange } from './exchange.ts';
import type { ProxyLimits } from './limits.ts';
import { UpstreamConnection, type UpstreamEvents, type UpstreamOwner } from './upstream-connection.ts';

/** Why a pool gave a request back. */
export type PoolFailure = ConnectFailure['cause'] | 'no-identity' | 'pending-overflow' | 'endpoint-removed';

/** What the relay does with a pool's answers. */
export interface PoolEvents {
  /** Send the request now on this fresh stream. */
  onStream(exchange: Exchange, connection: UpstreamConnection, stream: Http2Stream<Exchange>): void;
  /** Nothing of the request was sent: it may be tried elsewhere. */
  onFailure(exchange: Exchange, failure: PoolFailure, detail: string): void;
}

export interface UpstreamPoolOptions {
  readonly host: string;
  readonly port: number;
  readonly lookup?: LookupFunction;
  /** Undefined for plaintext; called for each attempt, so that it uses the newest identity. An error says why there is none. */
  readonly tls: (() => TlsClientContext | { readonly error: string }) | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly wheel: TimerWheel;
  /** The peer is likely to be several processes that share a port. */
  readonly spreads: boolean;
  readonly limits: ProxyLimits;
  readonly events: UpstreamEvents;
  readonly poolEvents: PoolEvents;
  readonly log: (message: string) => void;
  readonly countLimit: (name: string) => void;
  /** The endpoint is reached, while no other connection to it was open; sidecars ask the workload what it serves then. */
  readonly onReached: () => void;
  /** A connection was made, its peer verified. */
  readonly onOpened: () => void;
}

/** The successor is opened when this share of `maxRequestsPerConnection` is left (at least one request). */
const successorShare = 0.1;

/** The connections from this proxy to one endpoint, opened on demand. */
export class UpstreamPool implements UpstreamOwner, EndpointPool {
  settings: PoolSettings;
  /** Connections ever opened, for the snapshot. */
  opened = 0;
  readonly #options: UpstreamPoolOptions;
  /** Those that take requests, or could if one of their streams ended. */
  readonly #ready: UpstreamConnection[] = [];
  /** All that are not closed yet, retired ones included. */
  readonly #open = new Set<UpstreamConnection>();
  readonly #attempts = new Set<ConnectAttempt>();
  readonly #pending = new Set<Exchange>();
  #failures = 0;
  #backoffUntilMs = 0;
  #lastFailure: { readonly cause: PoolFailure; readonly detail: string } | undefined;
  readonly #choice: Parameters<typeof chooseConnection>[1];
  #isServing = false;
  #isGone = false;
  #wasFull = false;

  constructor(options: UpstreamPoolOptions, settings: PoolSettings) {
    this.#options = options;
    this.settings = settings;
    this.#choice = { nowMs: () => options.wheel.nowMs(), spreads: options.spreads };
  }

  get connections(): number {
    return this.#open.size;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Recent attempts failed, and it is too early for another: prefer other endpoints. */
  get isBackingOff(): boolean {
    return this.#failures > 0 && this.#ready.length === 0 && this.#options.clock.monotonicMs() < this.#backoffUntilMs;
  }

  /** Sends the request now, or when a connection is ready; every outcome comes by `PoolEvents`, possibly before this returns. */
  request(exchange: Exchange): void {
    if (this.#pending.size === 0 && this.#assign(exchange)) return;
    const { poolEvents, limits } = this.#options;
    if (this.#isGone) return poolEvents.onFailure(exchange, 'endpoint-removed', 'the endpoint was removed');
    if (this.#lastFailure !== undefined && this.isBackingOff) {
      return poolEvents.onFailure(exchange, this.#lastFailure.cause, this.#lastFailure.detail);
    }
    if (this.#pending.size >= limits.pendingRequestsPerPool) {
      this.onLimit('pendingRequestsPerPool', true);
      return poolEvents.onFailure(exchange, 'pending-overflow', 'too many requests wait for a connection');
    }
    const { maxPendingRequests, usage } = this.settings;
    if (maxPendingRequests !== undefined && usage.pending >= maxPendingRequests) {
      return poolEvents.onFailure(exchange, 'pending-overflow', `http1MaxPendingRequests ${maxPendingRequests}`);
    }
    this.#wait(exchange);
    this.#openForDemand();
  }

  #wait(exchange: Exchange): void {
    this.#pending.add(exchange);
    this.settings.usage.pending++;
  }

  #unwait(exchange: Exchange): void {
    if (this.#pending.size > 0 && this.#pending.delete(exchange)) this.settings.usage.pending--;
  }

  /** The request does not wait any more. */
  forget(exchange: Exchange): void {
    this.#unwait(exchange);
  }

  /** The identity changed: new requests get new connections, those under way finish on the old ones. */
  recycle(): void {
    // What failed for want of a certificate, or for its age, deserves a new try at once.
    this.#failures = 0;
    this.#cancelAttempts();
    for (const connection of this.#ready.splice(0)) connection.retire();
    this.#openForDemand();
  }

  /** The endpoint is gone: requests that wait go elsewhere, those under way finish. */
  drain(): void {
    this.#isGone = true;
    this.#cancelAttempts();
    for (const connection of this.#ready.splice(0)) connection.retire();
    this.#failPending('endpoint-removed', 'the endpoint was removed');
  }

  #cancelAttempts(): void {
    for (const attempt of this.#attempts) attempt.cancel();
    this.settings.usage.connections -= this.#attempts.size;
    this.#attempts.clear();
  }

  close(): void {
    this.drain();
    for (const connection of this.#open) connection.destroy();
  }

  onCapacity(): void {
    this.#servePending();
  }

  onRetired(connection: UpstreamConnection): void {
    this.#remove(connection);
    this.#openForDemand();
  }

  onWorn(connection: UpstreamConnection): void {
    this.#remove(connection);
    connection.retire();
    this.#openSuccessor();
  }

  /** Its time is up: what is under way on it finishes, and a successor is made where there is any. */
  onAged(connection: UpstreamConnection): void {
    if (connection.connection.activeStreams > 0) this.onWorn(connection);
    else this.onRetired(connection);
    connection.retire();
  }

  onClosed(connection: UpstreamConnection): void {
    if (this.#open.delete(connection)) this.settings.usage.connections--;
    this.#remove(connection);
    this.#openForDemand();
  }

  onNotice(message: string): void {
    this.#options.log(message);
  }

  onLimit(name: string, isFirst: boolean): void {
    this.#options.countLimit(name);
    if (isFirst) this.#options.log(`limit ${name} acted`);
  }

  #next(): UpstreamConnection | undefined {
    return chooseConnection(this.#ready, this.#choice);
  }

  /** Gives the request to a connection that takes it. */
  #assign(exchange: Exchange): boolean {
    const best = this.#next();
    const stream = best?.openStream(exchange);
    if (best === undefined || stream === undefined) return false;
    best.requests++;
    this.#options.poolEvents.onStream(exchange, best, stream);
    const left = this.#maxRequestsPerConnection - best.requests;
    if (left <= 0) {
      this.#remove(best);
      best.retire();
    }
    if (left <= this.#successorMargin) this.#openSuccessor();
    return true;
  }

  #servePending(): void {
    // Sending may end a request at once, whose end asks for this again.
    if (this.#isServing) return;
    this.#isServing = true;
    while (this.#pending.size > 0 && this.#next() !== undefined) {
      const [exchange] = this.#pending;
      if (exchange === undefined) break;
      this.#unwait(exchange);
      if (!this.#assign(exchange)) this.#wait(exchange);
    }
    this.#isServing = false;
    this.#openForDemand();
  }

  #openForDemand(): void {
    const perConnection = Math.min(
      this.#options.limits.sharedConnection.maxConcurrentStreams,
      this.settings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY,
      this.#maxRequestsPerConnection,
    );
    while (this.#pending.size > this.#attempts.size * perConnection && this.#mayOpen()) this.#connect();
    // Nobody would wake them: the last connection closed while new ones fail.
    if (this.#attempts.size > 0 || this.#ready.length > 0 || this.#lastFailure === undefined) return;
    if (this.isBackingOff) this.#failPending(this.#lastFailure.cause, this.#lastFailure.detail);
  }

  /** Infinity for none. */
  get #maxRequestsPerConnection(): number {
    return this.settings.maxRequestsPerConnection ?? Number.POSITIVE_INFINITY;
  }

  /** Requests left on a connection when its successor is opened; -1: connections are not used up. */
  get #successorMargin(): number {
    const maxRequestsPerConnection = this.#maxRequestsPerConnection;
    return Number.isFinite(maxRequestsPerConnection) ? Math.floor(maxRequestsPerConnection * successorShare) : -1;
  }

  /** A connection that will soon be used up gets its successor before, so that no request waits for it. */
  #openSuccessor(): void {
    const limit = this.#maxRequestsPerConnection - this.#successorMargin;
    if (this.#attempts.size > 0 || this.#ready.some((one) => one.requests < limit) || !this.#mayOpen()) return;
    this.#connect();
  }

  #mayOpen(): boolean {
    if (this.#isGone || this.isBackingOff) return false;
    const { maxConnections, usage } = this.settings;
    // An endpoint without any connection gets its first one whatever the limit says, as in Envoy.
    const hasAny = this.#ready.length + this.#attempts.size > 0;
    if (hasAny && maxConnections !== undefined && usage.connections >= maxConnections) return false;
    const isFull = this.#open.size + this.#attempts.size >= this.#options.limits.connectionsPerPool;
    // Said when the pool becomes full, not for each request that then waits.
    if (isFull && !this.#wasFull) this.onLimit('connectionsPerPool', true);
    this.#wasFull = isFull;
    return !isFull;
  }

  #connect(): void {
    const tls = this.#options.tls?.();
    if (tls !== undefined && 'error' in tls) return this.#failed('no-identity', tls.error);
    const attempt = connect({
      host: this.#options.host,
      port: this.#options.port,
      ...(this.#options.lookup === undefined ? {} : { lookup: this.#options.lookup }),
      connectTimeoutMs: this.settings.connectTimeoutMs,
      ...(tls === undefined ? {} : { tls }),
      ...(this.settings.tcpKeepalive === undefined ? {} : { keepAlive: this.settings.tcpKeepalive }),
      onConnected: (socket, facts) => {
        this.#attempts.delete(attempt);
        this.#failures = 0;
        this.opened++;
        const isFirst = this.#open.size === 0;
        const connection = new UpstreamConnection({
          socket,
          facts,
          wheel: this.#options.wheel,
          limits: this.#options.limits,
          settings: this.settings,
          events: this.#options.events,
          owner: this,
        });
        this.#open.add(connection);
        this.#ready.push(connection);
        this.#servePending();
        this.#options.onOpened();
        if (isFirst) this.#options.onReached();
      },
      onFailed: (failure) => {
        this.#attempts.delete(attempt);
        this.settings.usage.connections--;
        this.#failed(failure.cause, failure.detail);
      },
    });
    this.#attempts.add(attempt);
    this.settings.usage.connections++;
  }

  #failed(cause: PoolFailure, detail: string): void {
    const { clock, random, limits } = this.#options;
    this.#failures++;
    this.#lastFailure = { cause, detail };
    this.#options.log(`connection failed (${cause}): ${detail}`);
    // A peer whose process is being replaced resets what the old one had not accepted: the first time it is asked again at once.
    if (this.#failures === 1 && (cause === 'connect-failed' || cause === 'handshake-failed'))
      return this.#openForDemand();
    const waitMs = Math.min(limits.backoffBaseMs * 2 ** Math.max(0, this.#failures - 2), limits.backoffMaxMs);
    // Half to all of the wait, so that proxies that failed together do not come back together.
    this.#backoffUntilMs = clock.monotonicMs() + waitMs * (0.5 + random() / 2);
    if (this.#attempts.size === 0 && this.#ready.length === 0) this.#failPending(cause, detail);
  }

  #failPending(cause: PoolFailure, detail: string): void {
    const failed = [...this.#pending];
    for (const exchange of failed) this.#unwait(exchange);
    for (const exchange of failed) this.#options.poolEvents.onFailure(exchange, cause, detail);
  }

  #remove(connection: UpstreamConnection): void {
    const at = this.#ready.indexOf(connection);
    if (at !== -1) this.#ready.splice(at, 1);
  }
}

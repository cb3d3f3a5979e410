import type { Arrangeable, HostHealth, LocalFailure } from '../decide/index.ts';
import type { Endpoint } from '../plan/index.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import type { EndpointSlot, Exchange } from './exchange.ts';

/** What an endpoint tells the outlier detection of its cluster. */
export interface OutlierSink {
  onStatus(endpoint: EndpointRuntime, httpStatus: number): void;
  onFailure(endpoint: EndpointRuntime, failure: LocalFailure): void;
}

/** One endpoint of a cluster with its connections; lives as long as address and security stay the same. */
export class EndpointRuntime implements EndpointSlot, Arrangeable {
  endpoint: Endpoint;
  active = 0;
  credit = 0;
  /** The plan's, or less while the endpoint warms up. */
  weight: number;
  /** Undefined without outlier detection. */
  health: HostHealth | undefined;
  readonly pool: EndpointPool;
  /** Monotonic; its warm-up begins here. */
  readonly addedAtMs: number;
  readonly #outliers: OutlierSink;

  constructor(
    endpoint: Endpoint,
    options: { readonly pool: EndpointPool; readonly addedAtMs: number; readonly outliers: OutlierSink },
  ) {
    this.endpoint = endpoint;
    this.weight = endpoint.weight;
    this.pool = options.pool;
    this.addedAtMs = options.addedAtMs;
    this.#outliers = options.outliers;
  }

  get priority(): number {
    return this.endpoint.priority ?? 0;
  }

  get locality(): string {
    return this.endpoint.locality ?? '';
  }

  get healthy(): boolean {
    return this.health === undefined || !this.health.ejected;
  }

  get usable(): boolean {
    return !this.pool.isBackingOff;
  }

  request(exchange: Exchange): void {
    this.pool.request(exchange);
  }

  forget(exchange: Exchange): void {
    this.pool.forget(exchange);
  }

  noteStatus(httpStatus: number): void {
    if (this.health !== undefined) this.#outliers.onStatus(this, httpStatus);
  }

  noteFailure(failure: LocalFailure): void {
    if (this.health !== undefined) this.#outliers.onFailure(this, failure);
  }
}

import { canonicalHost } from '../decide/index.ts';
import { FieldKind } from '../http2/index.ts';
import type { EndpointPool, PoolSettings } from './endpoint-pool.ts';
import type { Exchange } from './exchange.ts';
import { hostPoolsPerEndpoint } from './limits.ts';

/** Makes the pool for one host. */
export type HostPoolFactory = (host: string, settings: PoolSettings) => EndpointPool;

/**
 * A pool for each host that requests call: where the server name of TLS follows `:authority`, so must the certificate, and
 * a connection that was verified for one host must not carry the requests of another (Envoy's `auto_sni`).
 */
export class HostPools implements EndpointPool {
  #settings: PoolSettings;
  readonly #make: HostPoolFactory;
  /** The one used last at the end. */
  readonly #pools = new Map<string, EndpointPool>();
  /** Given up for newer ones; their last requests are still under way. */
  #leaving: EndpointPool[] = [];
  #openedBefore = 0;

  constructor(settings: PoolSettings, make: HostPoolFactory) {
    this.#settings = settings;
    this.#make = make;
  }

  get settings(): PoolSettings {
    return this.#settings;
  }

  set settings(settings: PoolSettings) {
    this.#settings = settings;
    for (const pool of this.#all()) pool.settings = settings;
  }

  get connections(): number {
    return this.#sum((pool) => pool.connections);
  }

  get opened(): number {
    return this.#openedBefore + this.#sum((pool) => pool.opened);
  }

  get pending(): number {
    return this.#sum((pool) => pool.pending);
  }

  get isBackingOff(): boolean {
    const pools = [...this.#pools.values()];
    return pools.length > 0 && pools.every((pool) => pool.isBackingOff);
  }

  request(exchange: Exchange): void {
    const host = hostOf(exchange);
    const pool = this.#pools.get(host) ?? this.#make(host, this.#settings);
    this.#pools.delete(host);
    this.#pools.set(host, pool);
    if (this.#pools.size > hostPoolsPerEndpoint) this.#giveUpOldest();
    pool.request(exchange);
  }

  forget(exchange: Exchange): void {
    for (const pool of this.#all()) pool.forget(exchange);
  }

  recycle(): void {
    for (const pool of this.#pools.values()) pool.recycle();
  }

  drain(): void {
    for (const pool of this.#pools.values()) pool.drain();
  }

  close(): void {
    for (const pool of this.#all()) pool.close();
  }

  #giveUpOldest(): void {
    const [oldest] = this.#pools;
    if (oldest === undefined) return;
    const [host, pool] = oldest;
    this.#pools.delete(host);
    pool.drain();
    const gone = this.#leaving.filter(({ connections }) => connections === 0);
    for (const { opened } of gone) this.#openedBefore += opened;
    this.#leaving = [...this.#leaving.filter(({ connections }) => connections > 0), pool];
  }

  #all(): readonly EndpointPool[] {
    return [...this.#pools.values(), ...this.#leaving];
  }

  #sum(of: (pool: EndpointPool) => number): number {
    return this.#all().reduce((total, pool) => total + of(pool), 0);
  }
}

/** As it is sent on, which a rewrite may have changed. */
function hostOf({ head, headCount }: Exchange): string {
  for (let i = 0; i < headCount; i++) {
    const field = head[i];
    if (field?.kind === FieldKind.authority) return canonicalHost(field.value);
  }
  return '';
}

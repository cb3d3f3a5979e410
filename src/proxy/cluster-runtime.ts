import { chooseEndpoint, type Balanced, type CompiledCluster, type RoundRobinCursor } from '../decide/index.ts';
import type { Endpoint } from '../plan/index.ts';
import type { ClusterSlot, EndpointSlot, Exchange } from './exchange.ts';
import type { ClusterSnapshot } from './proxy-api.ts';
import type { PoolSettings, UpstreamPool } from './upstream-pool.ts';

/** Makes the pool of an endpoint; the rest of the proxy knows identity, clock and events. */
export type PoolFactory = (endpoint: Endpoint, settings: PoolSettings) => UpstreamPool;

/** One endpoint of a cluster with its connections; lives as long as address and security stay the same. */
export class EndpointRuntime implements EndpointSlot, Balanced {
  endpoint: Endpoint;
  active = 0;
  readonly pool: UpstreamPool;

  constructor(endpoint: Endpoint, pool: UpstreamPool) {
    this.endpoint = endpoint;
    this.pool = pool;
  }

  get weight(): number {
    return this.endpoint.weight;
  }

  get usable(): boolean {
    return !this.pool.isBackingOff;
  }

  forget(exchange: Exchange): void {
    this.pool.forget(exchange);
  }
}

/** A cluster's counters and endpoints; survives changes of the plan, so that limits hold across them. */
export class ClusterRuntime implements ClusterSlot {
  compiled: CompiledCluster;
  active = 0;
  endpoints: EndpointRuntime[] = [];
  /** Left the plan; their last requests are still under way. */
  #removed: EndpointRuntime[] = [];
  readonly #cursor: RoundRobinCursor = { next: 0 };
  readonly #makePool: PoolFactory;

  constructor(compiled: CompiledCluster, makePool: PoolFactory) {
    this.compiled = compiled;
    this.#makePool = makePool;
    this.update(compiled);
  }

  /** `http2MaxRequests`, or Infinity. */
  get maxRequests(): number {
    return this.compiled.cluster.connectionPool.http2MaxRequests ?? Number.POSITIVE_INFINITY;
  }

  /** Takes over a new plan: endpoints that stayed keep their connections, the others drain. */
  update(compiled: CompiledCluster): void {
    this.compiled = compiled;
    const { connectTimeoutMs, maxRequestsPerConnection } = compiled.cluster.connectionPool;
    const settings = {
      connectTimeoutMs,
      maxRequestsPerConnection: maxRequestsPerConnection ?? Number.POSITIVE_INFINITY,
    };
    const before = new Map(this.endpoints.map((runtime) => [endpointKey(runtime.endpoint), runtime]));
    this.endpoints = compiled.endpoints.map((endpoint) => {
      const key = endpointKey(endpoint);
      const kept = before.get(key);
      if (kept === undefined) return new EndpointRuntime(endpoint, this.#makePool(endpoint, settings));
      before.delete(key);
      kept.endpoint = endpoint;
      kept.pool.settings = settings;
      return kept;
    });
    for (const removed of before.values()) removed.pool.drain();
    this.#removed = [...this.#removed, ...before.values()].filter(({ pool }) => pool.connections > 0);
  }

  /** Nothing is connected any more. */
  get isIdle(): boolean {
    return [...this.endpoints, ...this.#removed].every(({ pool }) => pool.connections === 0);
  }

  /**
   * The endpoint for the next attempt: by the cluster's load balancer among those this request has not tried. When all
   * are backing off, one of them is asked all the same: its pool answers at once with the last failure or tries again.
   */
  choose(exchange: Exchange, random: () => number): EndpointRuntime | undefined {
    const policy = this.compiled.cluster.loadBalancer;
    const fresh =
      exchange.tried.length === 0 ? this.endpoints : this.endpoints.filter((one) => !exchange.tried.includes(one));
    return chooseEndpoint(policy, fresh, this.#cursor, random) ?? fresh.find((one) => one.weight > 0);
  }

  /** The endpoint for a connection whose bytes are relayed, by the same load balancer. */
  chooseForBytes(tried: readonly EndpointRuntime[], random: () => number): EndpointRuntime | undefined {
    const fresh = this.endpoints.filter((one) => !tried.includes(one));
    const policy = this.compiled.cluster.loadBalancer;
    return chooseEndpoint(policy, fresh, this.#cursor, random) ?? fresh.find((one) => one.weight > 0);
  }

  snapshot(): ClusterSnapshot {
    return {
      id: this.compiled.cluster.id,
      activeRequests: this.active,
      endpoints: this.endpoints.map(({ endpoint, active, pool }) => ({
        id: endpoint.id,
        address: endpoint.address,
        activeRequests: active,
        connections: pool.connections,
        connectionsOpened: pool.opened,
        pendingRequests: pool.pending,
        isBackingOff: pool.isBackingOff,
      })),
    };
  }

  recycle(): void {
    for (const { endpoint, pool } of this.endpoints) if (endpoint.security.mode === 'mtls') pool.recycle();
  }

  drain(): void {
    for (const { pool } of this.endpoints) pool.drain();
  }

  close(): void {
    for (const { pool } of [...this.endpoints, ...this.#removed]) pool.close();
  }
}

/** All that decides how to connect: when it changes, connections must be new. Origins may move without any effect. */
function endpointKey({ id, address, security }: Endpoint): string {
  const peer = security.mode === 'mtls' ? [security.sni, ...security.spiffeIds] : [];
  return JSON.stringify([id, address.host, address.port, security.mode, ...peer]);
}

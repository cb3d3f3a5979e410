import type { CompiledCluster } from '../decide/index.ts';
import type { Endpoint, EndpointSecurity, OriginatedTls } from '../plan/index.ts';
import type { TimerWheel } from '../transport/index.ts';
import { EndpointChoice } from './endpoint-choice.ts';
import type { EndpointPool, PoolSettings, PoolUsage } from './endpoint-pool.ts';
import { EndpointRuntime } from './endpoint-runtime.ts';
import type { ClusterSlot, Exchange } from './exchange.ts';
import { OutlierWatch, type OutlierWatchOptions } from './outlier-watch.ts';
import type { ClusterSnapshot } from './proxy-api.ts';

/** What a cluster takes from the rest of the proxy, which knows identity, clock and events. */
export interface ClusterContext {
  readonly wheel: TimerWheel;
  makePool(endpoint: Endpoint, settings: PoolSettings): EndpointPool;
  readonly log: OutlierWatchOptions['log'];
  readonly onEjected: OutlierWatchOptions['onEjected'];
}

const none: readonly number[] = [];

/** A cluster's counters and endpoints; survives changes of the plan, so that limits hold across them. */
export class ClusterRuntime implements ClusterSlot {
  compiled: CompiledCluster;
  active = 0;
  retries = 0;
  endpoints: EndpointRuntime[] = [];
  /** Left the plan; their last requests are still under way. */
  #removed: EndpointRuntime[] = [];
  readonly #usage: PoolUsage = { connections: 0, pending: 0 };
  readonly #choice: EndpointChoice;
  readonly #outliers: OutlierWatch;
  readonly #context: ClusterContext;

  constructor(compiled: CompiledCluster, context: ClusterContext) {
    const { wheel, log, onEjected } = context;
    this.compiled = compiled;
    this.#context = context;
    this.#choice = new EndpointChoice(compiled.cluster, () => wheel.nowMs());
    this.#outliers = new OutlierWatch({
      wheel,
      log,
      onEjected,
      endpoints: () => this.endpoints,
      onChange: () => this.#choice.refresh(),
    });
    this.update(compiled);
  }

  /** `http2MaxRequests`, or Infinity. */
  get maxRequests(): number {
    return this.compiled.cluster.connectionPool.http2MaxRequests ?? Number.POSITIVE_INFINITY;
  }

  /** Takes over a new plan: endpoints that stayed keep their connections, the others drain. */
  update(compiled: CompiledCluster): void {
    this.compiled = compiled;
    const settings: PoolSettings = { ...compiled.cluster.connectionPool, usage: this.#usage };
    const before = new Map(this.endpoints.map((runtime) => [endpointKey(runtime.endpoint), runtime]));
    this.endpoints = compiled.endpoints.map((endpoint) => {
      const key = endpointKey(endpoint);
      const kept = before.get(key);
      if (kept === undefined) return this.#add(endpoint, settings);
      before.delete(key);
      kept.endpoint = endpoint;
      kept.pool.settings = settings;
      return kept;
    });
    for (const removed of before.values()) removed.pool.drain();
    this.#removed = [...this.#removed, ...before.values()].filter(({ pool }) => pool.connections > 0);
    this.#outliers.use(compiled.cluster.outlierDetection);
    this.#choice.use(compiled.cluster, this.endpoints);
  }

  #add(endpoint: Endpoint, settings: PoolSettings): EndpointRuntime {
    const context = this.#context;
    return new EndpointRuntime(endpoint, {
      pool: context.makePool(endpoint, settings),
      addedAtMs: context.wheel.nowMs(),
      outliers: this.#outliers,
    });
  }

  /** Nothing is connected any more. */
  get isIdle(): boolean {
    return [...this.endpoints, ...this.#removed].every(({ pool }) => pool.connections === 0);
  }

  /** The endpoint for the next attempt, by the cluster's load balancer among those this request has not tried. */
  choose(exchange: Exchange, random: () => number): EndpointRuntime | undefined {
    const { tried, extra } = exchange;
    const excluded = extra?.excluded ?? none;
    if (excluded.length === 0) return this.#choice.choose(tried, exchange, random);
    if (this.#choice.hasOther(excluded)) return this.#choice.choose(tried, exchange, random, excluded);
    extra?.allowPriorities();
    return this.#choice.choose(tried, exchange, random);
  }

  /** The endpoint for a connection from an address whose bytes are relayed, by the same load balancer. */
  chooseForBytes(
    tried: readonly EndpointRuntime[],
    clientAddress: string,
    random: () => number,
  ): EndpointRuntime | undefined {
    return this.#choice.choose(tried, clientAddress, random);
  }

  snapshot(): ClusterSnapshot {
    return {
      id: this.compiled.cluster.id,
      activeRequests: this.active,
      activeRetries: this.retries,
      endpoints: this.endpoints.map(({ endpoint, active, pool, health, weight }) => ({
        id: endpoint.id,
        address: endpoint.address,
        activeRequests: active,
        connections: pool.connections,
        connectionsOpened: pool.opened,
        pendingRequests: pool.pending,
        isBackingOff: pool.isBackingOff,
        isEjected: health?.ejected === true,
        weight,
      })),
    };
  }

  recycle(): void {
    for (const { endpoint, pool } of this.endpoints) if (endpoint.security.mode === 'mtls') pool.recycle();
  }

  /** New connections for requests to endpoints whose TLS goes by something new. */
  recycleTls(isRenewed: (security: OriginatedTls) => boolean): void {
    for (const { endpoint, pool } of this.endpoints) {
      if (endpoint.security.mode === 'tls' && isRenewed(endpoint.security)) pool.recycle();
    }
  }

  drain(): void {
    this.#outliers.close();
    for (const { pool } of this.endpoints) pool.drain();
  }

  close(): void {
    this.#outliers.close();
    for (const { pool } of [...this.endpoints, ...this.#removed]) pool.close();
  }
}

/** All that decides how to connect: when it changes, connections must be new. Origins may move without any effect. */
function endpointKey({ id, address, security }: Endpoint): string {
  return JSON.stringify([id, address.host, address.port, ...securityKey(security)]);
}

function securityKey(security: EndpointSecurity): readonly unknown[] {
  if (security.mode === 'plaintext') return [];
  const { origin: _, ...rest } = security;
  return [rest];
}

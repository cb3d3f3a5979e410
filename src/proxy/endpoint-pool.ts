import type { ConnectionPool } from '../plan/index.ts';
import type { Exchange } from './exchange.ts';

/** The connections from this proxy to one endpoint, of one kind or of several. */
export interface EndpointPool {
  settings: PoolSettings;
  /** Open now, those that only finish included. */
  readonly connections: number;
  /** Ever opened. */
  readonly opened: number;
  readonly pending: number;
  /** Recent attempts failed, and it is too early for another: prefer other endpoints. */
  readonly isBackingOff: boolean;
  /** Sends the request now, or when a connection is ready; every outcome comes by `PoolEvents`, possibly before this returns. */
  request(exchange: Exchange): void;
  /** The request does not wait any more. */
  forget(exchange: Exchange): void;
  /** New requests get new connections, those under way finish on the old ones. */
  recycle(): void;
  /** The endpoint is gone: requests that wait go elsewhere, those under way finish. */
  drain(): void;
  close(): void;
}

/** The part of the cluster's settings that a pool follows; may change while the pool lives. */
export interface PoolSettings extends ConnectionPool {
  /** Shared by the pools of one cluster, whose limits are for all of them together. */
  readonly usage: PoolUsage;
}

export interface PoolUsage {
  /** Open, or being opened. */
  connections: number;
  pending: number;
}

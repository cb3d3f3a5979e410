import type { LookupFunction } from 'node:net';
import type { Clock } from '../base/index.ts';
import type { Endpoint } from '../plan/index.ts';
import type { TimerWheel, TlsClientContext } from '../transport/index.ts';
import type { CompiledProxy, LocalCause, ShadowDecision } from '../decide/index.ts';
import type { Authenticator } from '../token/index.ts';
import type { ClusterRuntime } from './cluster-runtime.ts';
import type { Exchange, ExchangePool, LocalService, Scope } from './exchange.ts';
import type { HeadView } from './head-view.ts';
import type { ProxyLimits } from './limits.ts';
import type { RelayBooks } from './relay-book.ts';

/** What the relay's functions share: one per proxy process. */
export interface Runtime {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly newRequestId: () => string;
  readonly limits: ProxyLimits;
  readonly wheel: TimerWheel;
  readonly exchanges: ExchangePool;
  /** Copies for mirrors. */
  readonly mirrors: ExchangePool;
  readonly view: HeadView;
  /** By cluster id; the same map through all plans. */
  readonly clusters: ReadonlyMap<string, ClusterRuntime>;
  /** Who verifies tokens under a plan; undefined where it asks for none. */
  authenticatorOf(compiled: CompiledProxy): Authenticator | undefined;
  /** The proxy's own service for a request that no route takes, if it has one (gateway reflection). */
  localService(exchange: Exchange, scope: Scope): LocalService | undefined;
  /** Books a finished request: metrics and access log. */
  record(exchange: Exchange): void;
  /** Books the messages of a call under way. */
  recordMessages(exchange: Exchange): void;
  /** Where relayed connections are booked. */
  readonly relayBooks: RelayBooks;
  /** As `ProxyOptions.lookup`. */
  readonly lookup: LookupFunction | undefined;
  /** How an endpoint does TLS; undefined: plaintext. Asked for each connection, so that it is the newest. */
  readonly tlsOf: (endpoint: Endpoint) => UpstreamTls | undefined;
  /** For operators; bounded, so that no client can flood it. */
  log(message: string): void;
  /** Counts what became of a copy for a mirror. */
  countMirror(cluster: string, outcome: MirrorOutcome): void;
  /** Counts that a limit acted, by its name. */
  countLimit(name: string): void;
  /** Counts what policies on trial would have done. */
  countDryRun(decision: ShadowDecision): void;
}

/** TLS of the next connection to an endpoint, or why there can be none. */
export type UpstreamTls = () => TlsClientContext | { readonly error: string };

/**
 * `answered`: the mirror's response was thrown away; `failed`: it gave none; `timeout`: none in time; `behind`: it did not keep
 * up with the request; `cancelled`: the request itself ended early; `overflow`: too many copies, or requests to its cluster.
 */
export type MirrorOutcome = 'answered' | 'failed' | 'timeout' | 'behind' | 'cancelled' | 'overflow';

/** A cause with what the log should say about it. */
export interface Failure {
  readonly cause: LocalCause;
  readonly detail?: string;
}

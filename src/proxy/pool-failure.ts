import type { LocalCause, LocalFailure } from '../decide/index.ts';
import { tryEndpoint } from './attempt.ts';
import { failExchange, releaseEndpoint } from './ending.ts';
import type { Exchange } from './exchange.ts';
import { endMirror } from './mirror.ts';
import { retryFailure } from './retry.ts';
import type { Runtime } from './runtime.ts';
import type { PoolFailure } from './upstream-pool.ts';

const poolCauses: Readonly<Record<PoolFailure, LocalCause>> = {
  'connect-failed': 'connect_failed',
  'connect-timeout': 'connect_timeout',
  'handshake-failed': 'connect_failed',
  'no-alpn': 'connect_failed',
  'peer-refused': 'connect_failed',
  'no-identity': 'connect_failed',
  'pending-overflow': 'overflow',
  'endpoint-removed': 'no_healthy_upstream',
};

/** What outlier detection counts; not what is this proxy's own doing. */
const outlierFailures: Partial<Readonly<Record<PoolFailure, LocalFailure>>> = {
  'connect-failed': 'reset',
  'connect-timeout': 'timeout',
  'handshake-failed': 'reset',
  'no-alpn': 'reset',
  'peer-refused': 'reset',
};

/** A pool could not send the request: another endpoint gets it while attempts are left. */
export function retryElsewhere(runtime: Runtime, exchange: Exchange, failure: PoolFailure, detail: string): void {
  if (exchange.done || exchange.endpoint === undefined) return;
  const failed = exchange.endpoint;
  releaseEndpoint(exchange);
  const failureOfPeer = outlierFailures[failure];
  if (failureOfPeer !== undefined) failed.noteFailure(failureOfPeer);
  exchange.tried.push(failed);
  if (exchange.isMirror) return endMirror(runtime, exchange, 'failed');
  const isLast = exchange.attempts >= runtime.limits.attemptsPerRequest || failure === 'pending-overflow';
  if (!isLast && tryEndpoint(runtime, exchange)) return;
  if (failure !== 'pending-overflow' && retryFailure(runtime, exchange, 'connect')) return;
  const { host, port } = failed.endpoint.address;
  failExchange(exchange, poolCauses[failure], `${host}:${port}: ${detail}`);
}

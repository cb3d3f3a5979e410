// Hot file: a request is given to an endpoint, and to another one while nothing of it was processed.
import type { LocalCause, LocalFailure } from '../decide/index.ts';
import { formatGrpcTimeout } from '../grpc/index.ts';
import { transientField, type Http2Stream } from '../http2/index.ts';
import { failExchange, releaseEndpoint } from './ending.ts';
import type { Exchange } from './exchange.ts';
import { flushRequest, hasUnsentRequest } from './flow.ts';
import type { Runtime } from './runtime.ts';
import type { UpstreamConnection } from './upstream-connection.ts';
import type { PoolFailure } from './upstream-pool.ts';

/** Finds an endpoint for the request and hands it to that endpoint's pool. */
export function dispatch(runtime: Runtime, exchange: Exchange): void {
  if (!tryEndpoint(runtime, exchange)) failExchange(exchange, 'no_healthy_upstream');
}

function tryEndpoint(runtime: Runtime, exchange: Exchange): boolean {
  const cluster = runtime.clusters.get(exchange.backend?.cluster?.cluster.id ?? '');
  const endpoint = cluster?.choose(exchange, runtime.random);
  if (endpoint === undefined) return false;
  exchange.endpoint = endpoint;
  exchange.attempts++;
  exchange.countsAtEndpoint = true;
  endpoint.active++;
  endpoint.request(exchange);
  return true;
}

/** A connection takes the request: the head goes out, and what has arrived of the body. */
export function sendRequest(
  runtime: Runtime,
  exchange: Exchange,
  connection: UpstreamConnection,
  stream: Http2Stream<Exchange>,
): void {
  exchange.up = connection;
  exchange.upStream = stream;
  exchange.upLocalAddress = connection.localAddress;
  exchange.replaySent = 0;
  exchange.requestEndSent = false;
  const { head, headCount, timeoutIndex } = exchange;
  if (timeoutIndex !== -1) {
    const leftMs = exchange.deadlineMs - runtime.wheel.nowMs();
    head[timeoutIndex] = transientField('grpc-timeout', formatGrpcTimeout(leftMs));
  }
  const isWhole = exchange.requestEnded && exchange.replayLength === 0 && exchange.requestQueue.byteLength === 0;
  const endStream = isWhole && exchange.requestTrailerCount === 0;
  exchange.requestEndSent = endStream;
  connection.connection.sendHeaders(stream, head, headCount, endStream);
  if (!endStream && (exchange.requestEnded || hasUnsentRequest(exchange))) flushRequest(exchange);
}

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
  const isLast = exchange.attempts >= runtime.limits.attemptsPerRequest || failure === 'pending-overflow';
  if (!isLast && tryEndpoint(runtime, exchange)) return;
  const { host, port } = failed.endpoint.address;
  failExchange(exchange, poolCauses[failure], `${host}:${port}: ${detail}`);
}

// Hot file: a request is given to an endpoint, and to another one while nothing of it was processed.
import type { Http2Stream } from '../http2/index.ts';
import { failExchange } from './ending.ts';
import type { Exchange } from './exchange.ts';
import { flushRequest, hasUnsentRequest } from './flow.ts';
import type { Runtime } from './runtime.ts';
import { timeoutField } from './timeout-field.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** Finds an endpoint for the request and hands it to that endpoint's pool. */
export function dispatch(runtime: Runtime, exchange: Exchange): void {
  if (!tryEndpoint(runtime, exchange)) failExchange(exchange, 'no_healthy_upstream');
}

/** False when the cluster has no endpoint for this request; the outcome of the attempt comes by the pool's events. */
export function tryEndpoint(runtime: Runtime, exchange: Exchange): boolean {
  const cluster = runtime.clusters.get(exchange.cluster?.compiled.cluster.id ?? '');
  const endpoint = cluster?.choose(exchange, runtime.random);
  if (endpoint === undefined) return false;
  exchange.endpoint = endpoint;
  exchange.attempts++;
  exchange.countsAtEndpoint = true;
  endpoint.active++;
  exchange.extra?.beginTry(runtime.wheel);
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
  if (timeoutIndex !== -1) head[timeoutIndex] = timeoutField(exchange.deadlineMs - runtime.wheel.nowMs());
  // A request ends with DATA, be it empty: gRPC demands it (PROTOCOL-HTTP2, EOS), and a stream of grpc-go's servers waits for it.
  connection.connection.sendHeaders(stream, head, headCount, false);
  if (exchange.requestEnded || hasUnsentRequest(exchange)) flushRequest(exchange);
}

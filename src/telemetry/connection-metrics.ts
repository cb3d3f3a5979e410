/** Istio's metrics of TCP connections (istio.md 7.1). They are rarer than requests, so plain counters do. */
import type { CounterDefinition } from './counters.ts';
import { pairLabelNames, pairLabelValues, type PairLabels } from './labels.ts';

const labels = [...pairLabelNames, 'request_protocol', 'response_flags', 'connection_security_policy'];

export const tcpConnectionsOpened: CounterDefinition = {
  name: 'istio_tcp_connections_opened_total',
  help: 'TCP connections opened',
  labels,
};
export const tcpConnectionsClosed: CounterDefinition = {
  name: 'istio_tcp_connections_closed_total',
  help: 'TCP connections closed',
  labels,
};
export const tcpSentBytes: CounterDefinition = {
  name: 'istio_tcp_sent_bytes_total',
  help: 'Bytes sent to clients of TCP connections',
  labels,
};
export const tcpReceivedBytes: CounterDefinition = {
  name: 'istio_tcp_received_bytes_total',
  help: 'Bytes received from clients of TCP connections',
  labels,
};

/**
 * Label values of one connection, in the order of the definitions.
 *
 * @param flags Envoy's response flags, `-` for none
 */
export function connectionLabelValues(pair: PairLabels, flags: string): string[] {
  return [...pairLabelValues(pair), 'tcp', flags, pair.security];
}

/** Every metric that the page can show: what the exposition writes as HELP, and docs/metrics.md as a table. */
import { tcpConnectionsClosed, tcpConnectionsOpened, tcpReceivedBytes, tcpSentBytes } from './connection-metrics.ts';
import {
  accessLogDropped,
  dryRunDecisions,
  handshakeFailures,
  limitsActed,
  mirroredRequests,
  outlierEjections,
  plaintextRefused,
  upstreamConnections,
  type CounterDefinition,
} from './counters.ts';
import { pairLabelNames, responseLabelNames } from './labels.ts';

export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** One sentence for the HELP line. */
  readonly help: string;
  readonly labels: readonly string[];
}

const requestLabels = [...pairLabelNames, ...responseLabelNames];

/** Istio's metrics of requests, and its build information. */
export const requestMetrics = {
  requests: {
    name: 'istio_requests_total',
    type: 'counter',
    help: 'Requests, counted when they end',
    labels: requestLabels,
  },
  duration: {
    name: 'istio_request_duration_milliseconds',
    type: 'histogram',
    help: 'Time from the first byte received to the last byte sent',
    labels: requestLabels,
  },
  requestBytes: {
    name: 'istio_request_bytes',
    type: 'histogram',
    help: 'Bytes of requests on the wire, headers and body',
    labels: requestLabels,
  },
  responseBytes: {
    name: 'istio_response_bytes',
    type: 'histogram',
    help: 'Bytes of responses on the wire, headers and body',
    labels: requestLabels,
  },
  requestMessages: {
    name: 'istio_request_messages_total',
    type: 'counter',
    help: 'gRPC messages from clients',
    labels: pairLabelNames,
  },
  responseMessages: {
    name: 'istio_response_messages_total',
    type: 'counter',
    help: 'gRPC messages to clients',
    labels: pairLabelNames,
  },
  build: { name: 'istio_build', type: 'gauge', help: 'Version of the component', labels: ['component', 'tag'] },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

const counterDefinitions: readonly CounterDefinition[] = [
  tcpConnectionsOpened,
  tcpConnectionsClosed,
  tcpReceivedBytes,
  tcpSentBytes,
  limitsActed,
  handshakeFailures,
  plaintextRefused,
  upstreamConnections,
  outlierEjections,
  mirroredRequests,
  dryRunDecisions,
  accessLogDropped,
];

export const metricCatalogue: readonly MetricDefinition[] = [
  ...Object.values(requestMetrics),
  ...counterDefinitions.map((definition) => ({ type: 'counter' as const, ...definition })),
];

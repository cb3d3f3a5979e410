export { AccessLog, type AccessLogOptions, type LogSink } from './access-log.ts';
export { type StatusName } from './access-log-line.ts';
export {
  connectionLabelValues,
  tcpConnectionsClosed,
  tcpConnectionsOpened,
  tcpReceivedBytes,
  tcpSentBytes,
} from './connection-metrics.ts';
export {
  accessLogDropped,
  Counters,
  handshakeFailures,
  dryRunDecisions,
  limitsActed,
  mirroredRequests,
  outlierEjections,
  plaintextRefused,
  upstreamConnections,
  type CounterDefinition,
} from './counters.ts';
export { createExposition, type Exposition } from './exposition.ts';
export {
  unknownService,
  unknownWorkload,
  type ConnectionSecurity,
  type PairLabels,
  type Reporter,
  type ServiceIdentity,
  type WorkloadIdentity,
} from './labels.ts';
export { metricCatalogue, type MetricDefinition } from './metric-catalogue.ts';
export { applyMetricRules, type MetricRule } from './metric-rules.ts';
export { RequestMetrics } from './request-metrics.ts';
export { newRequestRecord, type RequestRecord } from './request-record.ts';
export { emptySnapshot, type MetricsSnapshot } from './snapshot.ts';
export { SnapshotStore } from './snapshot-store.ts';
export { makeTags, noTags, type Tags } from './tags.ts';
export { takeSnapshot } from './take-snapshot.ts';

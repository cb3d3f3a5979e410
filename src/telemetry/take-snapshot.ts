import type { Counters } from './counters.ts';
import type { RequestMetrics } from './request-metrics.ts';
import type { MetricsSnapshot } from './snapshot.ts';

/** What one process has counted so far. */
export function takeSnapshot(requests: RequestMetrics, counters: Counters): MetricsSnapshot {
  return { ...requests.snapshot(), counters: counters.snapshot() };
}

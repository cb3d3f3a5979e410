/** Prometheus text from a snapshot: prom-client writes the format, the numbers come from our own arrays. */
import type { Metric } from 'prom-client';
import { bucketBounds, bucketCount } from './buckets.ts';
import { pairLabelNames, responseLabelNames } from './labels.ts';
import type { CounterSnapshot, MetricsSnapshot, PairSnapshot, SeriesSnapshot } from './snapshot.ts';

export interface Exposition {
  /** For the `content-type` header. */
  readonly contentType: string;
  readonly text: () => Promise<string>;
}

/** A page for `/metrics`; `snapshot` is asked once per page. `version` goes into `istio_build`. */
export function createExposition(options: {
  readonly version: string;
  readonly snapshot: () => MetricsSnapshot;
}): Exposition {
  return {
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    text: async () => {
      // 18 MB that only the process which serves the page should pay, not each proxy that counts.
      const { Registry } = await import('prom-client');
      const registry = new Registry();
      for (const metric of metricsOf(options.snapshot(), options.version)) {
        // `registerMetric` takes any object with a name and a `get`, which its type does not say.
        registry.registerMetric({ ...metric, get: () => Promise.resolve(metric) } as unknown as Metric);
      }
      return registry.metrics();
    },
  };
}

interface MetricPage {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly values: readonly MetricValue[];
}

interface MetricValue {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const seriesLabelNames = [...pairLabelNames, ...responseLabelNames];

function metricsOf(snapshot: MetricsSnapshot, version: string): MetricPage[] {
  const { pairs, series } = snapshot;
  return [
    {
      name: 'istio_requests_total',
      help: 'Requests, counted when they end',
      type: 'counter',
      values: series
        .filter(isFor('istio_requests_total'))
        .map(({ labels, duration }) => ({ labels: labelsOf(labels), value: total(duration) })),
    },
    histogram('istio_request_duration_milliseconds', 'Time from the first byte received to the last byte sent', {
      series,
      of: ({ duration }) => duration,
    }),
    histogram('istio_request_bytes', 'Bytes of requests on the wire, headers and body', {
      series,
      of: ({ requestBytes }) => requestBytes,
    }),
    histogram('istio_response_bytes', 'Bytes of responses on the wire, headers and body', {
      series,
      of: ({ responseBytes }) => responseBytes,
    }),
    messages('istio_request_messages_total', 'gRPC messages from clients', {
      pairs,
      of: ({ requestMessages }) => requestMessages,
    }),
    messages('istio_response_messages_total', 'gRPC messages to clients', {
      pairs,
      of: ({ responseMessages }) => responseMessages,
    }),
    ...counters(snapshot.counters),
    {
      name: 'istio_build',
      help: 'Version of the component',
      type: 'gauge',
      values: [{ labels: { component: 'proxy', tag: version }, value: 1 }],
    },
  ];
}

function histogram(
  name: string,
  help: string,
  {
    series,
    of,
  }: { readonly series: readonly SeriesSnapshot[]; readonly of: (one: SeriesSnapshot) => readonly number[] },
): MetricPage {
  const values = series.filter(isFor(name)).flatMap((one) => histogramValues(name, labelsOf(one.labels), of(one)));
  return { name, help, type: 'histogram', values };
}

function histogramValues(
  name: string,
  labels: Readonly<Record<string, string>>,
  counts: readonly number[],
): MetricValue[] {
  const values: MetricValue[] = [];
  let cumulative = 0;
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    cumulative += counts[bucket] ?? 0;
    const le = bucketBounds[bucket] ?? '+Inf';
    values.push({ metricName: `${name}_bucket`, labels: { ...labels, le: String(le) }, value: cumulative });
  }
  values.push({ metricName: `${name}_sum`, labels, value: counts[bucketCount] ?? 0 });
  values.push({ metricName: `${name}_count`, labels, value: cumulative });
  return values;
}

function messages(
  name: string,
  help: string,
  { pairs, of }: { readonly pairs: readonly PairSnapshot[]; readonly of: (pair: PairSnapshot) => number },
): MetricPage {
  return {
    name,
    help,
    type: 'counter',
    values: pairs.filter(isFor(name)).map((pair) => ({ labels: labelsOf(pair.labels), value: of(pair) })),
  };
}

function isFor(metric: string): (element: { readonly omit?: readonly string[] }) => boolean {
  return ({ omit }) => omit?.includes(metric) !== true;
}

function counters(all: readonly CounterSnapshot[]): MetricPage[] {
  const byName = Map.groupBy(all, ({ name }) => name);
  return [...byName].map(([name, ofName]) => ({
    name,
    help: ofName[0]?.help ?? '',
    type: 'counter',
    values: ofName.map(({ labels, value }) => ({ labels: Object.fromEntries(labels), value })),
  }));
}

function labelsOf(values: readonly string[]): Record<string, string> {
  return Object.fromEntries(values.map((value, index) => [seriesLabelNames[index] ?? '', value]));
}

/** Requests of a series: all buckets of its duration histogram. */
function total(counts: readonly number[]): number {
  return counts.slice(0, bucketCount).reduce((sum, count) => sum + count, 0);
}

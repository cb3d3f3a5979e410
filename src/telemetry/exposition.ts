/** Prometheus text from a snapshot: prom-client writes the format, the numbers come from our own arrays. */
import type { Metric } from 'prom-client';
import { bucketBounds, bucketCount } from './buckets.ts';
import { pairLabelNames, responseLabelNames } from './labels.ts';
import { requestMetrics, type MetricDefinition } from './metric-catalogue.ts';
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
      ...requestMetrics.requests,
      values: series
        .filter(isFor(requestMetrics.requests.name))
        .map((one) => ({ labels: labelsOf(one), value: total(one.duration) })),
    },
    histogram(requestMetrics.duration, { series, of: ({ duration }) => duration }),
    histogram(requestMetrics.requestBytes, { series, of: ({ requestBytes }) => requestBytes }),
    histogram(requestMetrics.responseBytes, { series, of: ({ responseBytes }) => responseBytes }),
    messages(requestMetrics.requestMessages, { pairs, of: ({ requestMessages }) => requestMessages }),
    messages(requestMetrics.responseMessages, { pairs, of: ({ responseMessages }) => responseMessages }),
    ...counters(snapshot.counters),
    { ...requestMetrics.build, values: [{ labels: { component: 'proxy', tag: version }, value: 1 }] },
  ];
}

function histogram(
  { name, help }: MetricDefinition,
  {
    series,
    of,
  }: { readonly series: readonly SeriesSnapshot[]; readonly of: (one: SeriesSnapshot) => readonly number[] },
): MetricPage {
  const values = series.filter(isFor(name)).flatMap((one) => histogramValues(name, labelsOf(one), of(one)));
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
  { name, help }: MetricDefinition,
  { pairs, of }: { readonly pairs: readonly PairSnapshot[]; readonly of: (pair: PairSnapshot) => number },
): MetricPage {
  return {
    name,
    help,
    type: 'counter',
    values: pairs.filter(isFor(name)).map((pair) => ({ labels: labelsOf(pair), value: of(pair) })),
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

function labelsOf({ labels, extra = [] }: PairSnapshot | SeriesSnapshot): Record<string, string> {
  const standard = labels.map((value, index) => [seriesLabelNames[index] ?? '', value] as const);
  return Object.fromEntries([...standard, ...extra]);
}

/** Requests of a series: all buckets of its duration histogram. */
function total(counts: readonly number[]): number {
  return counts.slice(0, bucketCount).reduce((sum, count) => sum + count, 0);
}

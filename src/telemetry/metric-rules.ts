/**
 * Leaves out metrics and changes labels of what has been counted. Done when a snapshot is taken, so that counting itself
 * costs the same with and without.
 */
import { pairLabelNames, responseLabelNames } from './labels.ts';
import {
  mergeSnapshots,
  type MetricsSnapshot,
  type CounterSnapshot,
  type PairSnapshot,
  type SeriesSnapshot,
} from './snapshot.ts';

/** Same shape as the plan's. */
export interface MetricRule {
  readonly reporter: 'source' | 'destination';
  /** Name without suffix. */
  readonly metric: string;
  readonly disabled: boolean;
  /** By label; an empty value takes the label away. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Metrics that are made of series, and of pairs. */
const seriesMetrics = [
  'istio_requests_total',
  'istio_request_duration_milliseconds',
  'istio_request_bytes',
  'istio_response_bytes',
] as const;
const pairMetrics = ['istio_request_messages_total', 'istio_response_messages_total'] as const;
const labelNames: readonly string[] = [...pairLabelNames, ...responseLabelNames];

export function applyMetricRules(snapshot: MetricsSnapshot, rules: readonly MetricRule[]): MetricsSnapshot {
  if (rules.length === 0) return snapshot;
  const ruleOf = new Map(rules.map((rule) => [`${rule.reporter} ${rule.metric}`, rule]));
  const changed = {
    pairs: snapshot.pairs.flatMap((pair): PairSnapshot[] => split(pair, pairMetrics, ruleOf)),
    series: snapshot.series.flatMap((one): SeriesSnapshot[] => split(one, seriesMetrics, ruleOf)),
    counters: snapshot.counters.flatMap((counter) => changeCounter(counter, ruleOf)),
  };
  // Elements that differed only in a label that is gone are one now.
  return mergeSnapshots([changed]);
}

/** Metrics of connections are plain counters; those of the proxy itself have no reporter, and so no rule. */
function changeCounter(counter: CounterSnapshot, ruleOf: ReadonlyMap<string, MetricRule>): CounterSnapshot[] {
  const [first] = counter.labels;
  if (first?.[0] !== 'reporter') return [counter];
  const rule = ruleOf.get(`${first[1]} ${counter.name}`);
  if (rule === undefined) return [counter];
  if (rule.disabled) return [];
  const labels = counter.labels.map(([name, value]) => [name, rule.labels[name] ?? value] as const);
  return [{ ...counter, labels }];
}

/** The element once for each set of labels that its metrics have now, each naming the metrics that it is not for. */
function split<T extends { readonly labels: readonly string[]; readonly omit?: readonly string[] }>(
  element: T,
  metrics: readonly string[],
  ruleOf: ReadonlyMap<string, MetricRule>,
): T[] {
  const [reporter = ''] = element.labels;
  const shown = metrics.filter((metric) => ruleOf.get(`${reporter} ${metric}`)?.disabled !== true);
  const groups = Map.groupBy(shown, (metric) =>
    JSON.stringify(relabelled(element.labels, ruleOf.get(`${reporter} ${metric}`)?.labels ?? {})),
  );
  return [...groups].map(([labels, own]) => {
    const omit = metrics.filter((metric) => !own.includes(metric));
    return { ...element, labels: JSON.parse(labels) as string[], ...(omit.length === 0 ? {} : { omit }) };
  });
}

function relabelled(values: readonly string[], changes: Readonly<Record<string, string>>): readonly string[] {
  return values.map((value, index) => {
    const name = labelNames[index] ?? '';
    return Object.hasOwn(changes, name) ? (changes[name] ?? value) : value;
  });
}

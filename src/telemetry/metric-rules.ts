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
import type { Tags } from './tags.ts';

/** Same shape as the plan's. */
export interface MetricRule {
  readonly reporter: 'source' | 'destination';
  /** Name without suffix. */
  readonly metric: string;
  readonly disabled: boolean;
  /** By label, a text or one that was computed; an empty value takes the label away. */
  readonly labels: Readonly<Record<string, string | { readonly text: string }>>;
}

type Labels = MetricRule['labels'];

/** Metrics that are made of series, and of pairs. */
const seriesMetrics = [
  'istio_requests_total',
  'istio_request_duration_milliseconds',
  'istio_request_bytes',
  'istio_response_bytes',
] as const;
const pairMetrics = ['istio_request_messages_total', 'istio_response_messages_total'] as const;
const labelNames: readonly string[] = [...pairLabelNames, ...responseLabelNames];
const standardNames: ReadonlySet<string> = new Set(labelNames);

/** What was counted before its rule was there. */
const neverComputed = 'unknown';

export function applyMetricRules(snapshot: MetricsSnapshot, rules: readonly MetricRule[]): MetricsSnapshot {
  if (rules.length === 0 && !hasTags(snapshot)) return snapshot;
  const ruleOf = new Map(rules.map((rule) => [`${rule.reporter} ${rule.metric}`, rule]));
  const changed = {
    pairs: snapshot.pairs.flatMap((pair): PairSnapshot[] => split(pair, pairMetrics, ruleOf)),
    series: snapshot.series.flatMap((one): SeriesSnapshot[] => split(one, seriesMetrics, ruleOf)),
    counters: snapshot.counters.flatMap((counter) => changeCounter(counter, ruleOf)),
  };
  // Elements that differed only in a label that is gone are one now.
  return mergeSnapshots([changed]);
}

function hasTags({ pairs, series, counters }: MetricsSnapshot): boolean {
  return [pairs, series, counters].some((elements) => elements.some(({ tags }) => tags !== undefined));
}

/** Metrics of connections are plain counters; those of the proxy itself have no reporter, and so no rule. */
function changeCounter(
  { tags, ...counter }: CounterSnapshot,
  ruleOf: ReadonlyMap<string, MetricRule>,
): CounterSnapshot[] {
  const [first] = counter.labels;
  if (first?.[0] !== 'reporter') return [counter];
  const rule = ruleOf.get(`${first[1]} ${counter.name}`);
  if (rule === undefined) return [counter];
  if (rule.disabled) return [];
  const labels = counter.labels.map(([name, value]) => [name, labelOf(rule.labels, name, tags) ?? value] as const);
  return [{ ...counter, labels: [...labels, ...extraLabels(rule.labels, tags)] }];
}

/** The element once for each set of labels that its metrics have now, each naming the metrics that it is not for. */
function split<T extends PairSnapshot | SeriesSnapshot>(
  { tags, ...element }: T,
  metrics: readonly string[],
  ruleOf: ReadonlyMap<string, MetricRule>,
): Omit<T, 'tags'>[] {
  const [reporter = ''] = element.labels;
  const shown = metrics.filter((metric) => ruleOf.get(`${reporter} ${metric}`)?.disabled !== true);
  const groups = Map.groupBy(shown, (metric) => {
    const changes = ruleOf.get(`${reporter} ${metric}`)?.labels ?? {};
    return JSON.stringify([relabelled(element.labels, changes, tags), extraLabels(changes, tags)]);
  });
  return [...groups].map(([key, own]) => {
    const [labels, extra] = JSON.parse(key) as [string[], [string, string][]];
    const omit = metrics.filter((metric) => !own.includes(metric));
    return {
      ...element,
      labels,
      ...(omit.length === 0 ? {} : { omit }),
      ...(extra.length === 0 ? {} : { extra }),
    };
  });
}

function relabelled(values: readonly string[], changes: Labels, tags: Tags | undefined): readonly string[] {
  return values.map((value, index) => labelOf(changes, labelNames[index] ?? '', tags) ?? value);
}

/** Labels that Istio does not have, by name. */
function extraLabels(changes: Labels, tags: Tags | undefined): (readonly [string, string])[] {
  return Object.keys(changes)
    .filter((name) => !standardNames.has(name))
    .sort()
    .map((name) => [name, labelOf(changes, name, tags) ?? ''] as const);
}

/** Undefined: the label stays as it is. */
function labelOf(changes: Labels, name: string, tags: Tags | undefined): string | undefined {
  if (!Object.hasOwn(changes, name)) return undefined;
  const change = changes[name];
  return typeof change === 'object' ? (tags?.[change.text] ?? neverComputed) : change;
}

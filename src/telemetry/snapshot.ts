import type { Tags } from './tags.ts';

/** What a process has counted, as JSON that travels to the control process and is summed there. */
export interface MetricsSnapshot {
  readonly pairs: readonly PairSnapshot[];
  readonly series: readonly SeriesSnapshot[];
  readonly counters: readonly CounterSnapshot[];
}

export interface PairSnapshot {
  /** Values of `pairLabelNames`. */
  readonly labels: readonly string[];
  readonly requestMessages: number;
  readonly responseMessages: number;
  /** Metrics that this is not for; absent: it is for both. */
  readonly omit?: readonly string[];
  /** What rules may make labels of. */
  readonly tags?: Tags;
  /** Labels that rules have added, names and values. */
  readonly extra?: readonly (readonly [string, string])[];
}

export interface SeriesSnapshot {
  /** Values of `pairLabelNames` and then `responseLabelNames`. */
  readonly labels: readonly string[];
  /** Each: the count of every bucket (not cumulative, `+Inf` included), then the sum. */
  readonly duration: readonly number[];
  readonly requestBytes: readonly number[];
  readonly responseBytes: readonly number[];
  /** Metrics that this is not for; absent: it is for all. */
  readonly omit?: readonly string[];
  readonly tags?: Tags;
  readonly extra?: readonly (readonly [string, string])[];
}

export interface CounterSnapshot {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly (readonly [string, string])[];
  readonly value: number;
  readonly tags?: Tags;
}

export const emptySnapshot: MetricsSnapshot = { pairs: [], series: [], counters: [] };

/** The sum of several processes' counts, in the order in which label sets first occur. */
export function mergeSnapshots(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  return {
    pairs: mergeBy(
      snapshots.flatMap(({ pairs }) => pairs),
      elementKey,
      (a, b) => ({
        ...a,
        requestMessages: a.requestMessages + b.requestMessages,
        responseMessages: a.responseMessages + b.responseMessages,
      }),
    ),
    series: mergeBy(
      snapshots.flatMap(({ series }) => series),
      elementKey,
      (a, b) => ({
        ...a,
        duration: addAll(a.duration, b.duration),
        requestBytes: addAll(a.requestBytes, b.requestBytes),
        responseBytes: addAll(a.responseBytes, b.responseBytes),
      }),
    ),
    counters: mergeBy(
      snapshots.flatMap(({ counters }) => counters),
      ({ name, labels, tags }) => JSON.stringify([name, labels, tags]),
      (a, b) => ({ ...a, value: a.value + b.value }),
    ),
  };
}

function elementKey({ labels, omit, tags, extra }: PairSnapshot | SeriesSnapshot): string {
  return JSON.stringify([labels, omit, tags, extra]);
}

function mergeBy<T>(elements: readonly T[], keyOf: (element: T) => string, add: (a: T, b: T) => T): T[] {
  const merged = new Map<string, T>();
  for (const element of elements) {
    const key = keyOf(element);
    const known = merged.get(key);
    merged.set(key, known === undefined ? element : add(known, element));
  }
  return [...merged.values()];
}

function addAll(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, index) => value + (b[index] ?? 0));
}

import { maxCounterSeries } from './limits.ts';
import type { CounterSnapshot } from './snapshot.ts';

export interface CounterDefinition {
  /** Prometheus name, ending in `_total`. */
  readonly name: string;
  /** One sentence for the metric's HELP line. */
  readonly help: string;
  readonly labels: readonly string[];
}

/** The proxy's own counters. A definition is the counter's identity; what it says of reasons comes from bounded sets. */
export const limitsActed: CounterDefinition = {
  name: 'sallyport_limits_acted_total',
  help: 'Times that a protective limit refused, reset or closed something',
  labels: ['limit'],
};
export const handshakeFailures: CounterDefinition = {
  name: 'sallyport_handshake_failures_total',
  help: 'TLS handshakes that failed, by side and reason',
  labels: ['side', 'reason'],
};
export const plaintextRefused: CounterDefinition = {
  name: 'sallyport_plaintext_refused_total',
  help: 'Plaintext connections closed at a port that requires mutual TLS',
  labels: ['port'],
};
export const upstreamConnections: CounterDefinition = {
  name: 'sallyport_upstream_connections_total',
  help: 'Connections made to endpoints; with maxRequestsPerConnection they are replaced as they are used up',
  labels: ['cluster'],
};
export const outlierEjections: CounterDefinition = {
  name: 'sallyport_outlier_ejections_total',
  help: 'Endpoints taken out of balancing by outlier detection, by what filled their measure',
  labels: ['cluster', 'cause'],
};
export const mirroredRequests: CounterDefinition = {
  name: 'sallyport_mirrored_requests_total',
  help: 'Copies of requests for mirrors, by what became of them; they count in no other metric of this proxy',
  labels: ['cluster', 'outcome'],
};
export const accessLogDropped: CounterDefinition = {
  name: 'sallyport_access_log_dropped_lines_total',
  help: 'Access log lines lost because the log could not be written fast enough',
  labels: [],
};

interface Counter {
  readonly definition: CounterDefinition;
  readonly values: Map<string, { readonly labels: readonly string[]; value: number }>;
}

/** Counters for what is rarer than requests: a map look-up each. */
export class Counters {
  readonly #counters = new Map<string, Counter>();

  /** Adds to a counter; beyond `maxCounterSeries` label combinations everything goes to one labelled `overflow`. */
  add(definition: CounterDefinition, labels: readonly string[] = [], amount = 1): void {
    let counter = this.#counters.get(definition.name);
    if (counter === undefined) {
      counter = { definition, values: new Map() };
      this.#counters.set(definition.name, counter);
    }
    const known = counter.values.get(JSON.stringify(labels));
    if (known !== undefined) {
      known.value += amount;
      return;
    }
    const overflows = counter.values.size >= maxCounterSeries;
    const kept = overflows ? definition.labels.map(() => 'overflow') : labels;
    const key = JSON.stringify(kept);
    const entry = counter.values.get(key) ?? { labels: kept, value: 0 };
    entry.value += amount;
    counter.values.set(key, entry);
  }

  snapshot(): CounterSnapshot[] {
    return [...this.#counters.values()].flatMap(({ definition, values }) =>
      [...values.values()].map(({ labels, value }) => ({
        name: definition.name,
        help: definition.help,
        labels: definition.labels.map((name, index): readonly [string, string] => [name, labels[index] ?? '']),
        value,
      })),
    );
  }
}

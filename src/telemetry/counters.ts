import { maxCounterSeries } from './limits.ts';
import type { CounterSnapshot } from './snapshot.ts';
import type { Tags } from './tags.ts';

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
export const dryRunDecisions: CounterDefinition = {
  name: 'sallyport_dry_run_decisions_total',
  help: 'What AuthorizationPolicies on trial would have done, by the policy that would have decided; "none" where no rule of theirs matched',
  labels: ['result', 'policy'],
};
export const accessLogDropped: CounterDefinition = {
  name: 'sallyport_access_log_dropped_lines_total',
  help: 'Access log lines lost because the log could not be written fast enough',
  labels: [],
};

interface CounterValue {
  readonly labels: readonly string[];
  /** What a Telemetry has computed for further labels. */
  readonly tags: Tags | undefined;
  value: number;
}

interface Counter {
  readonly definition: CounterDefinition;
  readonly values: Map<string, CounterValue>;
}

/** Counters for what is rarer than requests: a map look-up each. */
export class Counters {
  readonly #counters = new Map<string, Counter>();

  /** Adds to a counter; beyond `maxCounterSeries` label combinations everything goes to one labelled `overflow`. */
  add(definition: CounterDefinition, labels: readonly string[] = [], amount = 1, tags?: Tags): void {
    let counter = this.#counters.get(definition.name);
    if (counter === undefined) {
      counter = { definition, values: new Map() };
      this.#counters.set(definition.name, counter);
    }
    const known = counter.values.get(keyOf(labels, tags));
    if (known !== undefined) {
      known.value += amount;
      return;
    }
    const overflows = counter.values.size >= maxCounterSeries;
    const kept = overflows ? definition.labels.map(() => 'overflow') : labels;
    const keptTags = overflows ? undefined : tags;
    const key = keyOf(kept, keptTags);
    const entry = counter.values.get(key) ?? { labels: kept, tags: keptTags, value: 0 };
    entry.value += amount;
    counter.values.set(key, entry);
  }

  snapshot(): CounterSnapshot[] {
    return [...this.#counters.values()].flatMap(({ definition, values }) =>
      [...values.values()].map(({ labels, tags, value }) => ({
        name: definition.name,
        help: definition.help,
        labels: definition.labels.map((name, index): readonly [string, string] => [name, labels[index] ?? '']),
        value,
        ...(tags === undefined ? {} : { tags }),
      })),
    );
  }
}

function keyOf(labels: readonly string[], tags: Tags | undefined): string {
  return JSON.stringify(tags === undefined ? labels : [labels, tags]);
}

import { emptySnapshot, mergeSnapshots, type MetricsSnapshot } from './snapshot.ts';

/**
 * The latest snapshot of every process. What a process had counted stays in the sum when it ends: a counter that goes
 * down would read as a restart of everything.
 */
export class SnapshotStore {
  readonly #live = new Map<string, MetricsSnapshot>();
  #ended: MetricsSnapshot = emptySnapshot;

  /** `processId` names one run of a process, so that a restarted proxy does not overwrite its predecessor. */
  update(processId: string, snapshot: MetricsSnapshot): void {
    this.#live.set(processId, snapshot);
  }

  /** Keeps the counts of a process that has ended, and forgets the process. */
  end(processId: string): void {
    const last = this.#live.get(processId);
    if (last === undefined) return;
    this.#live.delete(processId);
    this.#ended = mergeSnapshots([this.#ended, last]);
  }

  /** The sum over all processes, ended ones included. */
  merged(): MetricsSnapshot {
    return mergeSnapshots([this.#ended, ...this.#live.values()]);
  }
}

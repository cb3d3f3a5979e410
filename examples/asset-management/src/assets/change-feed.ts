/**
 * Wakes those who wait for changes. It carries no changes: the log in the database is the one source of them, so nothing
 * is lost or kept in memory for a slow reader. This process's own writers call `notify`; where other processes write to
 * the same database, the feed also asks the database now and then, as long as somebody waits.
 */
export class ChangeFeed {
  readonly #waiters = new Set<() => void>();
  readonly #poll: { readonly latest: () => Promise<bigint>; readonly intervalMs: number } | undefined;
  #latest = 0n;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { poll?: { latest: () => Promise<bigint>; intervalMs: number } } = {}) {
    this.#poll = options.poll;
  }

  /** How many wait at the moment. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Says that the changes up to `revision` are committed. */
  notify(revision: bigint): void {
    if (revision <= this.#latest) return;
    this.#latest = revision;
    for (const wake of this.#waiters) wake();
  }

  /** Resolves as soon as there is a change after `revision`, or when the signal is aborted. */
  async waitBeyond(revision: bigint, signal: AbortSignal): Promise<void> {
    while (this.#latest <= revision && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiters.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiters.add(wake);
        signal.addEventListener('abort', wake);
        this.#schedulePoll();
      });
    }
  }

  /** Asks once after the interval, then again for as long as somebody waits. */
  #schedulePoll(): void {
    const poll = this.#poll;
    if (poll === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#ask(poll.latest), poll.intervalMs);
    this.#timer.unref();
  }

  async #ask(latest: () => Promise<bigint>): Promise<void> {
    try {
      if (this.#waiters.size > 0) this.notify(await latest());
    } catch (error) {
      // A database that is away comes back, or the next watch that reads it will say so.
      console.error('asset-management: could not look for changes:', error);
    }
    this.#timer = undefined;
    if (this.#waiters.size > 0) this.#schedulePoll();
  }
}

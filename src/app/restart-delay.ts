/** First wait after a proxy died: nobody sees 100 ms, and a proxy killed once is back at once. */
const minRestartDelayMs = 100;
/** Longest wait: a mended fault is noticed within seconds, and a proxy that cannot start costs next to nothing. */
const maxRestartDelayMs = 5_000;
/** A proxy that lived this long was healthy: its next restart is quick again. */
const healthyAfterMs = 10_000;

/** Exponential backoff with jitter, so that proxies that died together do not come back in step. */
export class RestartDelay {
  readonly #random: () => number;
  #failures = 0;

  /** `random` gives numbers in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** How long to wait, in milliseconds, after a process that lived for `livedMs`. */
  next(livedMs: number): number {
    if (livedMs >= healthyAfterMs) this.#failures = 0;
    const fullMs = Math.min(minRestartDelayMs * 2 ** this.#failures, maxRestartDelayMs);
    this.#failures += 1;
    return Math.max(minRestartDelayMs, Math.round(fullMs * (0.5 + this.#random() / 2)));
  }
}

/** The end of the whole command's time (`-max-time`). */
export interface Deadline {
  /** Aborts when the time is up; never when there is no limit. */
  readonly signal: AbortSignal;
  /** What is left, not below zero; `undefined` without a limit. */
  remainingMs(): number | undefined;
  /** Releases the timer. */
  clear(): void;
}

/** Starts the clock; `0` means no limit. */
export function startDeadline(seconds: number): Deadline {
  const controller = new AbortController();
  if (seconds <= 0) return { signal: controller.signal, remainingMs: () => undefined, clear() {} };
  const endMs = performance.now() + seconds * 1000;
  // Longer delays than this would make the timer fire at once; nobody waits 24 days.
  const timer = setTimeout(() => controller.abort(), Math.min(seconds * 1000, 2 ** 31 - 1));
  return {
    signal: controller.signal,
    remainingMs: () => Math.max(0, endMs - performance.now()),
    clear: () => clearTimeout(timer),
  };
}

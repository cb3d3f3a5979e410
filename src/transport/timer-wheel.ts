/** A timer that can be armed again and again without allocation; keep one in each pooled record. */
export declare class WheelTimer {
  /** `fire` runs on the wheel's tick, never earlier than armed, at most about one tick late. */
  constructor(fire: () => void);
  readonly isArmed: boolean;
}

/** One coarse timer wheel per process: O(1) to arm and to cancel. */
export declare class TimerWheel {
  constructor(options?: { readonly monotonicMs?: () => number; readonly tickMs?: number; readonly manual?: boolean });
  /** Milliseconds of the injected clock, read now. */
  nowMs(): number;
  /** Arms the timer, replacing what it was armed for. */
  arm(timer: WheelTimer, delayMs: number): void;
  cancel(timer: WheelTimer): void;
  /** Fires what is due; the wheel calls it itself unless `manual`. */
  advance(): void;
  /** Stops the underlying interval; armed timers never fire. */
  close(): void;
}

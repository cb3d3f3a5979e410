import {
  INITIAL_PRIORITY_ALLOWANCE,
  INITIAL_WINDOW_UPDATE_ALLOWANCE,
  MAX_WINDOW_UPDATE_ALLOWANCE,
  PRIORITIES_PER_STREAM,
  SUSPECT_BELOW,
  WINDOW_UPDATES_PER_DATA_FRAME,
  WINDOW_UPDATES_PER_KIB,
  WINDOW_UPDATES_PER_STREAM,
  type Http2Limits,
} from './limits.ts';

/** One connection's token bucket; see `limits.ts` for what draws from it and why. Time comes from the caller. */
export class AbuseScore {
  readonly #limits: Http2Limits;
  #budget: number;
  #lastMs = -1;
  #windowUpdateAllowance = INITIAL_WINDOW_UPDATE_ALLOWANCE;
  #priorityAllowance = INITIAL_PRIORITY_ALLOWANCE;

  constructor(limits: Http2Limits) {
    this.#limits = limits;
    this.#budget = limits.abuseBudget;
  }

  get isExhausted(): boolean {
    return this.#budget < 0;
  }

  /** More was drawn than an honest peer's slips cost, though not yet too much. */
  get isSuspect(): boolean {
    return this.#budget < this.#limits.abuseBudget * SUSPECT_BELOW;
  }

  /** Refills for the time since the last call; a clock that stands still refills nothing. */
  tick(nowMs: number): void {
    if (this.#lastMs >= 0 && nowMs > this.#lastMs) {
      const earned = ((nowMs - this.#lastMs) * this.#limits.abuseRefillPerSecond) / 1000;
      this.#budget = Math.min(this.#limits.abuseBudget, this.#budget + earned);
    }
    this.#lastMs = nowMs;
  }

  charge(cost: number): void {
    this.#budget -= cost;
  }

  streamOpened(): void {
    this.#priorityAllowance = PRIORITIES_PER_STREAM + Math.min(this.#priorityAllowance, INITIAL_PRIORITY_ALLOWANCE);
    this.#explainWindowUpdates(WINDOW_UPDATES_PER_STREAM);
  }

  streamCompleted(): void {
    const { abuseBudget, abuseEarnedPerCompletedStream } = this.#limits;
    this.#budget = Math.min(abuseBudget, this.#budget + abuseEarnedPerCompletedStream);
  }

  dataFrameSent(bytes: number): void {
    this.#explainWindowUpdates(WINDOW_UPDATES_PER_DATA_FRAME + WINDOW_UPDATES_PER_KIB * (bytes >>> 10));
  }

  /** Charges a WINDOW_UPDATE unless streams and DATA explain it. */
  windowUpdate(cost: number): void {
    if (this.#windowUpdateAllowance > 0) this.#windowUpdateAllowance--;
    else this.#budget -= cost;
  }

  priority(cost: number): void {
    if (this.#priorityAllowance > 0) this.#priorityAllowance--;
    else this.#budget -= cost;
  }

  #explainWindowUpdates(count: number): void {
    if (this.#windowUpdateAllowance < MAX_WINDOW_UPDATE_ALLOWANCE) this.#windowUpdateAllowance += count;
  }
}

/** Hot file: one coarse timer wheel per process; arming and cancelling allocate nothing. */
import { systemClock, type Clock } from '../base/index.ts';

const SLOTS = 512;

/** Deadlines need no finer grain: the network's jitter is larger. */
const DEFAULT_TICK_MS = 10;

/** A timer that can be armed again and again without allocation; keep one in each pooled record. */
export class WheelTimer {
  /** Neighbours in the slot's ring; undefined while not armed. For the wheel only. */
  next: WheelTimer | undefined = undefined;
  previous: WheelTimer | undefined = undefined;
  dueTick = 0;
  readonly fire: () => void;

  /** `fire` runs on the wheel's tick, never earlier than armed, at most about one tick late. */
  constructor(fire: () => void) {
    this.fire = fire;
  }

  get isArmed(): boolean {
    return this.next !== undefined;
  }
}

export interface TimerWheelOptions {
  /** Defaults to the system's monotonic clock. */
  readonly monotonicMs?: () => number;
  readonly tickMs?: number;
  /** Nothing fires by itself: tests call `advance`. */
  readonly manual?: boolean;
}

/** Timers by due tick modulo the number of slots; one underlying timer sleeps until the next due one. */
export class TimerWheel {
  readonly #slots: WheelTimer[] = Array.from({ length: SLOTS }, makeRing);
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #tickMs: number;
  readonly #isManual: boolean;
  #currentTick: number;
  #armed = 0;
  #sleep: NodeJS.Timeout | undefined;
  #sleepUntilTick = Infinity;
  #isClosed = false;

  constructor(options?: TimerWheelOptions) {
    this.#clock = options?.monotonicMs === undefined ? systemClock : { monotonicMs: options.monotonicMs };
    this.#tickMs = options?.tickMs ?? DEFAULT_TICK_MS;
    this.#isManual = options?.manual ?? false;
    this.#currentTick = Math.floor(this.#clock.monotonicMs() / this.#tickMs);
  }

  /** Milliseconds of the injected clock, read now. */
  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  /** Arms the timer, replacing what it was armed for. */
  arm(timer: WheelTimer, delayMs: number): void {
    this.armAt(timer, this.#clock.monotonicMs() + delayMs);
  }

  /** The same for a point in time of the wheel's clock, for callers that know what time it is. */
  armAt(timer: WheelTimer, dueMs: number): void {
    if (timer.next !== undefined) this.cancel(timer);
    const dueTick = Math.ceil(dueMs / this.#tickMs);
    timer.dueTick = Math.max(dueTick, this.#currentTick + 1);
    link(this.#slots[timer.dueTick % SLOTS] as WheelTimer, timer);
    this.#armed++;
    if (timer.dueTick < this.#sleepUntilTick) this.#sleepUntil(timer.dueTick);
  }

  cancel(timer: WheelTimer): void {
    if (timer.next === undefined) return;
    unlink(timer);
    this.#armed--;
  }

  /** Fires what is due; the wheel calls it itself unless `manual`. */
  advance(): void {
    const nowTick = Math.floor(this.#clock.monotonicMs() / this.#tickMs);
    const first = Math.max(this.#currentTick + 1, nowTick - SLOTS + 1);
    this.#currentTick = Math.max(nowTick, this.#currentTick);
    const due = makeRing();
    for (let tick = first; tick <= nowTick; tick++) collectDue(this.#slots[tick % SLOTS] as WheelTimer, nowTick, due);
    while (due.next !== due) {
      const timer = due.next as WheelTimer;
      this.cancel(timer);
      timer.fire();
    }
    this.#sleepUntil(this.#nextDueTick());
  }

  /** Stops the underlying timer; armed timers never fire. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#sleep);
  }

  /** Within one turn of the wheel; later timers are looked at again after it. */
  #nextDueTick(): number {
    if (this.#armed === 0) return Infinity;
    for (let tick = this.#currentTick + 1; tick < this.#currentTick + SLOTS; tick++) {
      const ring = this.#slots[tick % SLOTS] as WheelTimer;
      for (let timer = ring.next as WheelTimer; timer !== ring; timer = timer.next as WheelTimer) {
        if (timer.dueTick === tick) return tick;
      }
    }
    return this.#currentTick + SLOTS;
  }

  #sleepUntil(tick: number): void {
    this.#sleepUntilTick = tick;
    if (this.#isManual || this.#isClosed) return;
    clearTimeout(this.#sleep);
    this.#sleep = undefined;
    if (tick === Infinity) return;
    const delayMs = Math.max(1, Math.ceil(tick * this.#tickMs - this.#clock.monotonicMs()));
    // Timers never keep a process alive; sockets do.
    this.#sleep = setTimeout(() => this.advance(), delayMs).unref();
  }
}

function makeRing(): WheelTimer {
  const ring = new WheelTimer(() => {});
  ring.next = ring;
  ring.previous = ring;
  return ring;
}

function link(ring: WheelTimer, timer: WheelTimer): void {
  const last = ring.previous as WheelTimer;
  timer.next = ring;
  timer.previous = last;
  last.next = timer;
  ring.previous = timer;
}

function unlink(timer: WheelTimer): void {
  (timer.previous as WheelTimer).next = timer.next;
  (timer.next as WheelTimer).previous = timer.previous;
  timer.next = undefined;
  timer.previous = undefined;
}

/** Moves what is due to another ring first, so that firing may arm and cancel freely. */
function collectDue(ring: WheelTimer, nowTick: number, due: WheelTimer): void {
  let timer = ring.next as WheelTimer;
  while (timer !== ring) {
    const next = timer.next as WheelTimer;
    if (timer.dueTick <= nowTick) {
      unlink(timer);
      link(due, timer);
    }
    timer = next;
  }
}

import type { ConnectionPool } from '../plan/index.ts';
import { WheelTimer, type TimerWheel } from '../transport/index.ts';

type Settings = NonNullable<ConnectionPool['http2KeepAlive']>;

export interface KeepAliveOptions {
  readonly wheel: TimerWheel;
  readonly ping: () => void;
  /** No answer came in time. */
  readonly onSilent: (timeoutMs: number) => void;
}

/** HTTP/2 keepalive of one connection (`http2KeepAlive`): a PING in each interval, each to be answered in time. */
export class KeepAlive {
  readonly #settings: Settings;
  readonly #options: KeepAliveOptions;
  readonly #timer = new WheelTimer(() => this.#fired());
  #isWaiting = false;

  constructor(settings: Settings, options: KeepAliveOptions) {
    this.#settings = settings;
    this.#options = options;
    options.wheel.arm(this.#timer, settings.intervalMs);
  }

  onAnswer(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#options.wheel.arm(this.#timer, this.#settings.intervalMs);
  }

  stop(): void {
    this.#options.wheel.cancel(this.#timer);
  }

  #fired(): void {
    const { wheel, ping, onSilent } = this.#options;
    if (this.#isWaiting) return onSilent(this.#settings.timeoutMs);
    this.#isWaiting = true;
    wheel.arm(this.#timer, this.#settings.timeoutMs);
    ping();
  }
}

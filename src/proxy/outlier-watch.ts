import {
  eject,
  ejectionMs,
  mayEject,
  newHostHealth,
  noteLocalFailure,
  noteStatus,
  sweepHost,
  type EjectionCause,
  type LocalFailure,
} from '../decide/index.ts';
import { formatOrigin } from '../base/index.ts';
import type { OutlierDetection } from '../plan/index.ts';
import { WheelTimer, type TimerWheel } from '../transport/index.ts';
import type { EndpointRuntime, OutlierSink } from './endpoint-runtime.ts';

export interface OutlierWatchOptions {
  readonly wheel: TimerWheel;
  readonly endpoints: () => readonly EndpointRuntime[];
  /** Endpoints were ejected or returned: who may be drawn has changed. */
  readonly onChange: () => void;
  readonly onEjected: (cause: EjectionCause) => void;
  /** For operators. */
  readonly log: (message: string) => void;
}

/** Outlier detection of one cluster: takes failing endpoints out of balancing for a while. */
export class OutlierWatch implements OutlierSink {
  #settings: OutlierDetection | undefined;
  readonly #options: OutlierWatchOptions;
  readonly #timer = new WheelTimer(() => this.#sweep());

  constructor(options: OutlierWatchOptions) {
    this.#options = options;
  }

  /** Follows the plan; endpoints that stay keep their history. */
  use(settings: OutlierDetection | undefined): void {
    this.#settings = settings;
    for (const endpoint of this.#options.endpoints()) {
      endpoint.health = settings === undefined ? undefined : (endpoint.health ?? newHostHealth());
    }
    if (settings === undefined) this.close();
  }

  onStatus(endpoint: EndpointRuntime, httpStatus: number): void {
    if (this.#settings === undefined || endpoint.health === undefined) return;
    const cause = noteStatus(this.#settings, endpoint.health, httpStatus);
    if (cause !== undefined) this.#eject(endpoint, cause);
  }

  onFailure(endpoint: EndpointRuntime, failure: LocalFailure): void {
    if (this.#settings === undefined || endpoint.health === undefined) return;
    const cause = noteLocalFailure(this.#settings, endpoint.health, failure);
    if (cause !== undefined) this.#eject(endpoint, cause);
  }

  close(): void {
    this.#options.wheel.cancel(this.#timer);
  }

  #eject(endpoint: EndpointRuntime, cause: EjectionCause): void {
    const { wheel, log, onEjected, onChange } = this.#options;
    const settings = this.#settings;
    const { health } = endpoint;
    if (settings === undefined || health === undefined || health.ejected) return;
    const all = this.#options.endpoints();
    const ejected = all.filter(({ healthy }) => !healthy).length;
    const why = `${settings[cause]} ${cause} in a row (${formatOrigin(settings.origin)})`;
    if (!mayEject(settings, { ejected, total: all.length })) {
      log(
        `${placeOf(endpoint)} is not ejected after ${why}: maxEjectionPercent ${settings.maxEjectionPercent} of ${all.length} endpoints, ${ejected} ejected`,
      );
      return;
    }
    eject(settings, health, wheel.nowMs());
    log(`${placeOf(endpoint)} ejected for ${ejectionMs(settings, health)} ms after ${why}`);
    onEjected(cause);
    onChange();
    if (!this.#timer.isArmed) wheel.arm(this.#timer, settings.intervalMs);
  }

  #sweep(): void {
    const settings = this.#settings;
    if (settings === undefined) return;
    const { wheel, log, onChange, endpoints } = this.#options;
    const nowMs = wheel.nowMs();
    let isGoingOn = false;
    let hasChanged = false;
    for (const endpoint of endpoints()) {
      const { health } = endpoint;
      if (health === undefined) continue;
      if (sweepHost(settings, health, nowMs)) {
        hasChanged = true;
        log(`${placeOf(endpoint)} returns`);
      }
      isGoingOn ||= health.ejections > 0;
    }
    if (hasChanged) onChange();
    // Without recent ejections a sweep would find nothing to do.
    if (isGoingOn) wheel.arm(this.#timer, settings.intervalMs);
  }
}

function placeOf({ endpoint }: EndpointRuntime): string {
  return `${endpoint.address.host}:${endpoint.address.port}`;
}

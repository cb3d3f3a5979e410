import type { Plan } from '../plan/index.ts';

/** A proxy that does not come up within this time, in milliseconds, must not keep its app from starting. */
const longestWaitMs = 10_000;

/** Lets a workload's command wait until the outbound ports of its sidecar are bound, or cannot be. */
export class OutboundGate {
  readonly #decided = new Set<string>();
  readonly #waiting = new Set<{ readonly isDecided: () => boolean; readonly go: () => void }>();

  /** A port was bound, or failed to be. */
  decide(portId: string): void {
    this.#decided.add(portId);
    for (const waiter of this.#waiting) if (waiter.isDecided()) waiter.go();
  }

  /** Ends all waiting. */
  open(): void {
    for (const waiter of this.#waiting) waiter.go();
  }

  /** Resolves once all outbound ports that the plan has for the proxy are decided; at once when it has none. */
  whenDecided(plan: () => Plan, proxy: string): Promise<void> {
    const isDecided = () =>
      Object.values(plan().ports).every(
        (port) => port.proxy !== proxy || port.direction !== 'outbound' || this.#decided.has(port.id),
      );
    if (isDecided()) return Promise.resolve();
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.#waiting.delete(waiter);
        resolve();
      };
      const waiter = { isDecided, go };
      const timer = setTimeout(go, longestWaitMs);
      this.#waiting.add(waiter);
    });
  }
}

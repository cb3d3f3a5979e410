// Hot file: whose turn it is when a connection takes more.
import type { Exchange } from './exchange.ts';
import { smallTurnBytes } from './limits.ts';

/**
 * Requests with bytes queued for one connection, which it did not take for its own window or its socket. Those with little come
 * first, so that a small answer overtakes large ones; within both kinds it is the order in which they began to wait.
 */
export class WaitingList {
  readonly small = new Set<Exchange>();
  readonly bulk = new Set<Exchange>();

  get isEmpty(): boolean {
    return this.small.size === 0 && this.bulk.size === 0;
  }

  /** `bytes` is what it has queued. */
  add(exchange: Exchange, bytes: number): void {
    if (bytes <= smallTurnBytes) this.small.add(exchange);
    else this.bulk.add(exchange);
  }

  delete(exchange: Exchange): void {
    if (this.small.size > 0) this.small.delete(exchange);
    if (this.bulk.size > 0) this.bulk.delete(exchange);
  }
}

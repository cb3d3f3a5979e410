// Hot file: whose turn it is when a connection takes more.
import { smallTurnBytes } from './limits.ts';

/**
 * Requests with bytes queued for one connection, which it did not take for its own window or its socket. Those with little come
 * first, so that a small answer overtakes large ones; within both kinds it is the order in which they began to wait.
 */
export class WaitingList<E> {
  readonly small = new Set<E>();
  readonly bulk = new Set<E>();

  /** `bytes` is what it has queued. */
  add(exchange: E, bytes: number): void {
    if (bytes <= smallTurnBytes) this.small.add(exchange);
    else this.bulk.add(exchange);
  }

  delete(exchange: E): void {
    if (this.small.size > 0) this.small.delete(exchange);
    if (this.bulk.size > 0) this.bulk.delete(exchange);
  }
}

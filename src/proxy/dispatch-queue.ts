// Hot file: when the requests of one client connection are sent on.
import type { Http2Connection } from '../http2/index.ts';
import { resumeNextTurn, WheelTimer, type Resumable, type TimerWheel } from '../transport/index.ts';
import type { Exchange } from './exchange.ts';
import { requestsSentOnAtOnce, type ProxyLimits } from './limits.ts';

export interface DispatchQueueOptions {
  readonly connection: Pick<Http2Connection<Exchange>, 'activeStreams'>;
  readonly wheel: TimerWheel;
  readonly limits: Pick<ProxyLimits, 'slowStartRequests' | 'slowStartMs'>;
  /** The client is new, and there are others who would notice all of its requests at once. */
  readonly startsSlowly: () => boolean;
  readonly send: (exchange: Exchange) => void;
}

/**
 * Requests wait for the end of the chunk they came in: one that is reset in the same chunk costs no upstream anything
 * (rapid reset, CVE-2023-44487), and a body that came along leaves together with its head.
 *
 * A new client starts slowly, as TCP does (RFC 5681 §3.1): some requests at once, and each that is served makes room for two. What
 * a thousand requests of strangers cost, their answers and the connections that carry them included, would otherwise come between
 * the calls of those who are at work. Time makes room as well, since streams that never end must not keep others from beginning.
 */
export class DispatchQueue implements Resumable {
  /** Requests that an upstream answered; what this proxy refused says nothing for a client. */
  served = 0;
  readonly #options: DispatchQueueOptions;
  /** Came with the chunk that is being read. */
  readonly #fresh: Exchange[] = [];
  /** How many of them were looked at already. */
  #seen = 0;
  /** Those that the slow start holds back, in order. */
  readonly #held = new Set<Exchange>();
  /** Fresh or held. */
  #unsent = 0;
  /** Requests that time made room for. */
  #granted = 0;
  readonly #timer = new WheelTimer(() => this.#grant());
  #isResuming = false;

  constructor(options: DispatchQueueOptions) {
    this.#options = options;
  }

  add(exchange: Exchange): void {
    exchange.awaitsDispatch = true;
    this.#unsent++;
    this.#fresh.push(exchange);
  }

  /** At the end of the chunk. Answers whether all were looked at; if not, call it again after the other connections had their turn. */
  dispatch(): boolean {
    const fresh = this.#fresh;
    const stop = this.#seen + requestsSentOnAtOnce;
    // Forwards, so in the order of arrival; nothing is added meanwhile.
    for (let i = this.#seen; i < fresh.length; i++) {
      if (i === stop) {
        this.#seen = i;
        return false;
      }
      const exchange = fresh[i] as Exchange;
      // It has ended already, or its record is in use again: here, and was served above, or by another connection.
      if (!exchange.awaitsDispatch || exchange.down?.connection !== this.#options.connection) continue;
      if (this.#held.size > 0 || !this.#hasRoom) this.#hold(exchange);
      else this.#start(exchange);
    }
    this.#seen = 0;
    // Setting an array's length is a call into the runtime; this is not.
    while (fresh.length > 0) fresh.pop();
    return true;
  }

  /** A request of this connection ended, sent on or not. */
  onEnded(exchange: Exchange): void {
    if (exchange.upstreamEnded && exchange.error === undefined) this.served++;
    if (exchange.awaitsDispatch) {
      exchange.awaitsDispatch = false;
      this.#unsent--;
      this.#held.delete(exchange);
    }
    if (this.#held.size === 0 || this.#isResuming) return;
    this.#isResuming = true;
    resumeNextTurn(this);
  }

  resume(): void {
    this.#isResuming = false;
    this.#startHeld();
  }

  get #hasRoom(): boolean {
    const { connection, limits, startsSlowly } = this.#options;
    const room = limits.slowStartRequests + this.served + this.#granted;
    return connection.activeStreams - this.#unsent < room || !startsSlowly();
  }

  #hold(exchange: Exchange): void {
    this.#held.add(exchange);
    this.#armTimer();
  }

  #grant(): void {
    this.#granted++;
    this.#startHeld();
  }

  #startHeld(): void {
    for (const exchange of this.#held) {
      if (!this.#hasRoom) return this.#armTimer();
      this.#held.delete(exchange);
      this.#start(exchange);
    }
  }

  #armTimer(): void {
    const { wheel, limits } = this.#options;
    if (!this.#timer.isArmed) wheel.arm(this.#timer, limits.slowStartMs);
  }

  #start(exchange: Exchange): void {
    exchange.awaitsDispatch = false;
    this.#unsent--;
    // Answered here meanwhile: its deadline passed.
    if (!exchange.responseEnded) this.#options.send(exchange);
  }
}

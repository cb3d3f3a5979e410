import type { SocketFacts } from '../transport/index.ts';

/**
 * How many connections each client has on a port: by verified identity, or by address where there is none. One client must not
 * take what the port has for all.
 */
export class ClientShares {
  readonly #counts = new Map<string, number>();

  /** Counts one more, unless the client has `limit` already; then false. */
  take(facts: SocketFacts, limit: number): boolean {
    const client = nameOf(facts);
    const count = this.#counts.get(client) ?? 0;
    if (count >= limit) return false;
    this.#counts.set(client, count + 1);
    return true;
  }

  /** A connection that was taken is gone. */
  give(facts: SocketFacts): void {
    const client = nameOf(facts);
    const count = this.#counts.get(client) ?? 0;
    if (count > 1) this.#counts.set(client, count - 1);
    else this.#counts.delete(client);
  }
}

function nameOf({ principal, remoteAddress }: SocketFacts): string {
  return principal === '' ? remoteAddress : principal;
}

// Hot file: which of a pool's connections gets the next request.
import { silentConnectionMs } from './limits.ts';

/** What the choice knows of a connection. */
export interface Candidate {
  readonly canOpenStream: boolean;
  readonly activeStreams: number;
  /** It carries more than goes through at once: what is sent on it now waits for that. */
  readonly isBehind: boolean;
  /** Milliseconds of the wheel's clock: when something last came on it, or the first of its calls was sent. */
  readonly quietSinceMs: number;
}

/**
 * The connection for the next request; undefined if none takes it.
 *
 * Requests are packed: the fewer connections, the more requests go with each write and come with each read, and those that a busy minute
 * has opened stay open. A hundred calls at once cost 1.7 times as much on ten connections as on one. What carries bulk, or is silent
 * though it should answer, keeps what it has while another can take more. With `spreads` the least busy one is chosen: a peer of
 * several processes that share a port serves each connection by one of them.
 */
export function chooseConnection<C extends Candidate>(
  ready: readonly C[],
  { nowMs, spreads }: { readonly nowMs: () => number; readonly spreads: boolean },
): C | undefined {
  if (ready.length <= 1) return ready[0]?.canOpenStream === true ? ready[0] : undefined;
  const now = nowMs();
  let best: C | undefined;
  let bestRank = 0;
  for (let i = 0; i < ready.length; i++) {
    const one = ready[i] as C;
    if (!one.canOpenStream) continue;
    const { activeStreams } = one;
    const isLate = one.isBehind || (activeStreams > 0 && now - one.quietSinceMs >= silentConnectionMs);
    const rank = spreads || isLate ? 1 / (2 + activeStreams) : 1 + activeStreams;
    if (rank <= bestRank) continue;
    best = one;
    bestRank = rank;
  }
  return best;
}

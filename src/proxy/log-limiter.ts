import type { Clock } from '../base/index.ts';

/** Lines let through per second. What floods a log is a client knocking in a loop; the first hundred say all of it. */
const linesPerSecond = 100;

/** Bounds what strangers can make a proxy log; what was held back is counted and said with the next line. */
export function limitLog(log: (line: string) => void, clock: Clock): (line: string) => void {
  let secondStartMs = Number.NEGATIVE_INFINITY;
  let lines = 0;
  let heldBack = 0;
  return (line) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - secondStartMs >= 1_000) {
      secondStartMs = nowMs;
      lines = 0;
      if (heldBack > 0) log(`${heldBack} further lines were held back`);
      heldBack = 0;
    }
    if (lines++ < linesPerSecond) log(line);
    else heldBack++;
  };
}

/** Hot file: whether there is anyone who would notice what newcomers do. */
import { AT_WORK_MS } from './transport-limits.ts';

let lastAtWorkMs = Number.NEGATIVE_INFINITY;

/** A known client brought something. */
export function noteAtWork(nowMs: number): void {
  lastAtWorkMs = nowMs;
}

/** Whether known clients of this process are at work, so that newcomers start slowly. */
export function isAnyoneAtWork(nowMs: number): boolean {
  return nowMs - lastAtWorkMs < AT_WORK_MS;
}

import type { Warmup } from '../plan/index.ts';

/**
 * The share of its weight that an endpoint of this age gets, from above 0 to 1 (Envoy, "Slow start mode"):
 * `max(minimum, (age / duration) ^ (1 / aggression))`.
 */
export function warmupShare({ durationMs, minimumPercent, aggression }: Warmup, ageMs: number): number {
  if (ageMs >= durationMs) return 1;
  const progress = Math.max(1, ageMs) / durationMs;
  return Math.min(1, Math.max(minimumPercent / 100, progress ** (1 / aggression)));
}

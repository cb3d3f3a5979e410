/** Hot: once per histogram and request. */

/** Envoy's default upper bounds, for milliseconds and for bytes alike; `+Inf` follows. */
export const bucketBounds = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
] as const;

/** Buckets of one histogram, `+Inf` included. */
export const bucketCount = bucketBounds.length + 1;

const bounds = Float64Array.from(bucketBounds);

/** Position of the first bound that is not below the value; the last bucket for what exceeds all. */
export function bucketOf(value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bounds[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

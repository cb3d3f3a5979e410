/** Whether something that happens to `percent` of all requests (0 to 100) happens now; `random` is asked only in between. */
export function happens(percent: number, random: () => number): boolean {
  return percent >= 100 || (percent > 0 && random() * 100 < percent);
}

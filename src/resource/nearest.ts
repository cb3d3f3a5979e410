/** The name most like the one written, for "did you mean"; undefined when none is like it. */
export function nearestName(written: string, names: readonly string[]): string | undefined {
  // A third of the letters may be wrong: above that a suggestion is a guess. Very long keys cannot be near any name.
  const limit = Math.max(1, Math.floor(Math.min(written.length, 40) / 3));
  if (written.length > 64) return undefined;
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const name of names) {
    const distance = written.toLowerCase() === name.toLowerCase() ? 0 : editDistance(written, name);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein distance in which two neighbours that changed places count as one change: the commonest slip of the fingers. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? (beforePrevious[j - 2] as number) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(change, swap, (previous[j] as number) + 1, (row[j - 1] as number) + 1));
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length] as number;
}

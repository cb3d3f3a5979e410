import { nearestName } from '../resource/index.ts';

/** Comparing a name with more others than this takes longer than a suggestion is worth, for each of thousands of findings. */
const maxNames = 100;

/** ` Did you mean "…"?` with a blank in front where one of the names is like the one written; else empty. */
export function didYouMean(written: string, names: readonly string[]): string {
  const near = names.length > maxNames ? undefined : nearestName(written, names);
  return near === undefined || near === written ? '' : ` Did you mean "${near}"?`;
}

import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { durationMs } from '../fields.ts';

/** Milliseconds of an Istio duration, which must be at least one millisecond; undefined where none is written. */
export function atLeastOneMs(text: string | undefined, path: Path, context: DecodeContext): number | undefined {
  if (text === undefined) return undefined;
  const value = durationMs(text);
  if (value < 1) {
    context.error(path, {
      message: `${String(path.at(-1))} ${text} is shorter than a millisecond`,
      remedy: 'Write at least 1ms, or take the field away to have its default.',
    });
  }
  return value;
}

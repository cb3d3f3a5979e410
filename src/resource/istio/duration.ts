import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { durationMs, goDuration } from '../fields.ts';

/** Durations of Istio's networking API: Go's syntax, and at least a millisecond, as its CRDs ask. */
export const istioDuration = goDuration;

export function istioDurationMs(text: string, path: Path, context: DecodeContext): number {
  const ms = durationMs(text);
  if (!(ms >= 1)) {
    context.error(path, {
      message: `"${text}" is shorter than a millisecond`,
      remedy: 'Write at least 1ms, or take the field away.',
    });
  }
  return ms;
}

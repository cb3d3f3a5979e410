/**
 * Where we judge otherwise than the official CRDs, and why. Each case has an example that shows it; one whose example shows
 * no difference any more is stale and fails.
 */
import { gatewayApiDifferences } from './differences-gateway-api.ts';
import { istioDifferences } from './differences-istio.ts';
import { virtualDifferences } from './differences-virtual.ts';
import type { Difference } from './verdict.ts';

export interface JustifiedDifference {
  /** Told for a kind whose name two groups have. */
  readonly group?: string;
  readonly kind: string;
  readonly side: Difference['side'];
  readonly because: string;
  /** What is said, and the `spec` of an object for which it is; undefined: an object without `spec`. */
  readonly cases: readonly (readonly [reason: RegExp, example: Readonly<Record<string, unknown>> | undefined])[];
}

export const justifiedDifferences: readonly JustifiedDifference[] = [
  ...gatewayApiDifferences,
  ...istioDifferences,
  ...virtualDifferences,
];

/** The case that explains a difference. */
export function justification({
  group,
  kind,
  side,
  reason,
}: Difference): JustifiedDifference['cases'][number] | undefined {
  return justifiedDifferences
    .filter((entry) => entry.kind === kind && (entry.group ?? group) === group && entry.side === side)
    .flatMap(({ cases }) => cases)
    .find(([pattern]) => pattern.test(reason));
}

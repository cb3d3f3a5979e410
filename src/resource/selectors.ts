import type { z } from 'zod';
import type { Path } from '../manifest/index.ts';
import type { DecodeContext } from './context.ts';
import type { labelSelector, workloadSelector } from './fields.ts';
import type { LabelRequirement, LabelSelector, WorkloadSelector } from './object.ts';

/** `metav1.LabelSelector` with the rules of its operators. */
export function decodeLabelSelector(
  value: z.output<typeof labelSelector>,
  path: Path,
  context: DecodeContext,
): LabelSelector {
  for (const [index, { operator, values }] of value.matchExpressions.entries()) {
    const needsValues = operator === 'In' || operator === 'NotIn';
    if (needsValues === values.length > 0) continue;
    context.error([...path, 'matchExpressions', index], {
      message: `operator ${operator} ${needsValues ? 'needs values' : 'takes no values'}`,
      remedy: needsValues ? 'List the values, or use Exists.' : 'Take the values away, or use In.',
    });
  }
  return { origin: context.at(path), matchLabels: value.matchLabels, matchExpressions: value.matchExpressions };
}

/** `value`: of the label that it is about. */
export function requirementHolds({ operator, values }: LabelRequirement, value: string | undefined): boolean {
  if (operator === 'Exists') return value !== undefined;
  if (operator === 'DoesNotExist') return value === undefined;
  const isListed = value !== undefined && values.includes(value);
  return operator === 'In' ? isListed : !isListed;
}

/** Istio's selector; one without labels selects as if it were not there, which is reported. */
export function decodeWorkloadSelector(
  value: z.output<typeof workloadSelector> | undefined,
  path: Path,
  context: DecodeContext,
): WorkloadSelector | undefined {
  if (value === undefined) return undefined;
  if (Object.keys(value.matchLabels).length > 0) return { origin: context.at(path), matchLabels: value.matchLabels };
  context.warn(path, {
    message: 'the selector has no labels, so it selects every workload in scope',
    remedy: 'Add matchLabels, or take the selector away to say the same plainly.',
  });
  return undefined;
}

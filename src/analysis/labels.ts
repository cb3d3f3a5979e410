import type { LabelRequirement, LabelSelector } from '../resource/index.ts';

export type Labels = Readonly<Record<string, string>>;

/** Whether every wanted label is there with that value. Nothing wanted: true. */
export function hasLabels(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

/** `metav1.LabelSelector`. */
export function selectorMatches(selector: LabelSelector, labels: Labels): boolean {
  return (
    hasLabels(labels, selector.matchLabels) &&
    selector.matchExpressions.every((requirement) => requirementHolds(requirement, labels[requirement.key]))
  );
}

function requirementHolds({ operator, values }: LabelRequirement, value: string | undefined): boolean {
  if (operator === 'Exists') return value !== undefined;
  if (operator === 'DoesNotExist') return value === undefined;
  const isListed = value !== undefined && values.includes(value);
  return operator === 'In' ? isListed : !isListed;
}

/** `a=b,c=d`, for messages. */
export function formatLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

import type { Fault } from './listener-owner.ts';

/** A rule with something that is not supported. Its requests, or those for some of its backends, are answered with an error. */
export interface InvalidRule {
  readonly index: number;
  readonly message: string;
  /** None of its requests is served; else only some backends are left out. */
  readonly isWhole: boolean;
}

interface Checked {
  readonly rules: readonly unknown[];
  readonly invalid: readonly InvalidRule[];
}

/** Condition `Accepted` is False when there is no rule left that works ("if all Route Rules in a Route are invalid …"). */
export function routeFault({ rules, invalid }: Checked): Fault | undefined {
  const whole = invalid.filter(({ isWhole }) => isWhole);
  return whole.length > 0 && whole.length === rules.length
    ? { reason: 'UnsupportedValue', message: describe(whole) }
    : undefined;
}

/** Condition `PartiallyInvalid`, whose message must begin with "Dropped Rule" where the rest of the route is served. */
export function partiallyInvalid(checked: Checked): Fault | undefined {
  if (checked.invalid.length === 0 || routeFault(checked) !== undefined) return undefined;
  return { reason: 'UnsupportedValue', message: `Dropped Rule ${describe(checked.invalid)}` };
}

function describe(invalid: readonly InvalidRule[]): string {
  return invalid.map(({ index, message }) => `${index}: ${message}`).join('; ');
}

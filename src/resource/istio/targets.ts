/** What a policy of Istio applies to: workloads by their labels, or named objects (istio.md 1.1). */
import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { DecodeContext } from '../context.ts';
import { apiGroup, kindName, objectName, present, workloadSelector } from '../fields.ts';
import type { WorkloadSelector } from '../object.ts';
import { decodeWorkloadSelector } from '../selectors.ts';

export interface TargetRef {
  readonly origin: Origin;
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

/** At most one of the two is there; neither: every workload in scope. */
export interface PolicyTargets {
  readonly selector?: WorkloadSelector;
  /** `targetRef` is read as a list of one. */
  readonly targetRefs: readonly TargetRef[];
}

const targetRef = z.strictObject({
  group: apiGroup.default(''),
  kind: kindName,
  name: objectName,
  namespace: z
    .string()
    .regex(/^$/, 'must be empty\nTake it away: a policy can only target objects of its own namespace.')
    .optional(),
});

export const targetFields = {
  selector: workloadSelector.optional(),
  targetRef: targetRef.optional(),
  targetRefs: z.array(targetRef).max(16).optional(),
};

const targetsSchema = z.strictObject(targetFields);

/** Reads `selector`, `targetRef` and `targetRefs` of a spec, and reports when there is more than one of them. */
export function decodeTargets(spec: z.output<typeof targetsSchema>, context: DecodeContext): PolicyTargets {
  const [first, second] = (['selector', 'targetRef', 'targetRefs'] as const).filter(
    (field) => spec[field] !== undefined,
  );
  if (first !== undefined && second !== undefined) {
    context.error(['spec', second], {
      message: `the policy has both ${first} and ${second}`,
      remedy: 'Keep one: selector for workloads, targetRefs for gateways.',
    });
  }
  const refs = spec.targetRef === undefined ? (spec.targetRefs ?? []) : [spec.targetRef];
  return {
    ...present({ selector: decodeWorkloadSelector(spec.selector, ['spec', 'selector'], context) }),
    targetRefs: refs.map(({ group, kind, name }, index) => ({
      origin: context.at(spec.targetRef === undefined ? ['spec', 'targetRefs', index] : ['spec', 'targetRef']),
      group,
      kind,
      name,
    })),
  };
}

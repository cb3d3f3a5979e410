import { z } from 'zod';
import type { DecodeContext } from '../context.ts';
import { labelMap, labelSelector } from '../fields.ts';
import { defineKind, objectOf, type Kind } from '../kind.ts';
import { acceptedFields } from '../schema.ts';
import { decodeLabelSelector, requirementHolds } from '../selectors.ts';
import { decodePodSpec, podSpec } from './pod.ts';
import type { Origin } from '../../base/index.ts';
import type { LabelSelector, ResourceObject } from '../object.ts';
import type { PodSpec } from './pod.ts';

/** Deployment, StatefulSet or DaemonSet: for a traffic path, a carrier of one pod template. */
export interface Workload extends ResourceObject {
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  readonly spec: {
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
  };
}

export interface PodTemplate {
  readonly origin: Origin;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
}

const template = z.strictObject({
  metadata: z
    .strictObject({
      labels: labelMap.default({}),
      annotations: labelMap.default({}),
      ...acceptedFields('creationTimestamp', 'finalizers', 'generateName', 'name', 'namespace'),
    })
    .prefault({}),
  spec: podSpec,
});

const shared = { selector: labelSelector, template };
const replicas = z.int().min(0).default(1);

const deploymentSchema = objectOf({
  spec: z.strictObject({
    ...shared,
    replicas,
    ...acceptedFields('minReadySeconds', 'paused', 'progressDeadlineSeconds', 'revisionHistoryLimit', 'strategy'),
  }),
});

const statefulSetSchema = objectOf({
  spec: z.strictObject({
    ...shared,
    replicas,
    ...acceptedFields(
      'minReadySeconds',
      'ordinals',
      'persistentVolumeClaimRetentionPolicy',
      'podManagementPolicy',
      'revisionHistoryLimit',
      'serviceName',
      'updateStrategy',
      'volumeClaimTemplates',
    ),
  }),
});

const daemonSetSchema = objectOf({
  spec: z.strictObject({ ...shared, ...acceptedFields('minReadySeconds', 'revisionHistoryLimit', 'updateStrategy') }),
});

type Spec = { readonly [Field in keyof typeof shared]: z.output<(typeof shared)[Field]> } & {
  readonly replicas?: number;
};

function workloadKind(kind: Workload['kind'], schema: z.ZodType<{ readonly spec: Spec }>): Kind<Workload> {
  return defineKind<Workload, typeof schema>({
    group: 'apps',
    kind,
    versions: ['v1'],
    schema,
    decode: ({ spec }, context) => ({ kind, spec: decodeSpec(spec, context) }),
  });
}

export const deploymentKind = workloadKind('Deployment', deploymentSchema);
export const statefulSetKind = workloadKind('StatefulSet', statefulSetSchema);
export const daemonSetKind = workloadKind('DaemonSet', daemonSetSchema);

function decodeSpec(spec: Spec, context: DecodeContext): Workload['spec'] {
  const { labels, annotations } = spec.template.metadata;
  const path = ['spec', 'template'];
  for (const [name, value] of Object.entries(spec.selector.matchLabels)) {
    if (labels[name] === value) continue;
    context.error(['spec', 'selector', 'matchLabels', name], {
      message: `selector ${name}=${value} does not match the labels of the template`,
      remedy: `Add the label ${name}: ${value} to spec.template.metadata.labels, or mend the selector.`,
    });
  }
  if (Object.keys(spec.selector.matchLabels).length === 0 && spec.selector.matchExpressions.length === 0) {
    context.error(['spec', 'selector'], {
      message: 'the selector is empty',
      remedy: 'Add matchLabels with labels of spec.template.metadata.',
    });
  }
  const selector = decodeLabelSelector(spec.selector, ['spec', 'selector'], context);
  for (const [index, requirement] of selector.matchExpressions.entries()) {
    if (requirementHolds(requirement, labels[requirement.key])) continue;
    context.error(['spec', 'selector', 'matchExpressions', index], {
      message: `selector ${requirement.key} ${requirement.operator} does not match the labels of the template`,
      remedy: 'Change the labels in spec.template.metadata.labels, or mend the selector.',
    });
  }
  if (spec.replicas === 0) {
    context.ignore(['spec', 'replicas'], {
      message: 'replicas 0 has no effect: what runs is what was started on this machine, which calls still reach',
      remedy: 'Take the object away if nothing is to take its calls.',
    });
  }
  return {
    selector,
    template: {
      origin: context.at(path),
      labels,
      annotations,
      spec: decodePodSpec(spec.template.spec, [...path, 'spec'], context),
    },
  };
}

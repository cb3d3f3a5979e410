import { z } from 'zod';
import type { DecodeContext } from '../context.ts';
import { labelMap, workloadSelector } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { checkExportTo } from './export-to.ts';
import { decodeWorkloadSelector } from '../selectors.ts';
import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject, WorkloadSelector } from '../object.ts';
import { decodeTrafficPolicy, trafficPolicy, type TrafficPolicy } from './traffic-policy.ts';

export interface DestinationRule extends ResourceObject {
  readonly spec: DestinationRuleSpec;
}

export interface DestinationRuleSpec {
  /** As written, lower case: an FQDN, a short name (of the rule's own namespace), or a wildcard `*.example.com`. */
  readonly host: Located<string>;
  readonly trafficPolicy?: TrafficPolicy;
  readonly subsets: readonly Subset[];
  /** Namespaces whose clients see the rule, as written: `*` or none for all, `.` for the rule's own. */
  readonly exportTo: readonly string[];
  /** Only for these client workloads, of the rule's own namespace. */
  readonly workloadSelector?: WorkloadSelector;
}

export interface Subset {
  readonly origin: Origin;
  readonly name: string;
  /** All must hold; empty: every endpoint. */
  readonly labels: Readonly<Record<string, string>>;
  /** Each of its blocks goes before that of the whole destination. */
  readonly trafficPolicy?: TrafficPolicy;
}

const schema = objectOf({
  spec: z.strictObject({
    host: z.string().min(1),
    trafficPolicy: trafficPolicy.optional(),
    subsets: z
      .array(
        z.strictObject({
          name: z.string().regex(/^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/, subsetNameMessage()),
          labels: labelMap.default({}),
          trafficPolicy: trafficPolicy.optional(),
        }),
      )
      .default([]),
    exportTo: z.array(z.string()).default([]),
    workloadSelector: workloadSelector.optional(),
  }),
});

function subsetNameMessage(): string {
  return 'must be a DNS label\nUse letters, digits and "-", with a letter or digit at both ends.';
}

export const destinationRuleKind = defineKind<DestinationRule, typeof schema>({
  group: 'networking.istio.io',
  kind: 'DestinationRule',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  schema,
  decode: ({ spec }, context) => {
    checkHost(spec.host, context);
    checkExportTo({ values: spec.exportTo, hasSelector: spec.workloadSelector !== undefined }, context);
    const selector = decodeWorkloadSelector(spec.workloadSelector, ['spec', 'workloadSelector'], context);
    return {
      spec: {
        host: { value: spec.host.toLowerCase(), origin: context.at(['spec', 'host']) },
        ...(spec.trafficPolicy === undefined
          ? {}
          : { trafficPolicy: decodeTrafficPolicy(spec.trafficPolicy, ['spec', 'trafficPolicy'], context) }),
        subsets: decodeSubsets(spec.subsets, context),
        exportTo: spec.exportTo,
        ...(selector === undefined ? {} : { workloadSelector: selector }),
      },
    };
  },
});

function decodeSubsets(
  subsets: z.output<typeof schema>['spec']['subsets'],
  context: DecodeContext,
): DestinationRuleSpec['subsets'] {
  const names = new Set<string>();
  return subsets.map(({ name, labels, trafficPolicy: policy }, index) => {
    const path = ['spec', 'subsets', index];
    if (names.has(name)) {
      context.error([...path, 'name'], {
        message: `subset "${name}" is written twice`,
        remedy: 'Give each subset a name of its own.',
      });
    }
    names.add(name);
    return {
      origin: context.at(path),
      name,
      labels,
      ...(policy === undefined
        ? {}
        : { trafficPolicy: decodeTrafficPolicy(policy, [...path, 'trafficPolicy'], context) }),
    };
  });
}

function checkHost(host: string, context: DecodeContext): void {
  if (/^(?:\*|(?:\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$/i.test(host)) return;
  context.error(['spec', 'host'], {
    message: `"${host}" is not a host`,
    remedy: 'Write the name of a Service such as name.namespace.svc.cluster.local, without a port; "*" only in front.',
  });
}

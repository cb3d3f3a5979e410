import { z } from 'zod';
import { labelMap, portNumber, present } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import type { ResourceObject } from '../object.ts';
import { decodeProbe, groupProbe, type Probe } from '../core/probe.ts';
import { portName, socketFault } from './workload-entry.ts';

/** A template for machines that register themselves with a control plane. None does so here; WorkloadEntries are written. */
export interface WorkloadGroup extends ResourceObject {
  /** Of the WorkloadEntries that registered themselves with it elsewhere (`kubectl get -o yaml` tells which). */
  readonly probe?: Probe;
}

const schema = objectOf({
  spec: z.strictObject({
    metadata: z.strictObject({ labels: labelMap.optional(), annotations: labelMap.optional() }).optional(),
    template: z.strictObject({
      address: z.string().max(256).optional(),
      ports: z.record(portName, portNumber).optional(),
      labels: labelMap.optional(),
      network: z.string().max(2048).optional(),
      locality: z.string().max(2048).optional(),
      weight: z.int().min(0).max(4_294_967_295).optional(),
      serviceAccount: z.string().max(253).optional(),
    }),
    probe: groupProbe.optional(),
  }),
});

export const workloadGroupKind = defineKind<WorkloadGroup, typeof schema>({
  group: 'networking.istio.io',
  kind: 'WorkloadGroup',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  schema,
  decode: ({ spec: { template, probe } }, context) => {
    const { address = '' } = template;
    const fault = address.startsWith('unix://') ? socketFault(address, template.ports !== undefined) : undefined;
    if (fault !== undefined) context.error(['spec', 'template', 'address'], fault);
    context.ignore(['spec', 'template'], {
      message: 'nobody registers with a WorkloadGroup here: it makes no workload',
      remedy: 'Write a WorkloadEntry for each machine that takes part locally.',
    });
    const portNamed = () => undefined;
    return present({
      probe: probe && decodeProbe(probe, { path: ['spec', 'probe'], portNamed, needsHandler: false, context }),
    });
  },
});

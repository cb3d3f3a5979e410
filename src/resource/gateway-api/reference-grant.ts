import { z } from 'zod';
import { apiGroup, kindName, namespaceName, objectName } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import type { Origin } from '../../base/index.ts';
import type { ResourceObject } from '../object.ts';

/** Lets objects of other namespaces refer to objects of the grant's own (GEP-709). */
export interface ReferenceGrant extends ResourceObject {
  readonly spec: {
    readonly from: readonly ReferenceGrantFrom[];
    readonly to: readonly ReferenceGrantTo[];
  };
}

export interface ReferenceGrantFrom {
  readonly origin: Origin;
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

export interface ReferenceGrantTo {
  readonly origin: Origin;
  readonly group: string;
  readonly kind: string;
  /** Absent: every object of that kind. */
  readonly name?: string;
}

const schema = objectOf({
  spec: z.strictObject({
    from: z
      .array(z.strictObject({ group: apiGroup, kind: kindName, namespace: namespaceName }))
      .min(1)
      .max(16),
    to: z
      .array(z.strictObject({ group: apiGroup, kind: kindName, name: objectName.optional() }))
      .min(1)
      .max(16),
  }),
});

export const referenceGrantKind = defineKind<ReferenceGrant, typeof schema>({
  group: 'gateway.networking.k8s.io',
  kind: 'ReferenceGrant',
  versions: ['v1beta1', 'v1'],
  schema,
  decode: ({ spec }, context) => ({
    spec: {
      from: spec.from.map((from, index) => ({ origin: context.at(['spec', 'from', index]), ...from })),
      to: spec.to.map(({ group, kind, name }, index) => ({
        origin: context.at(['spec', 'to', index]),
        group,
        kind,
        ...(name === undefined ? {} : { name }),
      })),
    },
  }),
});

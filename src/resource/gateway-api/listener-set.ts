import { z } from 'zod';
import { apiGroup, kindName, namespaceName, objectName } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { checkListeners, decodeListener, listenerSchema, type Listener } from './listener.ts';
import type { Origin } from '../../base/index.ts';
import type { ResourceObject } from '../object.ts';

/** More listeners for a Gateway that lets them in (GEP-1713). */
export interface ListenerSet extends ResourceObject {
  readonly spec: {
    readonly parentRef: ListenerSetParentRef;
    /** At least one, names are unique within the set. */
    readonly listeners: readonly Listener[];
  };
}

export interface ListenerSetParentRef {
  readonly origin: Origin;
  readonly group: string;
  readonly kind: string;
  /** The set's own namespace where none is written. */
  readonly namespace: string;
  readonly name: string;
}

const schema = objectOf({
  spec: z.strictObject({
    parentRef: z.strictObject({
      group: apiGroup.default('gateway.networking.k8s.io'),
      kind: kindName.default('Gateway'),
      namespace: namespaceName.optional(),
      name: objectName,
    }),
    listeners: z.array(listenerSchema).min(1).max(64),
  }),
});

export const listenerSetKind = defineKind<ListenerSet, typeof schema>({
  group: 'gateway.networking.k8s.io',
  kind: 'ListenerSet',
  versions: ['v1'],
  schema,
  decode: ({ spec }, context) => {
    checkListeners(spec.listeners, context);
    const { namespace, ...reference } = spec.parentRef;
    return {
      spec: {
        parentRef: {
          origin: context.at(['spec', 'parentRef']),
          ...reference,
          namespace: namespace ?? context.document.namespace,
        },
        listeners: spec.listeners.map((value, index) => decodeListener(value, ['spec', 'listeners', index], context)),
      },
    };
  },
});

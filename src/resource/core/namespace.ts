import { defineKind, objectOf } from '../kind.ts';
import { accepted } from '../schema.ts';
import type { ResourceObject } from '../object.ts';

/** Its labels always have `kubernetes.io/metadata.name`, as the API server adds it (see `objectMeta`). */
export type Namespace = ResourceObject;

const schema = objectOf({ spec: accepted() });

export const namespaceKind = defineKind<Namespace, typeof schema>({
  group: '',
  kind: 'Namespace',
  versions: ['v1'],
  schema,
  decode: () => ({}),
});

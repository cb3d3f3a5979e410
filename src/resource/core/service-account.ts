import { defineKind, objectOf } from '../kind.ts';
import { acceptedFields } from '../schema.ts';
import type { ResourceObject } from '../object.ts';

export type ServiceAccount = ResourceObject;

const schema = objectOf({ ...acceptedFields('secrets', 'imagePullSecrets', 'automountServiceAccountToken') });

export const serviceAccountKind = defineKind<ServiceAccount, typeof schema>({
  group: '',
  kind: 'ServiceAccount',
  versions: ['v1'],
  schema,
  decode: () => ({}),
});

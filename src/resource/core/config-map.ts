import { labelMap } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { acceptedFields } from '../schema.ts';
import type { ResourceObject } from '../object.ts';

export interface ConfigMap extends ResourceObject {
  readonly data: Readonly<Record<string, string>>;
}

const schema = objectOf({ data: labelMap.default({}), ...acceptedFields('binaryData', 'immutable') });

export const configMapKind = defineKind<ConfigMap, typeof schema>({
  group: '',
  kind: 'ConfigMap',
  versions: ['v1'],
  schema,
  decode: ({ data }) => ({ data }),
});

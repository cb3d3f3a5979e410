import type { ResourceObject } from '../object.ts';

export interface ConfigMap extends ResourceObject {
  readonly data: Readonly<Record<string, string>>;
}

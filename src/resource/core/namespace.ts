import type { ResourceObject } from '../object.ts';

/** Its labels always have `kubernetes.io/metadata.name`, as the API server adds it. */
export type Namespace = ResourceObject;

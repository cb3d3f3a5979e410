import type { Secret } from '../../base/index.ts';
import type { ResourceObject } from '../object.ts';

/** A Secret object (the name `Secret` alone is the wrapper for one secret text). */
export interface SecretObject extends ResourceObject {
  /** For example `kubernetes.io/tls`; `Opaque` where none is written. */
  readonly type: string;
  /** Decoded as UTF-8; `stringData` wins over `data` as in the API server. */
  readonly data: Readonly<Record<string, Secret>>;
}

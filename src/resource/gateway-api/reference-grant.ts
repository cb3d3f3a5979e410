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

import type { Origin } from '../../base/index.ts';
import type { Unsupported } from '../object.ts';

/** Where a route wants to attach. */
export interface ParentRef {
  readonly origin: Origin;
  readonly group: string;
  readonly kind: string;
  /** The route's own namespace where none is written. */
  readonly namespace: string;
  readonly name: string;
  readonly sectionName?: string;
  readonly port?: number;
}

/** Where a rule sends its requests. */
export interface BackendRef {
  readonly origin: Origin;
  /** Empty for the core group. */
  readonly group: string;
  readonly kind: string;
  /** The route's own namespace where none is written. */
  readonly namespace: string;
  readonly name: string;
  /** Always present for a Service. */
  readonly port?: number;
  readonly weight: number;
  /** Not empty: this backend's share must be answered as a failure. */
  readonly unsupported: readonly Unsupported[];
}

/** A header condition; names are lower case, of equal names only the first counts. */
export interface HeaderMatch {
  readonly origin: Origin;
  readonly name: string;
  readonly type: 'Exact' | 'RegularExpression';
  readonly value: string;
}

import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject, WorkloadSelector } from '../object.ts';

export type MtlsMode = 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT';

export interface PeerAuthentication extends ResourceObject {
  readonly spec: {
    /** Absent: the whole namespace, or the mesh in the root namespace. */
    readonly selector?: WorkloadSelector;
    /** `UNSET` (inherit) where nothing is written. */
    readonly mode: Located<MtlsMode>;
    /** By workload (container) port. */
    readonly portLevelMtls: readonly PortMtls[];
  };
}

export interface PortMtls {
  readonly origin: Origin;
  readonly port: number;
  readonly mode: MtlsMode;
}

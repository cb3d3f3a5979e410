import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject } from '../object.ts';

export interface Pod extends ResourceObject {
  readonly spec: PodSpec;
}

/** What a traffic path needs to know of a pod. */
export interface PodSpec {
  /** `default` where none is written. */
  readonly serviceAccountName: Located<string>;
  /** Of all containers, sidecar-style init containers included. */
  readonly containerPorts: readonly ContainerPort[];
}

export interface ContainerPort {
  readonly origin: Origin;
  readonly container: string;
  /** Empty where it has none. */
  readonly name: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
}

import type { Origin } from '../../base/index.ts';
import type { ResourceObject } from '../object.ts';

export interface EndpointSlice extends ResourceObject {
  /** Label `kubernetes.io/service-name`; empty where it is missing (and reported). */
  readonly serviceName: string;
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly endpoints: readonly SliceEndpoint[];
  readonly ports: readonly SlicePort[];
}

export interface SliceEndpoint {
  readonly origin: Origin;
  readonly addresses: readonly string[];
  /** `conditions.ready`, true where nothing is written. */
  readonly ready: boolean;
  readonly hostname?: string;
  /** Name of the Pod in `targetRef`, if it is one. */
  readonly pod?: string;
}

export interface SlicePort {
  readonly origin: Origin;
  readonly name: string;
  /** Absent: all ports. */
  readonly port?: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly appProtocol?: string;
}

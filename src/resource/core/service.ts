import type { Origin } from '../../base/index.ts';
import type { ResourceObject, Unsupported } from '../object.ts';

export interface Service extends ResourceObject {
  readonly spec: {
    readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
    /** `clusterIP: None`. */
    readonly headless: boolean;
    /** Empty: endpoints come from EndpointSlices. */
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly ServicePort[];
    /** Not empty (`ExternalName`): the service must not be called. */
    readonly unsupported: readonly Unsupported[];
  };
}

export interface ServicePort {
  readonly origin: Origin;
  /** Empty where a single port has no name. */
  readonly name: string;
  readonly port: number;
  /** A number, or the name of a container port. */
  readonly targetPort: number | string;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly appProtocol?: string;
}

import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import { isIP } from '../address.ts';
import type { DecodeContext } from '../context.ts';
import { labelMap, portNumber, present } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { acceptedFields, ignored } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import type { ResourceObject, Unsupported } from '../object.ts';

export interface Service extends ResourceObject {
  readonly spec: {
    readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
    /** `clusterIP: None`. */
    readonly headless: boolean;
    /** `clusterIP`, where one is written. */
    readonly address?: string;
    /** Empty: endpoints come from EndpointSlices. */
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly ServicePort[];
    /** Workloads behind it are called whether they are ready or not. */
    readonly publishNotReadyAddresses?: true;
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

const port = z.strictObject({
  name: z.string().max(63).default(''),
  port: portNumber,
  targetPort: z
    .union([portNumber, z.string().regex(/^(?=.*[a-z])[a-z0-9-]{1,15}$/)], {
      error: 'must be a port number or the name of a container port\nWrite 1 to 65535 without quotes, or a name.',
    })
    .optional(),
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
  appProtocol: z.string().optional(),
  ...acceptedFields('nodePort'),
});

const schema = objectOf({
  spec: z
    .strictObject({
      type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']).default('ClusterIP'),
      clusterIP: z.string().optional(),
      selector: labelMap.default({}),
      ports: z.array(port).default([]),
      sessionAffinity: z.enum(['None', 'ClientIP']).default('None'),
      publishNotReadyAddresses: z.boolean().default(false),
      loadBalancerSourceRanges: ignored('callers are not filtered by address here'),
      ...acceptedFields(
        'allocateLoadBalancerNodePorts',
        'clusterIPs',
        'externalIPs',
        'externalName',
        'externalTrafficPolicy',
        'healthCheckNodePort',
        // All endpoints are on this machine.
        'internalTrafficPolicy',
        'ipFamilies',
        'ipFamilyPolicy',
        'loadBalancerClass',
        'loadBalancerIP',
        'sessionAffinityConfig',
        'trafficDistribution',
      ),
    })
    .prefault({}),
});

export const serviceKind = defineKind<Service, typeof schema>({
  group: '',
  kind: 'Service',
  versions: ['v1'],
  schema,
  decode: ({ spec }, context) => {
    if (spec.type === 'ExternalName') {
      context.refuse(['spec', 'type'], {
        message: 'type ExternalName is not yet supported: routes to this Service fail',
        remedy: 'Use a Service with a selector, or an EndpointSlice with the addresses.',
      });
    }
    if (spec.sessionAffinity === 'ClientIP') {
      context.ignore(['spec', 'sessionAffinity'], {
        message: 'sessionAffinity ClientIP is not yet supported: requests of one client may reach any endpoint',
        remedy: 'Take it away, or do not rely on it.',
      });
    }
    checkPorts(spec.ports, context);
    return {
      spec: {
        type: spec.type,
        headless: spec.clusterIP === 'None',
        ...(spec.clusterIP !== undefined && isIP(spec.clusterIP) ? { address: spec.clusterIP } : {}),
        selector: spec.selector,
        ports: spec.ports.map((value, index) => decodePort(value, ['spec', 'ports', index], context)),
        ...(spec.publishNotReadyAddresses ? { publishNotReadyAddresses: true as const } : {}),
        unsupported: context.refusedBelow(['spec']),
      },
    };
  },
});

function decodePort(value: z.output<typeof port>, path: Path, context: DecodeContext): ServicePort {
  const { name, protocol, appProtocol } = value;
  return {
    origin: context.at(path),
    name,
    port: value.port,
    targetPort: value.targetPort ?? value.port,
    protocol,
    ...present({ appProtocol }),
  };
}

function checkPorts(ports: readonly z.output<typeof port>[], context: DecodeContext): void {
  const names = new Set<string>();
  const numbers = new Set<string>();
  for (const [index, { name, port: number, protocol }] of ports.entries()) {
    const path = ['spec', 'ports', index];
    if (name === '' && ports.length > 1) {
      context.error(path, {
        message: `port ${number} has no name, which is required beside other ports`,
        remedy: 'Name each port, for example grpc-api; the prefix grpc tells Istio the protocol.',
      });
    }
    if (name !== '' && names.has(name)) {
      context.error([...path, 'name'], { message: `port name "${name}" is used twice`, remedy: 'Rename one of them.' });
    }
    if (numbers.has(`${protocol} ${number}`)) {
      context.error([...path, 'port'], {
        message: `port ${number} is used twice`,
        remedy: 'Change or remove one of them.',
      });
    }
    names.add(name);
    numbers.add(`${protocol} ${number}`);
  }
}

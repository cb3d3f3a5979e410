import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import { isIP } from '../address.ts';
import type { DecodeContext } from '../context.ts';
import { labelMap, portNumber, present } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { acceptedFields, ignored } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import type { ResourceObject } from '../object.ts';

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
    /** `ExternalName`: what the Service is another name of. Lower case, without a final dot. */
    readonly externalName?: string;
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
      externalName: z.string().optional(),
      ports: z.array(port).default([]),
      sessionAffinity: z.enum(['None', 'ClientIP']).default('None'),
      publishNotReadyAddresses: z.boolean().default(false),
      loadBalancerSourceRanges: ignored('callers are not filtered by address here'),
      ...acceptedFields(
        'allocateLoadBalancerNodePorts',
        'clusterIPs',
        'externalIPs',
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
    const isExternal = spec.type === 'ExternalName';
    const externalName = isExternal ? decodeExternalName(spec, context) : undefined;
    if (spec.sessionAffinity === 'ClientIP') {
      context.ignore(['spec', 'sessionAffinity'], {
        message:
          'sessionAffinity ClientIP has no effect, as with any proxy of Istio: requests of one client may reach any endpoint',
        remedy: 'Take it away, or write a DestinationRule with loadBalancer.consistentHash.useSourceIp: true.',
      });
    }
    checkPorts(spec.ports, context);
    return {
      spec: {
        type: spec.type,
        headless: isExternal || spec.clusterIP === 'None',
        ...(spec.clusterIP !== undefined && isIP(spec.clusterIP) ? { address: spec.clusterIP } : {}),
        selector: isExternal ? {} : spec.selector,
        ports: spec.ports.map((value, index) => decodePort(value, ['spec', 'ports', index], context)),
        ...(spec.publishNotReadyAddresses ? { publishNotReadyAddresses: true as const } : {}),
        ...present({ externalName }),
      },
    };
  },
});

/** A name of DNS, as the API server asks; an address in its place would be looked up like one, and found nowhere. */
function decodeExternalName(
  { externalName = '', ports }: { readonly externalName?: string | undefined; readonly ports: readonly unknown[] },
  context: DecodeContext,
): string {
  const name = externalName.replace(/\.$/, '');
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)) {
    context.error(['spec', 'externalName'], {
      message: name === '' ? 'type ExternalName needs externalName' : `"${externalName}" is no name of DNS`,
      remedy: 'Write a DNS name in lower case, such as db.example.com.',
    });
  }
  if (ports.length === 0) {
    context.ignore(['spec', 'type'], {
      message: 'type ExternalName without ports: calls through a proxy do not reach it, as in Istio',
      remedy: 'Add the ports that are called.',
    });
  }
  return name;
}

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

import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import { isAddressBlock, isIP } from '../address.ts';
import type { DecodeContext } from '../context.ts';
import { portNumber } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { checkExportTo } from './export-to.ts';
import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject } from '../object.ts';
import { decodeWorkloadEntrySpec, workloadEntrySpec, type WorkloadEntrySpec } from './workload-entry.ts';

export interface ServiceEntry extends ResourceObject {
  readonly spec: ServiceEntrySpec;
}

export interface ServiceEntrySpec {
  /** Lower case; a full name, or a wildcard `*.example.com`. */
  readonly hosts: readonly Located<string>[];
  /** IP addresses and blocks. */
  readonly addresses: readonly string[];
  readonly ports: readonly ServiceEntryPort[];
  readonly location: 'MESH_EXTERNAL' | 'MESH_INTERNAL';
  readonly resolution: ServiceEntryResolution;
  readonly resolutionOrigin: Origin;
  readonly endpoints: readonly ServiceEntryEndpoint[];
  /** Labels of workloads of the same namespace; absent: `endpoints` are all. */
  readonly workloadSelector?: Readonly<Record<string, string>>;
  /** Names that the servers' certificates may have. */
  readonly subjectAltNames: readonly string[];
  /** Namespaces whose clients see it; `*` for all, and `.` has become its own. */
  readonly exportTo: readonly string[];
}

/**
 * How endpoints are found. `NONE`: the address that the client had connected to. `STATIC`: as written. `DNS`: all that the
 * name has; `DNS_ROUND_ROBIN`: one of them at a time. `DYNAMIC_DNS`: what the host of each request has.
 */
export type ServiceEntryResolution = z.output<typeof resolution>;

export interface ServiceEntryPort {
  readonly origin: Origin;
  readonly name: string;
  readonly number: number;
  /** Upper case; `TCP` where none is written. */
  readonly protocol: string;
  readonly targetPort?: number;
}

export interface ServiceEntryEndpoint extends WorkloadEntrySpec {
  readonly origin: Origin;
}

const resolution = z.enum(['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS']);

/** `pkg/config/protocol` of Istio. */
const protocols = [
  'GRPC',
  'GRPC-WEB',
  'HTTP',
  'HTTP_PROXY',
  'HTTP2',
  'HTTPS',
  'TCP',
  'TLS',
  'UDP',
  'MONGO',
  'MYSQL',
  'REDIS',
];

const schema = objectOf({
  spec: z.strictObject({
    hosts: z
      .array(z.string().refine((host) => host !== '*', 'must not be "*"\nWrite a domain such as *.example.com.'))
      .min(1)
      .max(256),
    addresses: z.array(z.string().max(64)).max(256).default([]),
    ports: z
      .array(
        z.strictObject({
          name: z.string().max(256),
          number: portNumber,
          protocol: z.string().max(256).default('TCP'),
          targetPort: portNumber.optional(),
        }),
      )
      .max(256)
      .default([]),
    location: z.enum(['MESH_EXTERNAL', 'MESH_INTERNAL']).default('MESH_EXTERNAL'),
    resolution: resolution.default('NONE'),
    endpoints: z.array(workloadEntrySpec).max(4096).optional(),
    workloadSelector: z
      .strictObject({
        labels: z
          .record(
            z.string(),
            z
              .string()
              .max(63)
              .refine((value) => !value.includes('*'), 'must be a label value without "*"\nWrite the whole value.'),
          )
          .default({}),
      })
      .optional(),
    subjectAltNames: z.array(z.string()).default([]),
    exportTo: z.array(z.string()).default([]),
  }),
});

type Spec = z.output<typeof schema>['spec'];

export const serviceEntryKind = defineKind<ServiceEntry, typeof schema>({
  group: 'networking.istio.io',
  kind: 'ServiceEntry',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  schema,
  decode: ({ spec }, context) => {
    checkHosts(spec, context);
    checkAddresses(spec, context);
    checkPorts(spec, context);
    checkEndpoints(spec, context);
    checkExportTo({ values: spec.exportTo, isServiceEntry: true }, context);
    const { namespace } = context.document;
    return {
      spec: {
        hosts: spec.hosts.map((host, index) => ({
          value: host.toLowerCase(),
          origin: context.at(['spec', 'hosts', index]),
        })),
        addresses: spec.addresses,
        ports: spec.ports.map(({ targetPort, ...port }, index) => ({
          ...port,
          origin: context.at(['spec', 'ports', index]),
          protocol: port.protocol.toUpperCase(),
          ...(targetPort === undefined ? {} : { targetPort }),
        })),
        location: spec.location,
        resolution: spec.resolution,
        resolutionOrigin: context.at(['spec', 'resolution']),
        endpoints: (spec.endpoints ?? []).map((endpoint, index) => ({
          ...decodeWorkloadEntrySpec(endpoint, ['spec', 'endpoints', index], context),
          origin: context.at(['spec', 'endpoints', index]),
        })),
        ...(spec.workloadSelector === undefined ? {} : { workloadSelector: spec.workloadSelector.labels }),
        subjectAltNames: spec.subjectAltNames,
        exportTo: spec.exportTo.length === 0 ? ['*'] : spec.exportTo.map((one) => (one === '.' ? namespace : one)),
      },
    };
  },
});

const hostPattern = /^(\*\.)?[a-z0-9_]([-a-z0-9_]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\.?$/i;

function checkHosts({ hosts, resolution: how, endpoints = [], workloadSelector }: Spec, context: DecodeContext): void {
  for (const [index, host] of hosts.entries()) {
    const path = ['spec', 'hosts', index];
    if (!hostPattern.test(host)) {
      context.error(path, {
        message: `"${host}" is not a host`,
        remedy: 'Write a full domain name, or *.example.com; addresses go into spec.addresses.',
      });
    }
    const isWildcard = host.startsWith('*');
    const hasNames = endpoints.length > 0 || workloadSelector !== undefined;
    if (isWildcard && !hasNames && (how === 'DNS' || how === 'DNS_ROUND_ROBIN')) {
      context.error(path, {
        message: `a wildcard cannot be looked up by DNS, and no endpoint is written`,
        remedy: 'List the full hosts, or give the endpoints that serve them.',
      });
    }
  }
}

function checkAddresses({ addresses, resolution: how }: Spec, context: DecodeContext): void {
  for (const [index, address] of addresses.entries()) {
    const path = ['spec', 'addresses', index];
    if (!isAddressBlock(address)) {
      context.error(path, {
        message: `"${address}" is neither an IP address nor a block of them`,
        remedy: 'Write 192.0.2.1 or 192.0.2.0/24.',
      });
    } else if (address.includes('/') && how !== 'NONE' && how !== 'STATIC') {
      context.error(path, {
        message: `a block of addresses goes with resolution NONE or STATIC, not ${how}`,
        remedy: 'Write one address, or change the resolution.',
      });
    }
  }
}

function checkPorts({ ports }: Spec, context: DecodeContext): void {
  const names = new Set<string>();
  const numbers = new Set<number>();
  for (const [index, { name, number, protocol }] of ports.entries()) {
    const path = ['spec', 'ports', index];
    if (names.has(name) || numbers.has(number)) {
      context.error(path, {
        message: names.has(name) ? `port name "${name}" is used twice` : `port ${number} is used twice`,
        remedy: 'Change or remove one of them.',
      });
    }
    names.add(name);
    numbers.add(number);
    if (protocols.includes(protocol.toUpperCase())) continue;
    context.error([...path, 'protocol'], {
      message: `"${protocol}" is no protocol that Istio knows`,
      remedy: `Write one of ${protocols.join(', ')}.`,
    });
  }
}

function checkEndpoints({ resolution: how, endpoints, workloadSelector }: Spec, context: DecodeContext): void {
  const path = ['spec', 'endpoints'];
  if (endpoints !== undefined && workloadSelector !== undefined) {
    context.error(path, {
      message: 'endpoints and workloadSelector exclude each other',
      remedy: 'List the endpoints, or select workloads by their labels.',
    });
  }
  if (endpoints === undefined) return;
  if (how === 'NONE') {
    context.error(path, {
      message: 'resolution NONE has no endpoints: calls go to the address that the client had chosen',
      remedy: 'Set resolution: STATIC (addresses) or DNS (names).',
    });
  }
  if (how === 'DNS_ROUND_ROBIN' && endpoints.length > 1) {
    context.error(path, {
      message: 'resolution DNS_ROUND_ROBIN takes one endpoint',
      remedy: 'Keep one name, or set resolution: DNS.',
    });
  }
  for (const [index, { address }] of endpoints.entries())
    checkEndpoint({ how, address }, [...path, index, 'address'], context);
}

function checkEndpoint(
  { how, address }: { readonly how: ServiceEntryResolution; readonly address: string },
  path: Path,
  context: DecodeContext,
): void {
  if (address.startsWith('unix://')) {
    if (how === 'STATIC') return;
    context.error(path, {
      message: `a Unix socket goes with resolution STATIC, not ${how}`,
      remedy: 'Set resolution: STATIC.',
    });
    return;
  }
  if (how !== 'STATIC' || address === '' || isIP(address)) return;
  context.error(path, {
    message: `resolution STATIC takes IP addresses, and "${address}" is none`,
    remedy: 'Write the address, or set resolution: DNS.',
  });
}

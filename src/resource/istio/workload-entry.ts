import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import { isIP } from '../address.ts';
import type { DecodeContext, Finding } from '../context.ts';
import { labelMap, portNumber, present } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { ignored } from '../schema.ts';
import type { Located, ResourceObject, Unsupported } from '../object.ts';

export interface WorkloadEntry extends ResourceObject {
  readonly spec: WorkloadEntrySpec;
}

/** One endpoint: a WorkloadEntry, or an endpoint that is written in a ServiceEntry. */
export interface WorkloadEntrySpec {
  /** IP address, DNS name, or a Unix socket: `unix:///path`, `unix://@name`. */
  readonly address: Located<string>;
  /** By service port name. */
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
  /** `region/zone/subzone`, later parts may be missing. */
  readonly locality?: string;
  /** Absent: equal. */
  readonly weight?: number;
  /** `default` where none is written. */
  readonly serviceAccount: string;
  /** Not empty: the endpoint must not be used. */
  readonly unsupported: readonly Unsupported[];
}

/** How a WorkloadEntry names its ports. */
export const portName = z
  .string()
  .regex(
    /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/,
    'must be the name of a port\nUse letters, digits and "-", with a letter or digit at both ends.',
  )
  .max(62);

export const workloadEntrySpec = z.strictObject({
  address: z.string().max(256).default(''),
  ports: z.record(portName, portNumber).optional(),
  labels: labelMap.default({}),
  network: ignored('all addresses must be reachable from here'),
  locality: z.string().max(2048).optional(),
  weight: z.int().min(0).max(4_294_967_295).optional(),
  serviceAccount: z.string().max(253).default('default'),
});

const schema = objectOf({ spec: workloadEntrySpec });

export const workloadEntryKind = defineKind<WorkloadEntry, typeof schema>({
  group: 'networking.istio.io',
  kind: 'WorkloadEntry',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  schema,
  decode: ({ spec }, context) => ({ spec: decodeWorkloadEntrySpec(spec, ['spec'], context) }),
});

export function decodeWorkloadEntrySpec(
  spec: z.output<typeof workloadEntrySpec>,
  path: Path,
  context: DecodeContext,
): WorkloadEntrySpec {
  checkAddress(spec, [...path, 'address'], context);
  return {
    address: { value: spec.address, origin: context.at([...path, 'address']) },
    ports: spec.ports ?? {},
    labels: spec.labels,
    // Zero is how the wire says "not set".
    ...present({ weight: spec.weight === 0 ? undefined : spec.weight, locality: spec.locality || undefined }),
    serviceAccount: spec.serviceAccount === '' ? 'default' : spec.serviceAccount,
    unsupported: context.refusedBelow(path),
  };
}

function checkAddress(
  { address, network, ports }: z.output<typeof workloadEntrySpec>,
  path: Path,
  context: DecodeContext,
): void {
  if (address === '' && network !== undefined) {
    context.refuse(path, {
      message: 'an entry with a network and no address is reached through the gateway of that network: it is not used',
      remedy: 'Add an address that can be reached from here.',
    });
  } else if (address === '') {
    context.error(path, {
      message: 'the entry has no address',
      remedy: 'Add the IP address or DNS name of the workload.',
    });
  } else if (address.startsWith('unix://')) {
    checkSocket(address, { path, hasPorts: ports !== undefined, context });
  } else if (!isIP(address) && !/^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$/.test(address)) {
    context.error(path, {
      message: `"${address}" is neither an IP address nor a DNS name`,
      remedy: 'Write the address alone; ports go into spec.ports.',
    });
  }
}

function checkSocket(
  address: string,
  { path, hasPorts, context }: { readonly path: Path; readonly hasPorts: boolean; readonly context: DecodeContext },
): void {
  const fault = socketFault(address, hasPorts);
  if (fault !== undefined) context.error(path, fault);
}

/** What is wrong with a Unix socket as an address; undefined for nothing. */
export function socketFault(address: string, hasPorts: boolean): Finding | undefined {
  if (hasPorts) return { message: 'a Unix socket has no ports', remedy: 'Take the ports away.' };
  if (/^unix:\/\/[/@]/.test(address) && !address.endsWith('/')) return undefined;
  return {
    message: `"${address}" is not an absolute path of a Unix socket`,
    remedy: 'Write unix:///run/name.sock, or unix://@name for an abstract one.',
  };
}

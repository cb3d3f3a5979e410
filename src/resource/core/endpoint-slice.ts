import { z } from 'zod';
import { isIPv4, isIPv6 } from '../address.ts';
import type { DecodeContext } from '../context.ts';
import { portNumber, present } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { accepted, acceptedFields } from '../schema.ts';
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
  /** Name of the Pod in `targetRef`, if it is one. */
  readonly pod?: string;
  readonly zone?: string;
}

export interface SlicePort {
  readonly origin: Origin;
  readonly name: string;
  /** Absent: all ports. */
  readonly port?: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
}

const endpoint = z.strictObject({
  addresses: z.array(z.string()).min(1).max(100),
  conditions: z
    .strictObject({ ready: z.boolean().default(true), ...acceptedFields('serving', 'terminating') })
    .prefault({}),
  targetRef: z
    .strictObject({
      kind: z.string().default(''),
      name: z.string().default(''),
      ...acceptedFields('apiVersion', 'fieldPath', 'namespace', 'resourceVersion', 'uid'),
    })
    .optional(),
  zone: z.string().optional(),
  ...acceptedFields('deprecatedTopology', 'hints', 'hostname', 'nodeName'),
});

const schema = objectOf({
  addressType: z.enum(['IPv4', 'IPv6', 'FQDN']),
  endpoints: z.array(endpoint).max(1000).default([]),
  ports: z
    .array(
      z.strictObject({
        name: z.string().default(''),
        port: portNumber.optional(),
        protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
        // What the Service says of its port counts.
        appProtocol: accepted(),
      }),
    )
    .max(100)
    .default([]),
});

const serviceLabel = 'kubernetes.io/service-name';

export const endpointSliceKind = defineKind<EndpointSlice, typeof schema>({
  group: 'discovery.k8s.io',
  kind: 'EndpointSlice',
  versions: ['v1'],
  schema,
  decode: ({ metadata, addressType, endpoints, ports }, context) => {
    const serviceName = metadata.labels[serviceLabel] ?? '';
    if (serviceName === '') {
      context.warn(['metadata', 'labels'], {
        message: `the slice belongs to no Service: label ${serviceLabel} is missing`,
        remedy: 'Add the label with the name of the Service.',
      });
    }
    return {
      serviceName,
      addressType,
      endpoints: endpoints.map((value, index) => {
        checkAddresses(value.addresses, { addressType, index, context });
        const { addresses, conditions, targetRef, zone } = value;
        const pod = targetRef?.kind === 'Pod' ? targetRef.name : undefined;
        return {
          origin: context.at(['endpoints', index]),
          addresses,
          ready: conditions.ready,
          ...present({ pod, zone }),
        };
      }),
      ports: ports.map(({ name, port, protocol }, index) => ({
        origin: context.at(['ports', index]),
        name,
        protocol,
        ...present({ port }),
      })),
    };
  },
});

const addressTests = {
  IPv4: isIPv4,
  IPv6: isIPv6,
  FQDN: (text: string) => /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text),
};

function checkAddresses(
  addresses: readonly string[],
  slice: { readonly addressType: keyof typeof addressTests; readonly index: number; readonly context: DecodeContext },
): void {
  for (const [at, address] of addresses.entries()) {
    if (addressTests[slice.addressType](address)) continue;
    slice.context.error(['endpoints', slice.index, 'addresses', at], {
      message: `"${address}" is not of addressType ${slice.addressType}`,
      remedy: 'Correct the address or the addressType; ports go into ports.',
    });
  }
}

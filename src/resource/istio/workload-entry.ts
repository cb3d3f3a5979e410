import { z } from 'zod';
import { isIP } from '../address.ts';
import type { DecodeContext } from '../context.ts';
import { labelMap, portNumber, present } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { accepted, ignored } from '../schema.ts';
import type { Located, ResourceObject, Unsupported } from '../object.ts';

export interface WorkloadEntry extends ResourceObject {
  readonly spec: {
    /** IP address or DNS name; `unix://` is also in `unsupported`. */
    readonly address: Located<string>;
    /** By service port name. */
    readonly ports: Readonly<Record<string, number>>;
    readonly labels: Readonly<Record<string, string>>;
    /** Absent: equal. */
    readonly weight?: number;
    /** `default` where none is written. */
    readonly serviceAccount: string;
    /** Not empty: the endpoint must not be used. */
    readonly unsupported: readonly Unsupported[];
  };
}

const schema = objectOf({
  spec: z.strictObject({
    address: z.string().max(256).default(''),
    ports: z.record(z.string(), portNumber).default({}),
    labels: labelMap.default({}),
    network: ignored('all addresses must be reachable from here'),
    locality: accepted(),
    weight: z.int().min(0).max(4_294_967_295).optional(),
    serviceAccount: z.string().max(253).default('default'),
  }),
});

export const workloadEntryKind = defineKind<WorkloadEntry, typeof schema>({
  group: 'networking.istio.io',
  kind: 'WorkloadEntry',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  schema,
  decode: ({ spec }, context) => {
    checkAddress(spec.address, context);
    return {
      spec: {
        address: { value: spec.address, origin: context.at(['spec', 'address']) },
        ports: spec.ports,
        labels: spec.labels,
        // Zero is how the wire says "not set".
        ...present({ weight: spec.weight === 0 ? undefined : spec.weight }),
        serviceAccount: spec.serviceAccount === '' ? 'default' : spec.serviceAccount,
        unsupported: context.refusedBelow(['spec']),
      },
    };
  },
});

function checkAddress(address: string, context: DecodeContext): void {
  const path = ['spec', 'address'];
  if (address === '') {
    context.error(path, {
      message: 'the entry has no address',
      remedy: 'Add the IP address or DNS name of the workload.',
    });
  } else if (address.startsWith('unix://')) {
    context.refuse(path, {
      message: `address "${address}" is a Unix socket, which is not yet supported: the endpoint is not used`,
      remedy: 'Let the workload listen on a loopback port and write 127.0.0.1 with that port.',
    });
  } else if (!isIP(address) && !/^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$/.test(address)) {
    context.error(path, {
      message: `"${address}" is neither an IP address nor a DNS name`,
      remedy: 'Write the address alone; ports go into spec.ports.',
    });
  }
}

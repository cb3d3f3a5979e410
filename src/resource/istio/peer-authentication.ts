import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { present, workloadSelector } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { decodeWorkloadSelector } from '../selectors.ts';
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

const mtls = z.strictObject({ mode: z.enum(['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT']).default('UNSET') });

const schema = objectOf({
  spec: z
    .strictObject({
      selector: workloadSelector.optional(),
      mtls: mtls.prefault({}),
      portLevelMtls: z.record(z.string(), mtls).optional(),
    })
    .prefault({}),
});

export const peerAuthenticationKind = defineKind<PeerAuthentication, typeof schema>({
  group: 'security.istio.io',
  kind: 'PeerAuthentication',
  versions: ['v1', 'v1beta1'],
  schema,
  decode: ({ spec }, context) => {
    const selector = decodeWorkloadSelector(spec.selector, ['spec', 'selector'], context);
    return {
      spec: {
        ...present({ selector }),
        mode: { value: spec.mtls.mode, origin: context.at(['spec', 'mtls', 'mode']) },
        portLevelMtls: decodePorts(spec.portLevelMtls, { hasSelector: selector !== undefined, context }),
      },
    };
  },
});

function decodePorts(
  ports: Readonly<Record<string, z.output<typeof mtls>>> | undefined,
  { hasSelector, context }: { readonly hasSelector: boolean; readonly context: DecodeContext },
): PortMtls[] {
  if (ports === undefined) return [];
  const path: Path = ['spec', 'portLevelMtls'];
  if (Object.keys(ports).length === 0) {
    context.error(path, { message: 'portLevelMtls is empty', remedy: 'Add a port with its mode, or take it away.' });
  }
  if (!hasSelector) {
    context.error(path, {
      message: 'portLevelMtls needs a selector',
      remedy: 'Add selector.matchLabels: ports are those of the workloads it selects.',
    });
  }
  return Object.entries(ports).map(([key, { mode }]) => {
    const port = Number(key);
    if (!/^\d+$/.test(key) || port < 1 || port > 65535) {
      context.error([...path, key], {
        message: `"${key}" is not a port`,
        remedy: 'Write the number of a container port, 1 to 65535, in quotes.',
      });
    }
    return { origin: context.at([...path, key]), port, mode };
  });
}

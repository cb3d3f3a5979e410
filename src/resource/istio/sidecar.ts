import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { present } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { ignored, refused, wellFormedAccepted } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import type { ResourceObject } from '../object.ts';
import { socketFault } from './workload-entry.ts';
import { connectionPool, decodePool, type ConnectionPoolSettings } from './connection-pool.ts';

export interface Sidecar extends ResourceObject {
  readonly spec: SidecarSpec;
}

export interface SidecarSpec {
  /** Labels of the workloads of its namespace that it is for; absent: all that no other is for. */
  readonly workloadSelector?: Readonly<Record<string, string>>;
  readonly ingress: readonly SidecarIngress[];
  /** Empty: everything. */
  readonly egress: readonly SidecarEgress[];
  /** Absent: the mesh's own, ALLOW_ANY. */
  readonly outboundTrafficPolicy?: { readonly origin: Origin; readonly mode: 'REGISTRY_ONLY' | 'ALLOW_ANY' };
  readonly inboundConnectionPool?: ConnectionPoolSettings;
}

/** A port that the sidecar takes calls on, in place of those that Services say. */
export interface SidecarIngress {
  readonly origin: Origin;
  readonly port: number;
  /** Upper case; absent: as the Service of the port says. */
  readonly protocol?: string;
  /** The port of the app behind it; absent: the same. */
  readonly appPort?: number;
  /** The app listens on a Unix socket: `unix:///path`, `unix://@name`. */
  readonly appSocket?: string;
  readonly connectionPool?: ConnectionPoolSettings;
  /** False: something about it is not supported, and the port must not be served without it. */
  readonly isServed: boolean;
}

export interface SidecarEgress {
  readonly origin: Origin;
  /** Only for calls to this port; absent: for all that no other entry is for. */
  readonly port?: number;
  readonly hosts: readonly SidecarHost[];
}

export interface SidecarHost {
  /** `*`: any; `.`: that of the workload; `~`: none. */
  readonly namespace: string;
  /** Lower case: `*`, a full host name, or `*.example.com`. */
  readonly host: string;
}

const numberDecides = 'the number decides';

const port = {
  number: z.int().min(0).max(4_294_967_295).default(0),
  name: wellFormedAccepted(z.string(), numberDecides),
  targetPort: wellFormedAccepted(z.int().min(0).max(4_294_967_295), numberDecides),
};
const ingressPort = z.strictObject({ ...port, protocol: z.string().optional() });
const egressPort = z.strictObject({ ...port, protocol: wellFormedAccepted(z.string(), numberDecides) });

const captureMode = z.enum(['DEFAULT', 'IPTABLES', 'NONE']).default('DEFAULT');

const schema = objectOf({
  spec: z
    .strictObject({
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
      ingress: z
        .array(
          z.strictObject({
            port: ingressPort,
            bind: ignored('sidecars listen on loopback addresses of this machine'),
            captureMode,
            defaultEndpoint: z.string().default(''),
            tls: refused('the port is not served'),
            connectionPool: connectionPool.optional(),
          }),
        )
        .default([]),
      egress: z
        .array(
          z.strictObject({
            port: egressPort.optional(),
            bind: ignored('an app reaches all hosts through one port of its sidecar'),
            captureMode,
            hosts: z.array(z.string()),
          }),
        )
        .default([]),
      outboundTrafficPolicy: z
        .strictObject({
          // Zero is what the wire has for an empty object, and zero is REGISTRY_ONLY.
          mode: z.enum(['REGISTRY_ONLY', 'ALLOW_ANY']).default('REGISTRY_ONLY'),
          egressProxy: ignored('calls to hosts that nobody declared are refused here'),
        })
        .optional(),
      inboundConnectionPool: connectionPool.optional(),
    })
    .prefault({}),
});

type Spec = z.output<typeof schema>['spec'];

export const sidecarKind = defineKind<Sidecar, typeof schema>({
  group: 'networking.istio.io',
  kind: 'Sidecar',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  schema,
  decode: ({ spec }, context) => {
    checkParts(spec, context);
    const { workloadSelector, outboundTrafficPolicy, inboundConnectionPool } = spec;
    const labels = workloadSelector?.labels ?? {};
    return {
      spec: {
        ...(Object.keys(labels).length === 0 ? {} : { workloadSelector: labels }),
        ingress: spec.ingress.map((one, index) => decodeIngress(one, ['spec', 'ingress', index], context)),
        egress: spec.egress.map((one, index) => decodeEgress(one, ['spec', 'egress', index], context)),
        ...present({
          outboundTrafficPolicy: outboundTrafficPolicy && {
            origin: context.at(['spec', 'outboundTrafficPolicy']),
            mode: outboundTrafficPolicy.mode,
          },
          inboundConnectionPool:
            inboundConnectionPool && decodePool(inboundConnectionPool, ['spec', 'inboundConnectionPool'], context),
        }),
      },
    };
  },
});

function checkParts(spec: Spec, context: DecodeContext): void {
  const { ingress, egress, outboundTrafficPolicy, inboundConnectionPool } = spec;
  if (ingress.length + egress.length > 0 || outboundTrafficPolicy !== undefined || inboundConnectionPool !== undefined)
    return;
  context.error(['spec'], {
    message: 'the Sidecar configures nothing',
    remedy: 'Add egress, ingress, outboundTrafficPolicy or inboundConnectionPool.',
  });
}

function decodeIngress(value: Spec['ingress'][number], path: Path, context: DecodeContext): SidecarIngress {
  const number = checkPort(value.port.number, [...path, 'port'], context);
  reportCaptureMode(value.captureMode, path, context);
  const app = appOf(value.defaultEndpoint, [...path, 'defaultEndpoint'], context);
  return {
    origin: context.at(path),
    port: number,
    ...present({
      protocol: value.port.protocol?.toUpperCase(),
      ...app,
      connectionPool: value.connectionPool && decodePool(value.connectionPool, [...path, 'connectionPool'], context),
    }),
    isServed: context.refusedBelow(path).length === 0,
  };
}

/** `127.0.0.1:PORT`, `0.0.0.0:PORT` and their IPv6 kin all lead to the app. */
function appOf(
  endpoint: string,
  path: Path,
  context: DecodeContext,
): { readonly appPort?: number; readonly appSocket?: string } {
  if (endpoint === '') return {};
  if (endpoint.startsWith('unix://')) {
    const fault = socketFault(endpoint, false);
    if (fault !== undefined) context.error(path, fault);
    return { appSocket: endpoint };
  }
  const [, digits = ''] = /^(?:127\.0\.0\.1|0\.0\.0\.0|\[::1\]|\[::\]):([0-9]+)$/.exec(endpoint) ?? [];
  const number = Number(digits);
  if (number >= 1 && number <= 65_535) return { appPort: number };
  context.error(path, {
    message: `"${endpoint}" is no address of the app`,
    remedy: 'Write 127.0.0.1:PORT, 0.0.0.0:PORT or unix:///path.',
  });
  return {};
}

function decodeEgress(value: Spec['egress'][number], path: Path, context: DecodeContext): SidecarEgress {
  reportCaptureMode(value.captureMode, path, context);
  if (value.hosts.length === 0) {
    context.error([...path, 'hosts'], {
      message: 'the egress entry has no hosts',
      remedy: 'Write "./*" for the own namespace, "*/*" for all, or "~/*" for none.',
    });
  }
  const number = value.port === undefined ? undefined : checkPort(value.port.number, [...path, 'port'], context);
  return {
    origin: context.at(path),
    ...present({ port: number }),
    hosts: value.hosts.map((text, index) => decodeHost(text, [...path, 'hosts', index], context)),
  };
}

const hostPattern = /^(?:\*|(?:\*\.)?[a-z0-9_]([-a-z0-9_]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$/i;

function decodeHost(text: string, path: Path, context: DecodeContext): SidecarHost {
  const [namespace = '', host = '', ...rest] = text.split('/');
  const isNamespace = /^(?:\*|\.|~|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$/.test(namespace);
  if (rest.length > 0 || !isNamespace || !hostPattern.test(host)) {
    context.error(path, {
      message: `"${text}" is not of the form NAMESPACE/HOST`,
      remedy: 'Write for example "./*", "*/name.namespace.svc.cluster.local" or "istio-system/*".',
    });
  }
  return { namespace, host: host.toLowerCase() };
}

function checkPort(number: number, path: Path, context: DecodeContext): number {
  if (number >= 1 && number <= 65_535) return number;
  context.error(path, { message: `${number} is not a port`, remedy: 'Write port.number from 1 to 65535.' });
  return number;
}

function reportCaptureMode(mode: z.output<typeof captureMode>, path: Path, context: DecodeContext): void {
  if (mode !== 'NONE') return;
  context.ignore([...path, 'captureMode'], {
    message: 'captureMode NONE has no effect: nothing is captured here, apps are told where their sidecar listens',
    remedy: 'Nothing to do; `sallyport run` shows the address, and the environment of a started app names it.',
  });
}

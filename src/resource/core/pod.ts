import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { portNumber, present } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { acceptedBecause, acceptedFields } from '../schema.ts';
import { containerProbe, decodeProbe, type Probe } from './probe.ts';
import { mountedVolumes, volume, volumeMount, type MountedVolume } from './volumes.ts';
import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject } from '../object.ts';

export interface Pod extends ResourceObject {
  readonly spec: PodSpec;
}

/** What a traffic path needs to know of a pod. */
export interface PodSpec {
  /** `default` where none is written. */
  readonly serviceAccountName: Located<string>;
  /** Of all containers, sidecar-style init containers included. */
  readonly containerPorts: readonly ContainerPort[];
  /** Of the containers that have some; absent: of none. */
  readonly probes?: readonly ContainerProbes[];
  /** False: no environment variables for the Services of the namespace. Absent: as is usual. */
  readonly enableServiceLinks?: false;
  /** What is mounted into the proxy's own container; absent: nothing that could be known. */
  readonly proxyMounts?: readonly MountedVolume[];
}

export interface ContainerPort {
  readonly origin: Origin;
  /** Empty where it has none. */
  readonly name: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
}

/** How a container is asked whether it can take calls. */
export interface ContainerProbes {
  readonly container: string;
  /** Until it succeeds the container is not ready, and the other one is not asked. */
  readonly startup?: Probe;
  readonly readiness?: Probe;
}

const container = z.strictObject({
  name: z.string().default(''),
  ports: z
    .array(
      z.strictObject({
        name: z.string().max(15).default(''),
        containerPort: portNumber,
        protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
        ...acceptedFields('hostIP', 'hostPort'),
      }),
    )
    .default([]),
  readinessProbe: containerProbe.optional(),
  startupProbe: containerProbe.optional(),
  volumeMounts: z.array(volumeMount).default([]),
  livenessProbe: acceptedBecause('starting an application again is the business of whoever started it'),
  // What a container runs and how is the business of whoever starts the workload.
  ...acceptedFields(
    'args',
    'command',
    'env',
    'envFrom',
    'image',
    'imagePullPolicy',
    'lifecycle',
    'resizePolicy',
    'resources',
    'restartPolicy',
    'restartPolicyRules',
    'securityContext',
    'stdin',
    'stdinOnce',
    'terminationMessagePath',
    'terminationMessagePolicy',
    'tty',
    'volumeDevices',
    'workingDir',
  ),
});

/** `core/v1.PodSpec`, as far as it says who the pod is and where it listens. */
export const podSpec = z.strictObject({
  serviceAccountName: z.string().optional(),
  serviceAccount: z.string().optional(),
  containers: z.array(container).default([]),
  initContainers: z.array(container).default([]),
  enableServiceLinks: z.boolean().optional(),
  volumes: z.array(volume).default([]),
  ...acceptedFields(
    'activeDeadlineSeconds',
    'affinity',
    'automountServiceAccountToken',
    'dnsConfig',
    'dnsPolicy',
    'ephemeralContainers',
    'hostAliases',
    'hostIPC',
    'hostNetwork',
    'hostPID',
    'hostUsers',
    'hostname',
    'hostnameOverride',
    'imagePullSecrets',
    'nodeName',
    'nodeSelector',
    'os',
    'overhead',
    'preemptionPolicy',
    'priority',
    'priorityClassName',
    'readinessGates',
    'resourceClaims',
    'resources',
    'restartPolicy',
    'runtimeClassName',
    'schedulerName',
    'schedulingGates',
    'securityContext',
    'setHostnameAsFQDN',
    'shareProcessNamespace',
    'subdomain',
    'terminationGracePeriodSeconds',
    'tolerations',
    'topologySpreadConstraints',
    'workloadRef',
  ),
});

const schema = objectOf({ spec: podSpec });

export const podKind = defineKind<Pod, typeof schema>({
  group: '',
  kind: 'Pod',
  versions: ['v1'],
  schema,
  decode: ({ spec }, context) => ({ spec: decodePodSpec(spec, ['spec'], context) }),
});

export function decodePodSpec(spec: z.output<typeof podSpec>, path: Path, context: DecodeContext): PodSpec {
  // `serviceAccount` is the field's old name, which `kubectl get` still prints beside the new one.
  const field = spec.serviceAccountName === undefined ? 'serviceAccount' : 'serviceAccountName';
  const serviceAccountName = spec[field] ?? '';
  return {
    serviceAccountName: {
      value: serviceAccountName === '' ? 'default' : serviceAccountName,
      origin: context.at([...path, field]),
    },
    containerPorts: (['containers', 'initContainers'] as const).flatMap((list) =>
      spec[list].flatMap((one, index) =>
        one.ports.map(({ name, containerPort, protocol }, at) => ({
          origin: context.at([...path, list, index, 'ports', at]),
          name,
          port: containerPort,
          protocol,
        })),
      ),
    ),
    ...probesOf(spec, path, context),
    ...(spec.enableServiceLinks === false ? { enableServiceLinks: false } : {}),
    ...proxyMountsOf(spec),
  };
}

/** The name of Istio's container, at a gateway and where a manifest adds to what is injected. */
const proxyContainer = 'istio-proxy';

function proxyMountsOf({
  volumes,
  containers,
  initContainers,
}: z.output<typeof podSpec>): Pick<PodSpec, 'proxyMounts'> {
  const proxies = [...containers, ...initContainers].filter(({ name }) => name === proxyContainer);
  const proxyMounts = proxies.flatMap(({ volumeMounts }) => mountedVolumes(volumes, volumeMounts));
  return proxyMounts.length === 0 ? {} : { proxyMounts };
}

function probesOf(spec: z.output<typeof podSpec>, path: Path, context: DecodeContext): Pick<PodSpec, 'probes'> {
  const probes = (['containers', 'initContainers'] as const).flatMap((list) =>
    spec[list].flatMap((one, index): readonly ContainerProbes[] => {
      const portNamed = (name: string) => one.ports.find((port) => port.name === name)?.containerPort;
      const decode = (field: 'startupProbe' | 'readinessProbe'): Probe | undefined => {
        const written = one[field];
        return (
          written &&
          decodeProbe(written, { path: [...path, list, index, field], portNamed, needsHandler: true, context })
        );
      };
      const found = present({ startup: decode('startupProbe'), readiness: decode('readinessProbe') });
      return Object.keys(found).length === 0 ? [] : [{ container: one.name, ...found }];
    }),
  );
  return probes.length === 0 ? {} : { probes };
}

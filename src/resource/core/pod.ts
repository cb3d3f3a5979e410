import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { portNumber } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { acceptedFields } from '../schema.ts';
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
  /** False: no environment variables for the Services of the namespace. Absent: as is usual. */
  readonly enableServiceLinks?: false;
}

export interface ContainerPort {
  readonly origin: Origin;
  readonly container: string;
  /** Empty where it has none. */
  readonly name: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
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
  // What a container runs and how is the business of whoever starts the workload.
  ...acceptedFields(
    'args',
    'command',
    'env',
    'envFrom',
    'image',
    'imagePullPolicy',
    'lifecycle',
    'livenessProbe',
    'readinessProbe',
    'resizePolicy',
    'resources',
    'restartPolicy',
    'restartPolicyRules',
    'securityContext',
    'startupProbe',
    'stdin',
    'stdinOnce',
    'terminationMessagePath',
    'terminationMessagePolicy',
    'tty',
    'volumeDevices',
    'volumeMounts',
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
    'volumes',
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
          container: one.name,
          name,
          port: containerPort,
          protocol,
        })),
      ),
    ),
    ...(spec.enableServiceLinks === false ? { enableServiceLinks: false } : {}),
  };
}

import { diagnose, formatOrigin, qualifiedName, type Origin } from '../base/index.ts';
import {
  userVolumes,
  type ContainerPort,
  type ContainerProbes,
  type MountedVolume,
  type PodSpec,
  type Service,
  type WorkloadEntry,
} from '../resource/index.ts';
import { codes } from './codes.ts';
import { hasLabels, type Labels } from './labels.ts';
import type { MountModel } from './model.ts';
import { probesOfGroup } from './probes.ts';
import { groupBy, type World } from './world.ts';

/** Something that runs an app: a carrier of a pod template, a Pod, or a WorkloadEntry. */
export interface WorkloadSource {
  readonly origin: Origin;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly serviceAccount: string;
  /** TCP only. */
  readonly containerPorts: readonly ContainerPort[];
  readonly entry?: WorkloadEntry;
  /** It is told of the Services of its namespace by environment variables, as by a kubelet. */
  readonly hasServiceLinks: boolean;
  readonly probes: readonly ContainerProbes[];
  /** Of the proxy's container. */
  readonly proxyMounts: readonly MountedVolume[];
}

/** All workloads of the YAML, in the order of namespace and name, and how a Service finds its own. */
export interface WorkloadSources {
  readonly all: readonly WorkloadSource[];
  readonly byKey: ReadonlyMap<string, WorkloadSource>;
  /** Those that a Service's selector picks; none without a selector. */
  readonly selectedBy: (service: Service) => readonly WorkloadSource[];
  /** Those that have all of these labels, at least one: of one namespace, or of all. */
  readonly withLabels: (wanted: Labels, namespace?: string) => readonly WorkloadSource[];
}

export function collectWorkloads(world: World): WorkloadSources {
  const byKey = new Map<string, WorkloadSource>();
  for (const source of allSources(world)) {
    const key = qualifiedName(source);
    const first = byKey.get(key);
    if (first === undefined) byKey.set(key, source);
    else reportTaken(world, source, first);
  }
  const all = [...byKey.values()];
  // Any label that is wanted narrows the search to the workloads that carry it; the rest is then compared in full.
  const byLabel = groupBy(
    all.flatMap((source) =>
      Object.entries(source.labels).map(([key, value]) => ({ source, label: `${key}=${value}` })),
    ),
    ({ label }) => label,
  );
  const withLabels = (wanted: Labels, namespace?: string): readonly WorkloadSource[] => {
    const [first] = Object.entries(wanted);
    const candidates = first === undefined ? [] : (byLabel.get(`${first[0]}=${first[1]}`) ?? []);
    return candidates
      .map(({ source }) => source)
      .filter((source) => (namespace ?? source.namespace) === source.namespace && hasLabels(source.labels, wanted));
  };
  const selectedBy = ({ metadata, spec }: Service): readonly WorkloadSource[] =>
    withLabels(spec.selector, metadata.namespace);
  return { all, byKey, selectedBy, withLabels };
}

function allSources(world: World): readonly WorkloadSource[] {
  const { deployments, statefulSets, daemonSets, pods, workloadEntries } = world.resources;
  return [
    ...[...deployments, ...statefulSets, ...daemonSets].map(({ origin, metadata, spec: { template } }) => ({
      origin,
      namespace: metadata.namespace,
      name: metadata.name,
      labels: template.labels,
      annotations: template.annotations,
      ...fromPodSpec(template.spec, template.annotations),
    })),
    ...pods.map(({ origin, metadata, spec }) => ({
      origin,
      namespace: metadata.namespace,
      name: metadata.name,
      labels: metadata.labels,
      annotations: metadata.annotations,
      ...fromPodSpec(spec, metadata.annotations),
    })),
    ...workloadEntries.map((entry) => ({
      origin: entry.origin,
      namespace: entry.metadata.namespace,
      name: entry.metadata.name,
      labels: { ...entry.metadata.labels, ...entry.spec.labels },
      annotations: entry.metadata.annotations,
      serviceAccount: entry.spec.serviceAccount,
      containerPorts: [],
      entry,
      hasServiceLinks: true,
      probes: probesOfGroup(world, entry.metadata),
      proxyMounts: [],
    })),
  ];
}

function fromPodSpec(
  spec: PodSpec,
  annotations: Labels,
): Pick<WorkloadSource, 'serviceAccount' | 'containerPorts' | 'hasServiceLinks' | 'probes' | 'proxyMounts'> {
  return {
    serviceAccount: spec.serviceAccountName.value,
    containerPorts: spec.containerPorts.filter(({ protocol }) => protocol === 'TCP'),
    hasServiceLinks: spec.enableServiceLinks !== false,
    probes: spec.probes ?? [],
    proxyMounts: [...(spec.proxyMounts ?? []), ...userVolumes(annotations)],
  };
}

function reportTaken(world: World, source: WorkloadSource, first: WorkloadSource): void {
  world.report(
    diagnose(codes.workloadNameTaken, {
      origin: source.origin,
      message: `not served: ${formatOrigin(first.origin)} has the same namespace and name`,
      remedy: 'Rename one of the two; a workload here is known by namespace and name.',
    }),
  );
}

/** As an identity has it. */
export function mountsPart({ namespace, proxyMounts }: WorkloadSource): { readonly mounts?: readonly MountModel[] } {
  return proxyMounts.length === 0 ? {} : { mounts: proxyMounts.map((mount) => ({ ...mount, namespace })) };
}

/** Istio's opt-out of a sidecar, as pod label or annotation. */
export function hasProxy({ labels, annotations }: WorkloadSource): boolean {
  return (labels['sidecar.istio.io/inject'] ?? annotations['sidecar.istio.io/inject']) !== 'false';
}

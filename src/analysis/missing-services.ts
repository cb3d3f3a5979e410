import { qualifiedName, type Origin } from '../base/index.ts';
import type { AuthorizationPolicy, BackendObjectRef, RuleFilters, Service, VirtualService } from '../resource/index.ts';
import { compareObjects } from './age.ts';
import { hasLabels, type Labels } from './labels.ts';
import type { AddedObject, WorkloadBinding } from './options.ts';
import { fullHostName, groupBy, keyOf, type WorldInput } from './world.ts';

/** The label that names an app, as Kubernetes recommends it. */
const nameLabel = 'app.kubernetes.io/name';

/** Services that backendRefs name and nobody wrote, and workloads for Services that select none. */
export function missingServices(world: WorldInput): readonly AddedObject[] {
  const { resources } = world;
  const input: Search = { ...world, candidates: groupBy(allCandidates(world), ({ namespace }) => namespace) };
  const present = new Set([
    ...resources.services.map(keyOf),
    ...resources.rejected.filter(({ origin }) => origin.kind === 'Service').map(({ origin }) => qualifiedName(origin)),
  ]);
  const ofConnections = [...resources.tlsRoutes, ...resources.tcpRoutes]
    .flatMap(({ spec }) => spec.rules.flatMap(({ backendRefs }) => backendRefs))
    .filter(isServiceRef)
    .map((ref) => ({ ...ref, isBytes: true }));
  const ofRoutes = [...resources.httpRoutes, ...resources.grpcRoutes]
    .flatMap(({ spec }) => spec.rules.flatMap(({ backendRefs, filters }) => [backendRefs, mirrorsOf(filters)]))
    .flat()
    .filter(isServiceRef);
  const refs: readonly ServiceRef[] = [
    ...ofRoutes,
    ...ofConnections,
    ...resources.virtualServices.flatMap(virtualRefs),
  ];
  const routed = groupBy(refs, qualifiedName);
  const absent = [...routed].filter(([key]) => !present.has(key)).flatMap(([, group]) => serviceFor(input, group));
  const behindWritten = resources.services
    .filter((service) => routed.has(keyOf(service)))
    .flatMap((service) => workloadBehind(input, service, routed.get(keyOf(service)) ?? []));
  const behind = [...absent, ...behindWritten];
  return [...behind, ...boundAlone(input, behind)];
}

type ServiceRef = Pick<BackendObjectRef, 'origin' | 'namespace' | 'name' | 'port'> & {
  /** Whole connections are sent there, which need not speak gRPC. */
  readonly isBytes?: boolean;
};

function isServiceRef({ group, kind }: BackendObjectRef): boolean {
  return group === '' && kind === 'Service';
}

/** Services that a VirtualService sends to, by a short or the full name; those without a port could have any. */
function virtualRefs({ metadata, spec }: VirtualService): readonly ServiceRef[] {
  const ofRequests = spec.http.flatMap((route) => [...route.destinations, ...(route.mirrors ?? [])]);
  const ofConnections = [...spec.tls, ...spec.tcp].flatMap(({ destinations }) => destinations);
  const wanted = [
    ...ofRequests.map(({ destination }) => ({ ...destination, isBytes: false })),
    ...ofConnections.map(({ destination }) => ({ ...destination, isBytes: true })),
  ];
  return wanted.flatMap(({ host, port, origin, isBytes }) => {
    const full = /^([a-z0-9-]+)\.([a-z0-9-]+)\.svc\.cluster\.local$/.exec(fullHostName(host, metadata.namespace));
    const [, name, namespace] = full ?? [];
    return name === undefined || namespace === undefined || port === undefined
      ? []
      : [{ origin, namespace, name, port, isBytes }];
  });
}

function mirrorsOf({ mirrors }: RuleFilters): readonly BackendObjectRef[] {
  return mirrors.map(({ backendRef }) => backendRef);
}

/** Workloads that were given an address, but neither a manifest nor a Service that asks for them. */
function boundAlone(input: Search, added: readonly AddedObject[]): readonly AddedObject[] {
  const supplied = new Set(added.filter(({ kind }) => kind === 'Deployment').map(qualifiedName));
  const isKnown = ({ namespace, name }: WorkloadBinding): boolean =>
    supplied.has(`${namespace}/${name}`) || candidatesOf(input, namespace).some((candidate) => candidate.name === name);
  const unknown = groupBy(
    input.bindings.filter((binding) => !isKnown(binding)),
    qualifiedName,
  );
  return [...unknown.values()].flatMap((bindings) => {
    const [first] = bindings;
    if (first === undefined) return [];
    const { namespace, name, origin } = first;
    const labels = { [nameLabel]: name, ...policyLabels(input, namespace, name) };
    const ports = bindings.flatMap(({ addresses }) => addresses.map(({ port, portNumber }) => port ?? portNumber));
    const why = 'an address was given for it';
    return [deployment({ namespace, name, labels, containerPorts: [...new Set(ports)], neededBy: origin, why })];
  });
}

interface Candidate {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
}

interface Search extends WorldInput {
  /** The workloads of the YAML, by namespace. */
  readonly candidates: ReadonlyMap<string, readonly Candidate[]>;
}

function candidatesOf({ candidates }: Search, namespace: string): readonly Candidate[] {
  return candidates.get(namespace) ?? [];
}

function allCandidates({ resources }: WorldInput): readonly Candidate[] {
  const { deployments, statefulSets, daemonSets, pods, workloadEntries } = resources;
  return [
    ...[...deployments, ...statefulSets, ...daemonSets].map(({ metadata, spec: { template } }) => ({
      namespace: metadata.namespace,
      name: metadata.name,
      labels: template.labels,
      ports: template.spec.containerPorts,
    })),
    ...pods.map(({ metadata, spec }) => ({
      namespace: metadata.namespace,
      name: metadata.name,
      labels: metadata.labels,
      ports: spec.containerPorts,
    })),
    ...workloadEntries.map(({ metadata, spec }) => ({
      namespace: metadata.namespace,
      name: metadata.name,
      labels: { ...metadata.labels, ...spec.labels },
      ports: Object.entries(spec.ports).map(([name, port]) => ({ name, port })),
    })),
  ];
}

const behindService = 'a Service leads to it and no workload has its labels';

/** A Service for the workload of its name; with it the workload, where there is none either. */
function serviceFor(input: Search, refs: readonly ServiceRef[]): readonly AddedObject[] {
  const [first] = refs;
  if (first === undefined) return [];
  const { namespace, name } = first;
  const ports = [...new Set(refs.flatMap(({ port }) => port ?? []))].sort((a, b) => a - b);
  const isBytes = (port: number): boolean => refs.every((ref) => ref.port !== port || ref.isBytes === true);
  const existing = candidatesOf(input, namespace).find(
    ({ name: own, labels }) => own === name || labels[nameLabel] === name || labels['app'] === name,
  );
  const binding = bindingFor(input, namespace, name);
  const selector =
    existing === undefined
      ? { [nameLabel]: name, ...policyLabels(input, namespace, name) }
      : selectorOf(existing, name);
  const known = existing?.ports.find((port) => port.name.startsWith('grpc')) ?? existing?.ports[0];
  const target = known?.port ?? appPort(binding);
  const service: AddedObject = {
    kind: 'Service',
    namespace,
    name,
    why: `a backendRef names it; port ${ports.join(', ')} for ${ports.every(isBytes) ? 'TCP' : 'gRPC'}, leading to workload "${existing?.name ?? binding?.name ?? name}"`,
    neededBy: first.origin,
    manifest: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: {
        selector,
        ports: ports.map((port) => ({
          name: `${isBytes(port) ? 'tcp' : 'grpc'}${ports.length === 1 ? '' : `-${port}`}`,
          port,
          targetPort: target ?? port,
        })),
      },
    },
  };
  if (existing !== undefined) return [service];
  const containerPorts = target === undefined ? ports : [target];
  return [
    service,
    deployment({
      namespace,
      name: binding?.name ?? name,
      labels: selector,
      containerPorts,
      neededBy: first.origin,
      why: behindService,
    }),
  ];
}

/** The smallest selector that says what it means; all labels where the workload has no name label. */
function selectorOf({ labels }: Candidate, name: string): Labels {
  for (const key of [nameLabel, 'app']) if (labels[key] === name) return { [key]: name };
  return labels;
}

function workloadBehind(input: Search, service: Service, refs: readonly ServiceRef[]): readonly AddedObject[] {
  const { namespace, name } = service.metadata;
  const { selector, ports } = service.spec;
  const [first] = refs;
  const isMissing =
    Object.keys(selector).length > 0 &&
    !candidatesOf(input, namespace).some(({ labels }) => hasLabels(labels, selector));
  if (first === undefined || !isMissing) return [];
  const binding = bindingFor(input, namespace, name);
  const labels = { ...policyLabels(input, namespace, name), ...selector };
  const named = ports.flatMap(({ targetPort }) => (typeof targetPort === 'string' ? [targetPort] : []));
  const numbers = ports.flatMap(({ targetPort }) => (typeof targetPort === 'number' ? [targetPort] : []));
  const [portName] = named;
  const containerPorts = numbers.length > 0 ? numbers : [appPort(binding) ?? ports[0]?.port ?? 0];
  return [
    deployment({
      namespace,
      name: binding?.name ?? name,
      labels,
      containerPorts: [...new Set(containerPorts)],
      neededBy: service.origin,
      why: behindService,
      ...(portName === undefined ? {} : { portName }),
    }),
  ];
}

/** The address given for the workload of this name, else the only one of the namespace that no workload has. */
function bindingFor(input: Search, namespace: string, name: string): WorkloadBinding | undefined {
  const known = new Set(candidatesOf(input, namespace).map((candidate) => candidate.name));
  const free = input.bindings.filter((binding) => binding.namespace === namespace && !known.has(binding.name));
  return free.find((binding) => binding.name === name) ?? (free.length === 1 ? free[0] : undefined);
}

function appPort(binding: WorkloadBinding | undefined): number | undefined {
  const [first] = binding?.addresses ?? [];
  return first?.port ?? first?.portNumber;
}

/** The labels by which a policy of the namespace selects the app of this name. */
function policyLabels({ resources }: Search, namespace: string, name: string): Labels {
  const means = ({ metadata, spec }: AuthorizationPolicy): boolean =>
    metadata.namespace === namespace && Object.values(spec.selector?.matchLabels ?? {}).includes(name);
  const labels: Record<string, string> = {};
  // The oldest policy that says something about a label is right.
  for (const { spec } of resources.authorizationPolicies.filter(means).sort(compareObjects).reverse()) {
    Object.assign(labels, spec.selector?.matchLabels);
  }
  return labels;
}

function deployment(input: {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly containerPorts: readonly number[];
  readonly portName?: string;
  readonly neededBy: Origin;
  readonly why: string;
}): AddedObject {
  const { namespace, name, labels, containerPorts, portName, neededBy, why } = input;
  return {
    kind: 'Deployment',
    namespace,
    name,
    why: `${why}; container port ${containerPorts.join(', ')}, service account "default"`,
    neededBy,
    manifest: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: 'default',
            containers: [
              {
                name,
                image: name,
                ports: containerPorts.map((containerPort, index) => ({
                  containerPort,
                  ...(index === 0 && portName !== undefined ? { name: portName } : {}),
                })),
              },
            ],
          },
        },
      },
    },
  };
}

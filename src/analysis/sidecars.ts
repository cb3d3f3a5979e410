import { diagnose, formatOrigin } from '../base/index.ts';
import type { Sidecar } from '../resource/index.ts';
import { compareObjects } from './age.ts';
import { codes } from './codes.ts';
import { hostnameCovers } from './hostname.ts';
import { hasLabels } from './labels.ts';
import type { ClientModel, WorkloadModel } from './model.ts';
import { groupBy, keyOf, type World } from './world.ts';

/**
 * The Sidecar of a workload: the oldest of its namespace that selects it, else the namespace's own without a selector, else
 * that of the root namespace (istio.io/latest/docs/reference/config/networking/sidecar).
 */
export function sidecarFor({ resources, options }: World, workload: ClientModel): Sidecar | undefined {
  if (resources.sidecars.length === 0) return undefined;
  const sorted = [...resources.sidecars].sort(compareObjects);
  const ofNamespace = (namespace: string) => sorted.filter(({ metadata }) => metadata.namespace === namespace);
  const own = ofNamespace(workload.namespace);
  return (
    own.find(({ spec }) => spec.workloadSelector !== undefined && hasLabels(workload.labels, spec.workloadSelector)) ??
    own.find(({ spec }) => spec.workloadSelector === undefined) ??
    ofNamespace(options.rootNamespace).find(({ spec }) => spec.workloadSelector === undefined)
  );
}

/** Sidecars that do not count, since an older one is for the same workloads. */
export function reportSidecars(world: World, workloads: Iterable<WorkloadModel>): void {
  for (const { name, identity } of workloads) {
    const [first, ...rest] = [...world.resources.sidecars]
      .sort(compareObjects)
      .filter(({ metadata, spec: { workloadSelector } }) => {
        const isHere = metadata.namespace === identity.namespace;
        return isHere && workloadSelector !== undefined && hasLabels(identity.labels, workloadSelector);
      });
    if (first === undefined) continue;
    for (const { origin } of rest) {
      world.report(
        diagnose(codes.sidecarSelectedTwice, {
          origin,
          message: `ignored for ${identity.namespace}/${name}: ${formatOrigin(first.origin)} selects it too, and is older or first by name`,
          remedy: 'Let each workload be selected by one Sidecar.',
        }),
      );
    }
  }
  const wide = world.resources.sidecars.filter(({ spec }) => spec.workloadSelector === undefined);
  for (const [namespace, same] of groupBy([...wide].sort(compareObjects), ({ metadata }) => metadata.namespace)) {
    const [first, ...others] = same;
    if (first === undefined) continue;
    for (const { origin } of others) {
      world.report(
        diagnose(codes.sidecarShadowed, {
          origin,
          message: `ignored: namespace "${namespace}" already has ${formatOrigin(first.origin)}`,
          remedy: 'Keep one Sidecar without a workloadSelector in each namespace.',
        }),
      );
    }
  }
}

/** Whether `egress` lets a workload of this namespace see a host on a port. */
export function isImported(
  { spec }: Sidecar,
  called: { readonly host: string; readonly port: number; readonly namespace: string; readonly from: string },
): boolean {
  return importedHosts(spec, called).some((host) => hostnameCovers(host, called.host));
}

/**
 * Whether `egress` lets a workload of this namespace have the routes of a namespace for these hosts, which go by their own
 * namespace and not by the service's. A VirtualService with a wildcard is there for each host below it, routes on Services
 * are not (pilot/pkg/model/sidecar.go, VSMatches).
 */
export function importsRoutes(
  { spec }: Sidecar,
  routes: {
    readonly hosts: readonly string[];
    readonly isGatewayApi: boolean;
    readonly port: number;
    readonly namespace: string;
    readonly from: string;
  },
): boolean {
  const imported = importedHosts(spec, routes);
  return routes.hosts.some((host) =>
    imported.some((one) => hostnameCovers(one, host) || (!routes.isGatewayApi && hostnameCovers(host, one))),
  );
}

/** Of what a namespace has, those that workloads of another (`from`) see on a port. */
function importedHosts(
  { egress }: Sidecar['spec'],
  {
    port: called,
    namespace: owner,
    from,
  }: { readonly port: number; readonly namespace: string; readonly from: string },
): readonly string[] {
  if (egress.length === 0) return ['*'];
  const ofPort = egress.filter(({ port }) => port === called);
  const entries = ofPort.length > 0 ? ofPort : egress.filter(({ port }) => port === undefined);
  return entries
    .flatMap(({ hosts }) => hosts)
    .filter(({ namespace }) => namespace === '*' || owner === (namespace === '.' ? from : namespace))
    .map(({ host }) => host);
}

/** For ids of the plan. */
export function sidecarKey(sidecar: Sidecar | undefined): string {
  return sidecar === undefined ? '' : keyOf(sidecar);
}

import { compareText, diagnose, qualifiedName } from '../base/index.ts';
import type { IstioGateway } from '../resource/index.ts';
import { compareObjects } from './age.ts';
import { codes } from './codes.ts';
import { formatLabels, hasLabels, type Labels } from './labels.ts';
import type { Identity, MountModel } from './model.ts';
import { mountsPart, type WorkloadSource, type WorkloadSources } from './workload-sources.ts';
import type { World } from './world.ts';

/** One gateway proxy with the Istio Gateways that select it, oldest first. */
export interface IstioGatewayProxy {
  /** The name of its workload, else of the oldest Gateway. */
  readonly name: string;
  readonly identity: Identity;
  readonly gateways: readonly IstioGateway[];
  /** The workload of the YAML; absent: assumed. */
  readonly workload?: WorkloadSource;
}

/**
 * The proxies that Istio Gateways select, by labels of their pods in any namespace (istio.md 4.5). Where no workload of the
 * YAML has the labels, one proxy is assumed for all Gateways whose selectors it could satisfy together.
 */
export function istioGatewayProxies(world: World, sources: WorkloadSources): readonly IstioGatewayProxy[] {
  const sorted = [...world.resources.istioGateways].sort(compareObjects);
  const places = new Map<string, Place>();
  // Those that ask for most first, so that a Gateway with a wider selector joins instead of founding a proxy of its own.
  const strictest = [...sorted].sort((a, b) => labelCount(b) - labelCount(a));
  for (const gateway of strictest) {
    if (labelCount(gateway) === 0) continue;
    for (const workload of sources.withLabels(gateway.spec.selector.value)) {
      const { namespace, name, labels, serviceAccount } = workload;
      const identity = { namespace, serviceAccount, workloadName: name, labels, ...mountsPart(workload) };
      const key = qualifiedName(workload);
      places.set(key, { name, identity, workload });
    }
  }
  for (const gateway of strictest) {
    if (selectedBy(gateway, [...places.values()]).length > 0) continue;
    const identity = assumedIdentity(world, gateway);
    places.set(`assumed ${gateway.metadata.namespace}/${gateway.metadata.name}`, {
      name: gateway.metadata.name,
      identity,
    });
  }
  return [...places.values()]
    .map((place) => nameProxy(world, { ...place, gateways: sorted.filter((gateway) => selects(gateway, place)) }))
    .sort((a, b) => compareText(`${a.identity.namespace}/${a.name}`, `${b.identity.namespace}/${b.name}`));
}

interface Place {
  readonly name: string;
  readonly identity: Identity;
  readonly workload?: WorkloadSource;
}

function labelCount({ spec }: IstioGateway): number {
  return Object.keys(spec.selector.value).length;
}

function selects({ spec }: IstioGateway, { identity }: Place): boolean {
  return hasLabels(identity.labels, spec.selector.value);
}

function selectedBy(gateway: IstioGateway, places: readonly Place[]): readonly Place[] {
  return places.filter((place) => selects(gateway, place));
}

/** An assumed proxy is called after the oldest of its Gateways; no two proxies, nor a Gateway API Gateway, share a name. */
function nameProxy(world: World, proxy: IstioGatewayProxy): IstioGatewayProxy {
  const [oldest] = proxy.gateways;
  const name = proxy.workload === undefined ? (oldest?.metadata.name ?? proxy.name) : proxy.name;
  if (proxy.workload === undefined && oldest !== undefined) reportAssumed(world, oldest, proxy);
  const isTaken = world.gateways.has(`${proxy.identity.namespace}/${name}`);
  return { ...proxy, name: isTaken ? `${name}.networking.istio.io` : name };
}

/** What the charts and profiles of Istio call their gateways: by `istio: ingressgateway`, or `app` and `istio`. */
const classicGateways: ReadonlySet<string> = new Set(['ingressgateway', 'egressgateway']);

function assumedIdentity(world: World, gateway: IstioGateway): Identity {
  const { metadata, spec } = gateway;
  const labels = spec.selector.value;
  const istio = labels['istio'] ?? '';
  const isClassic = classicGateways.has(istio);
  const release = labels['app'] ?? (istio === '' ? metadata.name : `istio-${istio}`);
  const account = isClassic ? `istio-${istio}-service-account` : release;
  const namespace = isClassic && spec.serviceAccount === undefined ? world.options.rootNamespace : metadata.namespace;
  return {
    namespace,
    ...(isClassic ? { mounts: classicMounts(istio, namespace) } : {}),
    serviceAccount: spec.serviceAccount?.value ?? account,
    workloadName: isClassic ? `istio-${istio}` : release,
    labels: assumedLabels(labels, release),
  };
}

/** What the charts and profiles mount, where the Secrets are there. */
function classicMounts(istio: string, namespace: string): readonly MountModel[] {
  return ['certs', 'ca-certs'].map((name) => ({
    namespace,
    mountPath: `/etc/istio/${istio}-${name}`,
    sources: [{ kind: 'Secret', name: `istio-${istio}-${name}` }],
  }));
}

function assumedLabels(labels: Labels, release: string): Labels {
  return { 'service.istio.io/canonical-name': release, 'service.istio.io/canonical-revision': 'latest', ...labels };
}

function reportAssumed(world: World, gateway: IstioGateway, { identity }: IstioGatewayProxy): void {
  const { namespace, serviceAccount } = identity;
  const labels = formatLabels(gateway.spec.selector.value);
  world.report(
    diagnose(codes.istioGatewayWithoutWorkload, {
      origin: gateway.spec.selector.origin,
      message: `selector ${labels === '' ? '(none)' : labels} matches no workload; a gateway in namespace "${namespace}" with service account "${serviceAccount}" serves it`,
      remedy: `Add the gateway's Deployment with these labels, or the annotation networking.istio.io/service-account to let it run in namespace "${gateway.metadata.namespace}" as that account.`,
    }),
  );
}

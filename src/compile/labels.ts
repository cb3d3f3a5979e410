import type { Identity } from '../analysis/index.ts';
import type { WorkloadLabels } from '../plan/index.ts';

/** What Istio calls the one cluster of a mesh where nothing else is configured. */
const clusterName = 'Kubernetes';
const unknown = 'unknown';

export interface LabelContext {
  readonly trustDomain: string;
}

/** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export function spiffeIdOf(
  { namespace, serviceAccount }: Pick<Identity, 'namespace' | 'serviceAccount'>,
  { trustDomain }: LabelContext,
): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

/** The names of a workload in Istio's metrics (istio.md 7.1; canonical names as in Istio's pkg/model/proxy). */
export function workloadLabels(identity: Identity, context: LabelContext): WorkloadLabels {
  const { labels, namespace, workloadName } = identity;
  return {
    workload: workloadName,
    namespace,
    app: labels['app'] ?? unknown,
    version: labels['version'] ?? unknown,
    canonicalService:
      labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? workloadName,
    canonicalRevision:
      labels['service.istio.io/canonical-revision'] ??
      labels['app.kubernetes.io/version'] ??
      labels['version'] ??
      'latest',
    cluster: clusterName,
    principal: spiffeIdOf(identity, context),
  };
}

/** Labels of an endpoint of which nothing is known but its address. */
export function unknownLabels(namespace: string): WorkloadLabels {
  return {
    workload: unknown,
    namespace,
    app: unknown,
    version: unknown,
    canonicalService: unknown,
    canonicalRevision: 'latest',
    cluster: clusterName,
    principal: unknown,
  };
}

function same(first: string, second: string): string {
  return first === second ? first : unknown;
}

/**
 * What can be said of a peer that several workloads could be: what they agree on. A SPIFFE id names a service account,
 * and workloads may share one.
 */
export function commonLabels(a: WorkloadLabels, b: WorkloadLabels): WorkloadLabels {
  return {
    workload: same(a.workload, b.workload),
    namespace: same(a.namespace, b.namespace),
    app: same(a.app, b.app),
    version: same(a.version, b.version),
    canonicalService: same(a.canonicalService, b.canonicalService),
    canonicalRevision: a.canonicalRevision === b.canonicalRevision ? a.canonicalRevision : 'latest',
    cluster: same(a.cluster, b.cluster),
    principal: same(a.principal, b.principal),
  };
}

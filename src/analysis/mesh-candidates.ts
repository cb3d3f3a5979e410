/**
 * Which routes a sidecar applies to a host that several objects have routes for: those of one object alone (istio.md 4.6).
 * HTTPRoutes and GRPCRoutes on Services take part, since Istio makes VirtualServices of them: of each kind one for a namespace
 * and parentRef.port, as old as its oldest route (pilot/pkg/config/kube/gateway, mergeHTTPRoutes).
 */
import type { Origin } from '../base/index.ts';
import { compareObjects } from './age.ts';
import type { MatchedRule } from './model.ts';

export interface MeshCandidate {
  readonly origin: Origin;
  readonly metadata: { readonly namespace: string; readonly name: string; readonly creationTimestamp?: string };
  /** Empty: to all. */
  readonly exportTo: readonly string[];
  readonly isGatewayApi: boolean;
  /** Those for the client and port in question; none where all are for others. */
  readonly matches: () => readonly MatchedRule[];
}

/** The routes of the first candidate that has any; undefined: the host's own default route holds. */
export function firstRoutes(
  candidates: readonly MeshCandidate[],
  clientNamespace: string,
): readonly MatchedRule[] | undefined {
  const ordered = [...candidates].sort(
    (a, b) => nearness(a, clientNamespace) - nearness(b, clientNamespace) || compareObjects(a, b),
  );
  for (const candidate of ordered) {
    const matches = candidate.matches();
    if (matches.length > 0) return matches;
  }
  return undefined;
}

/**
 * What is the client's namespace's own comes first, whatever its age (pilot/pkg/model/virtualservice.go,
 * SelectVirtualServices): what only it sees, what others export to it by name, its own routes on Services, all the rest.
 */
function nearness({ metadata, exportTo, isGatewayApi }: MeshCandidate, namespace: string): number {
  if (exportTo.length > 0) return metadata.namespace === namespace ? 0 : 1;
  return isGatewayApi && metadata.namespace === namespace ? 2 : 3;
}

/** The parts of a SPIFFE id that policies name: `<trust domain>/ns/<namespace>/sa/<service account>`. */

/** Namespace of a principal without `spiffe://`; empty if it is not a workload's id. */
export function namespaceOf(principal: string): string {
  const parts = workloadParts(principal);
  return parts === undefined ? '' : parts.namespace;
}

/** `<namespace>/<service account>`; empty if it is not a workload's id. */
export function serviceAccountOf(principal: string): string {
  const parts = workloadParts(principal);
  return parts === undefined ? '' : `${parts.namespace}/${parts.serviceAccount}`;
}

export function trustDomainOf(principal: string): string {
  const slash = principal.indexOf('/');
  return slash === -1 ? '' : principal.slice(0, slash);
}

/**
 * Istio compares with regular expressions on the whole URI, by which `namespaces: ["*a"]` matches everyone (through the
 * `sa` segment); here the namespace is its segment and nothing else.
 */
function workloadParts(principal: string): { readonly namespace: string; readonly serviceAccount: string } | undefined {
  const [trustDomain, ns, namespace, sa, serviceAccount, ...rest] = principal.split('/');
  if (ns !== 'ns' || sa !== 'sa' || rest.length > 0) return undefined;
  if (!trustDomain || !namespace || !serviceAccount) return undefined;
  return { namespace, serviceAccount };
}

import { compareText, diagnose, qualifiedName, type Diagnostic, type Origin } from '../base/index.ts';
import { codes } from './codes.ts';
import { addedDocument, type AddedDocument } from './added-document.ts';
import { missingGateways } from './missing-gateways.ts';
import { missingServices } from './missing-services.ts';
import type { AddedObject } from './options.ts';
import type { WorldInput } from './world.ts';

export interface Supplied {
  /** To be decoded together with what was written. */
  readonly documents: readonly AddedDocument[];
  readonly added: readonly AddedObject[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * What is referenced but absent, and obvious: the Gateway that a route names, the Service and workload behind it, STRICT
 * mutual TLS, namespaces. Nothing that grants anything: no ReferenceGrant, no AuthorizationPolicy. Nothing unless
 * `options.addMissing`.
 */
export function supplyMissing(input: WorldInput): Supplied {
  if (!input.options.addMissing) return { documents: [], added: [], diagnostics: [] };
  const main = [...missingGateways(input), ...missingServices(input)];
  const added = [...missingNamespaces(input, main), ...main, ...missingStrict(input, main)];
  return {
    documents: added.map(addedDocument),
    added,
    diagnostics: added.map((object) =>
      diagnose(codes.added, {
        origin: object.neededBy,
        message: `supplied ${object.kind} "${qualifiedName(object)}": ${object.why}`,
        remedy: 'Write it to a file of its own before you run this on a cluster.',
      }),
    ),
  };
}

/** Every cluster has these. */
const builtInNamespaces: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public', 'kube-node-lease']);

function missingNamespaces({ resources, options }: WorldInput, added: readonly AddedObject[]): readonly AddedObject[] {
  const known = new Set([...builtInNamespaces, options.rootNamespace]);
  for (const { metadata } of resources.namespaces) known.add(metadata.name);
  const users: readonly { readonly namespace: string; readonly origin: Origin }[] = [
    ...[
      ...resources.gateways,
      ...resources.httpRoutes,
      ...resources.grpcRoutes,
      ...resources.services,
      ...resources.deployments,
    ].map(({ metadata, origin }) => ({ namespace: metadata.namespace, origin })),
    ...added.map(({ namespace, neededBy }) => ({ namespace, origin: neededBy })),
  ];
  const first = new Map(users.toReversed().map(({ namespace, origin }) => [namespace, origin]));
  return [...first]
    .filter(([namespace]) => !known.has(namespace))
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, neededBy]) => ({
      kind: 'Namespace',
      namespace: '',
      name,
      why: 'objects are in it',
      neededBy,
      manifest: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    }));
}

/** STRICT wherever a workload is, unless somebody said something for that namespace or for the mesh. */
function missingStrict({ resources, options }: WorldInput, added: readonly AddedObject[]): readonly AddedObject[] {
  const wide = resources.peerAuthentications.filter(({ spec }) => spec.selector === undefined);
  const said = new Set([
    ...wide.map(({ metadata }) => metadata.namespace),
    ...resources.rejected
      .filter(({ origin }) => origin.kind === 'PeerAuthentication')
      .map(({ origin }) => origin.namespace),
  ]);
  if (said.has(options.rootNamespace)) return [];
  const { deployments, statefulSets, daemonSets, pods, workloadEntries } = resources;
  const users = [
    ...[...deployments, ...statefulSets, ...daemonSets, ...pods, ...workloadEntries].map(({ metadata, origin }) => ({
      namespace: metadata.namespace,
      origin,
    })),
    ...added
      .filter(({ kind }) => kind === 'Deployment')
      .map(({ namespace, neededBy }) => ({ namespace, origin: neededBy })),
  ];
  const first = new Map(users.toReversed().map(({ namespace, origin }) => [namespace, origin]));
  return [...first]
    .filter(([namespace]) => !said.has(namespace))
    .sort(([a], [b]) => compareText(a, b))
    .map(([namespace, neededBy]) => ({
      kind: 'PeerAuthentication',
      namespace,
      name: 'default',
      why: 'no PeerAuthentication speaks for the namespace or the mesh; STRICT, so that nothing without a certificate reaches its workloads',
      neededBy,
      manifest: {
        apiVersion: 'security.istio.io/v1',
        kind: 'PeerAuthentication',
        metadata: { name: 'default', namespace },
        spec: { mtls: { mode: 'STRICT' } },
      },
    }));
}

import { diagnose, formatOrigin, qualifiedName, type Origin } from '../base/index.ts';
import type { PeerAuthentication } from '../resource/index.ts';
import { compareObjects } from './age.ts';
import { codes } from './codes.ts';
import { indexSelectors, type Labels } from './labels.ts';
import type { MtlsModel } from './model.ts';
import { groupBy, type World } from './world.ts';

/** What a workload port takes from its peers; see `makeMtlsLookup`. */
export type MtlsLookup = (workload: {
  readonly namespace: string;
  readonly labels: Labels;
  readonly origin: Origin;
  readonly port: number;
}) => MtlsModel;

interface Scopes {
  /** Oldest first. */
  readonly wide: readonly PeerAuthentication[];
  readonly selecting: (labels: Labels) => readonly PeerAuthentication[];
}

/**
 * Merges PeerAuthentications as Istio's code does (pilot/pkg/security/authn): port, workload, namespace, root namespace,
 * then PERMISSIVE; `UNSET` inherits; in one scope the oldest wins; a selector in the root namespace is ignored.
 */
export function makeMtlsLookup(world: World): MtlsLookup {
  const scopes = new Map<string, Scopes>();
  for (const [namespace, policies] of groupBy(world.resources.peerAuthentications, (item) => item.metadata.namespace)) {
    const sorted = [...policies].sort(compareObjects);
    const wide = sorted.filter(({ spec }) => spec.selector === undefined);
    const selecting = sorted.filter(({ spec }) => spec.selector !== undefined);
    const inRoot = namespace === world.options.rootNamespace;
    reportIgnored(world, { wide, ignored: inRoot ? selecting : [] });
    const index = indexSelectors(inRoot ? [] : selecting, ({ spec }) => spec.selector?.matchLabels ?? {});
    scopes.set(namespace, { wide, selecting: index });
  }
  const refused = refusedByNamespace(world);
  return ({ namespace, labels, origin, port }) => {
    const own = scopes.get(namespace);
    const [selected, ...shadowed] = own?.selecting(labels) ?? [];
    for (const other of shadowed) reportSelectedTwice(world, { other, selected, workload: origin });
    const portLevel = selected?.spec.portLevelMtls.find((item) => item.port === port);
    const wide = [own?.wide[0], scopes.get(world.options.rootNamespace)?.wide[0]];
    const candidates = [
      ...(portLevel === undefined ? [] : [{ mode: portLevel.mode, origin: portLevel.origin }]),
      ...[selected, ...wide].flatMap((item) =>
        item === undefined ? [] : [{ mode: item.spec.mode.value, origin: item.spec.mode.origin }],
      ),
    ];
    // An object that could not be read may have asked for STRICT: without it nothing weaker is offered.
    const unread = refused.get(namespace) ?? refused.get(world.options.rootNamespace);
    if (unread !== undefined) return { mode: 'STRICT', origin: unread };
    for (const { mode, origin: decided } of candidates) if (mode !== 'UNSET') return { mode, origin: decided };
    return { mode: 'PERMISSIVE', origin };
  };
}

function refusedByNamespace(world: World): ReadonlyMap<string, Origin> {
  const refused = world.resources.rejected.filter(({ origin }) => origin.kind === 'PeerAuthentication');
  return new Map(refused.map(({ origin }) => [origin.namespace, origin]));
}

function reportSelectedTwice(
  world: World,
  finding: {
    readonly other: PeerAuthentication;
    readonly selected: PeerAuthentication | undefined;
    readonly workload: Origin;
  },
): void {
  const winner = finding.selected === undefined ? '' : formatOrigin(finding.selected.origin);
  world.report(
    diagnose(codes.peerAuthenticationShadowed, {
      origin: finding.other.origin,
      message: `ignored for ${qualifiedName(finding.workload)}: ${winner} selects it too, and is older or first by name`,
      remedy: 'Let each workload be selected by one PeerAuthentication.',
    }),
  );
}

function reportIgnored(
  world: World,
  scope: { readonly wide: readonly PeerAuthentication[]; readonly ignored: readonly PeerAuthentication[] },
): void {
  const [winner, ...shadowed] = scope.wide;
  for (const { origin } of shadowed) {
    world.report(
      diagnose(codes.peerAuthenticationShadowed, {
        origin,
        message: `ignored: namespace "${origin.namespace}" already has ${winner === undefined ? '' : formatOrigin(winner.origin)}`,
        remedy: 'Keep one PeerAuthentication without a selector in each namespace.',
      }),
    );
  }
  for (const { origin } of scope.ignored) {
    world.report(
      diagnose(codes.peerAuthenticationRootSelector, {
        origin,
        message: `ignored: it has a selector and is in the root namespace "${origin.namespace}"`,
        remedy: 'Move it to the namespace of the workloads it selects.',
      }),
    );
  }
}

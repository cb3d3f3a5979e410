import { diagnose, formatOrigin, type Origin } from '../base/index.ts';
import { compareObjects, whyFirst } from './age.ts';
import { codes } from './codes.ts';
import type { MeshRouteGroup } from './mesh-routes.ts';
import type { VirtualServices } from './virtual-services.ts';
import { groupBy, type World } from './world.ts';

/** What has routes for one host of the mesh. */
interface Claim {
  readonly host: string;
  readonly origin: Origin;
  readonly metadata: { readonly namespace: string; readonly name: string; readonly creationTimestamp?: string };
  /** Empty: to all. */
  readonly exportTo: readonly string[];
  /** Absent: all. */
  readonly ports?: readonly number[];
  readonly place: Origin;
  readonly kind: 'VirtualService' | 'route';
}

/**
 * Sidecars do not merge: who came later has no effect (istio.md 4.6). Not reported is who is hidden from some callers only, by what
 * their namespace has for itself (`mesh-candidates.ts`).
 */
export function findMeshConflicts(
  world: World,
  found: { readonly virtualServices: VirtualServices; readonly groups: readonly MeshRouteGroup[] },
): void {
  const claims = [...found.virtualServices.all.flatMap(claimsOfVirtualService), ...found.groups.map(claimOfRoutes)];
  for (const group of groupBy(claims.sort(compareObjects), ({ host }) => host).values()) {
    for (const [index, claim] of group.entries()) {
      const older = group.slice(0, index).filter((other) => hides(other, claim));
      const first = older.find((other) => !isFarther(other, claim)) ?? older[0];
      if (first !== undefined) report(world, claim, first);
    }
  }
}

function claimsOfVirtualService({ source, hosts, routes }: VirtualServices['all'][number]): readonly Claim[] {
  const { metadata, spec, origin } = source;
  // Routes of connections are looked at in all VirtualServices of a host.
  if (spec.http.length === 0 || !spec.gateways.some(({ value }) => value === 'mesh')) return [];
  const all = routes.flatMap(({ matches }) => (matches.length === 0 ? [undefined] : matches.map(({ port }) => port)));
  const ports = all.filter((port) => port !== undefined);
  return hosts.map((host) => ({
    host: host.value,
    origin,
    metadata,
    exportTo: spec.exportTo,
    ...(ports.length === all.length && ports.length > 0 ? { ports } : {}),
    place: host.origin,
    kind: 'VirtualService',
  }));
}

function claimOfRoutes({ host, origin, metadata, place, port, isConsumer }: MeshRouteGroup): Claim {
  const exportTo = isConsumer ? [metadata.namespace] : [];
  return { host, origin, metadata, exportTo, ...(port === undefined ? {} : { ports: [port] }), place, kind: 'route' };
}

function hides(older: Claim, claim: Claim): boolean {
  const isSeenToo =
    older.exportTo.length === 0
      ? claim.exportTo.length === 0
      : older.exportTo.some((namespace) => claim.exportTo.includes(namespace));
  const { ports } = older;
  return isSeenToo && (ports === undefined || (claim.ports?.every((port) => ports.includes(port)) ?? false));
}

/** Whether it hides a producer's routes from all but their own namespace. */
function isFarther(older: Claim, claim: Claim): boolean {
  return claim.kind === 'route' && older.kind === 'VirtualService' && older.exportTo.length === 0;
}

function report(world: World, claim: Claim, older: Claim): void {
  const { host, place, metadata, kind } = claim;
  const effect = isFarther(older, claim)
    ? `this route counts for callers in namespace "${metadata.namespace}" only`
    : `this ${kind} is ignored for it`;
  world.report(
    diagnose(codes.meshHostConflict, {
      origin: place,
      message: `host "${host}" is bound to the mesh by ${formatOrigin(older.origin)}, which ${whyFirst(older, claim)}: ${effect}`,
      remedy: 'Merge the two; sidecars use one of them for each host.',
    }),
  );
}

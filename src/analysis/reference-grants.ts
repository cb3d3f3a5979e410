import { formatOrigin } from '../base/index.ts';
import type { ReferenceGrant } from '../resource/index.ts';
import type { World } from './world.ts';

export interface CrossReference {
  readonly from: { readonly group: string; readonly kind: string; readonly namespace: string };
  readonly to: { readonly group: string; readonly kind: string; readonly namespace: string; readonly name: string };
}

/** Whether a reference may be followed: inside one namespace always, else only with a ReferenceGrant (GEP-709). */
export function isPermitted(world: World, { from, to }: CrossReference): boolean {
  if (from.namespace === to.namespace) return true;
  const grants = grantsBySource(world.grants.get(to.namespace) ?? []).get(sourceKey(from)) ?? [];
  return grants.some(({ spec }) =>
    spec.to.some(
      (target) =>
        target.group === to.group && target.kind === to.kind && (target.name === undefined || target.name === to.name),
    ),
  );
}

const bySourceBefore = new WeakMap<readonly ReferenceGrant[], ReadonlyMap<string, readonly ReferenceGrant[]>>();

/** A namespace that many others use has a grant for each, and each of their routes asks. */
function grantsBySource(grants: readonly ReferenceGrant[]): ReadonlyMap<string, readonly ReferenceGrant[]> {
  const known = bySourceBefore.get(grants);
  if (known !== undefined) return known;
  const bySource = new Map<string, ReferenceGrant[]>();
  for (const grant of grants) {
    for (const key of new Set(grant.spec.from.map(sourceKey))) {
      const group = bySource.get(key);
      if (group === undefined) bySource.set(key, [grant]);
      else group.push(grant);
    }
  }
  bySourceBefore.set(grants, bySource);
  return bySource;
}

function sourceKey({ group, kind, namespace }: CrossReference['from']): string {
  return `${group}/${kind}/${namespace}`;
}

/** The remedy for a refused reference, with the grant that was nearly enough. */
export function grantRemedy(world: World, reference: CrossReference): string {
  const { from, to } = reference;
  const remedy = `Add a ReferenceGrant in namespace "${to.namespace}" from ${from.kind} of namespace "${from.namespace}" to ${to.kind} "${to.name}".`;
  const near = nearMiss(world, reference);
  return near === undefined ? remedy : `${remedy} ${near}`;
}

/** A grant in which one word is wrong. */
function nearMiss(world: World, { from, to }: CrossReference): string | undefined {
  for (const { origin, metadata, spec } of [...world.grants.values()].flat()) {
    const wrong = [
      ...(metadata.namespace === to.namespace ? [] : [`it is in namespace "${metadata.namespace}"`]),
      ...fewest(
        spec.from.map(({ group, kind, namespace }) => [
          ...mismatch('from.group', group, from.group),
          ...mismatch('from.kind', kind, from.kind),
          ...mismatch('from.namespace', namespace, from.namespace),
        ]),
      ),
      ...fewest(
        spec.to.map(({ group, kind, name = to.name }) => [
          ...mismatch('to.group', group, to.group),
          ...mismatch('to.kind', kind, to.kind),
          ...mismatch('to.name', name, to.name),
        ]),
      ),
    ];
    if (wrong.length === 1) return `${formatOrigin(origin)} does not do it: ${wrong[0]}.`;
  }
  return undefined;
}

function mismatch(field: string, written: string, wanted: string): readonly string[] {
  return written === wanted ? [] : [`its ${field} is "${written}", not "${wanted}"`];
}

function fewest(lists: readonly (readonly string[])[]): readonly string[] {
  return lists.reduce((least, list) => (list.length < least.length ? list : least));
}

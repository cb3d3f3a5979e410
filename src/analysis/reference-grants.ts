import type { World } from './world.ts';

export interface CrossReference {
  readonly from: { readonly group: string; readonly kind: string; readonly namespace: string };
  readonly to: { readonly group: string; readonly kind: string; readonly namespace: string; readonly name: string };
}

/** Whether a reference may be followed: inside one namespace always, else only with a ReferenceGrant (GEP-709). */
export function isPermitted(world: World, { from, to }: CrossReference): boolean {
  if (from.namespace === to.namespace) return true;
  return (world.grants.get(to.namespace) ?? []).some(
    ({ spec }) =>
      spec.from.some(
        (source) => source.group === from.group && source.kind === from.kind && source.namespace === from.namespace,
      ) &&
      spec.to.some(
        (target) =>
          target.group === to.group &&
          target.kind === to.kind &&
          (target.name === undefined || target.name === to.name),
      ),
  );
}

/** The remedy for a refused reference. */
export function grantRemedy({ from, to }: CrossReference): string {
  return `Add a ReferenceGrant in namespace "${to.namespace}" from ${from.kind} of namespace "${from.namespace}" to ${to.kind} "${to.name}".`;
}

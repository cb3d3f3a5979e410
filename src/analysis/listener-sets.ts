/** ListenerSets and the Gateways that let them in (GEP-1713). */
import { diagnose, type Diagnostic } from '../base/index.ts';
import type { Gateway, ListenerSet } from '../resource/index.ts';
import { compareAge } from './age.ts';
import { codes } from './codes.ts';
import { selectorMatches } from './labels.ts';
import type { CheckedListener } from './listeners.ts';
import type { Fault } from './listener-owner.ts';
import { compareText } from '../base/index.ts';
import { keyOf, labelsOfNamespace, type World } from './world.ts';

/** A ListenerSet with what became of it. */
export interface CheckedListenerSet {
  readonly source: ListenerSet;
  /** Empty when refused. */
  readonly listeners: readonly CheckedListener[];
  /** Condition `Accepted` is False because of this, and no listener is looked at. */
  readonly refused?: Fault;
  /** Its Gateway is not accepted, and so not served: `Accepted` is False, though all listeners were looked at. */
  readonly parentFault?: Fault;
}

/** The sets that name a Gateway, in the order in which their listeners count: the oldest first. */
export function setsOf(
  world: World,
  gateway: Gateway,
): readonly { readonly source: ListenerSet; readonly refused?: Fault }[] {
  return world.resources.listenerSets
    .filter(({ spec: { parentRef } }) => isGatewayRef(parentRef) && refKey(parentRef) === keyOf(gateway))
    .sort(
      (a, b) =>
        compareAge(a.metadata.creationTimestamp, b.metadata.creationTimestamp) || compareText(keyOf(a), keyOf(b)),
    )
    .map((source) => {
      if (allows(world, gateway, source)) return { source };
      const message = `Gateway "${keyOf(gateway)}" does not let in ListenerSets of namespace "${source.metadata.namespace}"`;
      world.report(
        finding(source, message, 'Set spec.allowedListeners.namespaces.from of the Gateway to All, Same or Selector.'),
      );
      return { source, refused: { reason: 'NotAllowed', message } };
    });
}

function allows(world: World, gateway: Gateway, { metadata }: ListenerSet): boolean {
  const { from, selector } = gateway.spec.allowedListeners;
  if (from === 'All') return true;
  if (from === 'Same') return metadata.namespace === gateway.metadata.namespace;
  if (from === 'None' || selector === undefined) return false;
  return selectorMatches(selector, labelsOfNamespace(world, metadata.namespace));
}

/** Sets whose parent is not there. One whose Gateway is of a class that is not served is somebody else's business. */
export function orphanSets(world: World): readonly CheckedListenerSet[] {
  return world.resources.listenerSets.flatMap((source) => {
    const { parentRef } = source.spec;
    const { group, kind, name, namespace } = parentRef;
    if (isGatewayRef(parentRef) && world.gateways.has(refKey(parentRef))) return [];
    const message = isGatewayRef(parentRef)
      ? `parentRef "${name}": no such Gateway in namespace "${namespace}"`
      : `parentRef "${name}": kind "${[...(group === '' ? [] : [group]), kind].join('/')}" is no Gateway`;
    world.report(finding(source, message, 'Name a Gateway that is among the manifests.'));
    return [{ source, listeners: [], refused: { reason: 'ParentNotAccepted', message } }];
  });
}

type ParentRef = ListenerSet['spec']['parentRef'];

function isGatewayRef({ group, kind }: ParentRef): boolean {
  return group === 'gateway.networking.k8s.io' && kind === 'Gateway';
}

function refKey({ namespace, name }: ParentRef): string {
  return `${namespace}/${name}`;
}

function finding(source: ListenerSet, message: string, remedy: string): Diagnostic {
  return diagnose(codes.listenerSetRefused, { origin: source.spec.parentRef.origin, message, remedy });
}

import type { ParentRef } from '../resource/index.ts';
import { controllerOf, controllerOfGateway } from './controller-name.ts';
import type { ServedGateway } from './gateways.ts';
import { intersectHostnames } from './hostname.ts';
import type { CheckedListenerSet } from './listener-sets.ts';
import type { CheckedListener } from './listeners.ts';
import type { Fault } from './listener-owner.ts';
import { partiallyInvalid, routeFault } from './route-validity.ts';
import type { CheckedRoute } from './routes.ts';
import type { Condition, ListenerStatus, ObjectStatus, ParentStatus } from './status.ts';
import { supportedFeatures } from './supported-features.ts';
import { keyOf, type World } from './world.ts';

/** Conditions as the Gateway API v1.6 defines them, for everything that is served. */
export function makeStatus(
  world: World,
  checked: {
    readonly gateways: readonly ServedGateway[];
    /** ListenerSets without a Gateway. */
    readonly orphans: readonly CheckedListenerSet[];
    readonly routes: readonly CheckedRoute[];
  },
): readonly ObjectStatus[] {
  const attached = countAttached(checked.routes);
  return [
    ...world.resources.gatewayClasses
      .filter(({ metadata }) => [undefined, metadata.name].includes(world.options.gatewayClass))
      .map(classStatus),
    ...checked.gateways.map((gateway) => gatewayStatus(world, gateway, attached)),
    ...checked.gateways.flatMap(({ sets, listeners }) =>
      sets.map((set) => setStatus(set, { attached, all: listeners })),
    ),
    ...checked.orphans.map((set) => setStatus(set, { attached, all: [] })),
    ...checked.routes.map((route) => routeStatus(route, (parent) => controllerOfParent(world, parent))),
  ];
}

function countAttached(routes: readonly CheckedRoute[]): ReadonlyMap<CheckedListener, number> {
  const counts = new Map<CheckedListener, number>();
  for (const { attachments, ...route } of routes) {
    if (routeFault(route) !== undefined) continue;
    // A set, since several parentRefs of one route may lead to one listener.
    const listeners = new Set(attachments.flatMap(({ bonds }) => bonds.map(({ listener }) => listener)));
    for (const listener of listeners) counts.set(listener, (counts.get(listener) ?? 0) + 1);
  }
  return counts;
}

type Made = (type: string, condition: Pick<Condition, 'status' | 'reason' | 'message'>) => Condition;

function conditionsFor(generation: number | undefined): Made {
  return (type, condition) => ({
    type,
    ...condition,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  });
}

const yes = (reason: string, message = ''): Pick<Condition, 'status' | 'reason' | 'message'> => ({
  status: 'True',
  reason,
  message,
});

const no = ({ reason, message }: Fault): Pick<Condition, 'status' | 'reason' | 'message'> => ({
  status: 'False',
  reason,
  message,
});

function classStatus({ origin, metadata }: World['resources']['gatewayClasses'][number]): ObjectStatus {
  const made = conditionsFor(metadata.generation);
  return {
    kind: 'GatewayClass',
    namespace: '',
    name: metadata.name,
    origin,
    conditions: [made('Accepted', yes('Accepted'))],
    supportedFeatures: supportedFeatures.map((feature) => ({ name: feature })),
  };
}

function gatewayStatus(
  { options }: World,
  { source, listeners: all, place, sets, backendFault }: ServedGateway,
  attached: ReadonlyMap<CheckedListener, number>,
): ObjectStatus {
  const made = conditionsFor(source.metadata.generation);
  const listeners = all.filter(({ owner }) => owner.kind === 'Gateway');
  const { accepted, programmed } = ofListeners(listeners);
  const { frontendTls } = source.spec;
  const validations = [frontendTls?.default, ...(frontendTls?.perPort ?? []).map(({ validation }) => validation)];
  const isInsecure = validations.some((validation) => validation?.mode === 'AllowInsecureFallback');
  const unplaced = place.refused ?? place.unusable;
  return {
    kind: 'Gateway',
    namespace: source.metadata.namespace,
    name: source.metadata.name,
    origin: source.origin,
    ...(place.refused === undefined
      ? { addresses: [place.address ?? { type: 'IPAddress', value: options.bindHost }] }
      : {}),
    attachedListenerSets: sets.filter(isAttached).length,
    conditions: [
      made('Accepted', place.refused === undefined ? accepted : no(place.refused)),
      made(
        'Programmed',
        unplaced === undefined
          ? programmed
          : no({ ...unplaced, reason: place.refused === undefined ? unplaced.reason : 'Invalid' }),
      ),
      made('ResolvedRefs', resolvedRefs(listeners, backendFault)),
      ...(isInsecure ? [made('InsecureFrontendValidationMode', yes('ConfigurationChanged'))] : []),
    ],
    listeners: listeners.map((listener) => {
      const overlaps = overlapping(listener, all);
      return listenerStatus({ listener, attachedRoutes: attached.get(listener) ?? 0, overlaps }, made);
    }),
  };
}

type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

/** The Gateway's own reference, and then those of its listeners: `ResolvedRefs` of a Gateway is a summary of theirs too. */
function resolvedRefs(listeners: readonly CheckedListener[], backendFault: Fault | undefined): Verdict {
  if (backendFault !== undefined) return no(backendFault);
  const faults = listeners.flatMap(({ unresolved }) => unresolved?.message ?? []);
  return faults.length === 0 ? yes('ResolvedRefs') : no({ reason: 'ListenersNotResolved', message: faults.join('; ') });
}

/** What an object with listeners is because of them. */
function ofListeners(listeners: readonly CheckedListener[]): {
  readonly accepted: Verdict;
  readonly programmed: Verdict;
} {
  const bad = listeners.filter((listener) => !listener.isServed || listener.unresolved !== undefined);
  const isServed = listeners.some((listener) => listener.isServed);
  const message = bad.map((listener) => faultOf(listener).message).join('; ');
  return {
    accepted:
      bad.length === 0
        ? yes('Accepted')
        : { status: isServed ? 'True' : 'False', reason: 'ListenersNotValid', message },
    programmed: isServed ? yes('Programmed') : no({ reason: 'Invalid', message }),
  };
}

function isAttached({ refused, listeners }: CheckedListenerSet): boolean {
  return refused === undefined && listeners.some(({ isServed }) => isServed);
}

function setStatus(
  { source, listeners, parentFault, refused = parentFault }: CheckedListenerSet,
  gateway: {
    readonly attached: ReadonlyMap<CheckedListener, number>;
    /** Its own and those of all its sets. */
    readonly all: readonly CheckedListener[];
  },
): ObjectStatus {
  const made = conditionsFor(source.metadata.generation);
  const { accepted, programmed } = ofListeners(listeners);
  return {
    kind: 'ListenerSet',
    namespace: source.metadata.namespace,
    name: source.metadata.name,
    origin: source.origin,
    conditions: [
      made('Accepted', refused === undefined ? accepted : no(refused)),
      made(
        'Programmed',
        refused !== undefined
          ? no({ ...refused, reason: refused.reason === 'NotAllowed' ? 'NotAllowed' : 'Invalid' })
          : programmed.status === 'True'
            ? programmed
            : { ...programmed, reason: 'ListenersNotValid' },
      ),
    ],
    listeners: listeners.map((listener) => {
      const overlaps = overlapping(listener, gateway.all);
      return listenerStatus({ listener, attachedRoutes: gateway.attached.get(listener) ?? 0, overlaps }, made);
    }),
  };
}

/** The first thing that is wrong with a listener that has something wrong. */
function faultOf({ refused, conflict, unresolved, source }: CheckedListener): Fault {
  return refused ?? conflict ?? unresolved ?? { reason: 'Invalid', message: `listener "${source.name}" is not served` };
}

/**
 * Other HTTPS listeners of the port that stand for some of the same names. A client may then send requests for the one over
 * a connection that it opened to the other; they are answered with 421 (GEP-3567).
 */
function overlapping(listener: CheckedListener, all: readonly CheckedListener[]): readonly CheckedListener[] {
  if (listener.source.protocol.value !== 'HTTPS') return [];
  return all.filter(
    (other) =>
      other !== listener &&
      other.source.port === listener.source.port &&
      other.source.protocol.value === 'HTTPS' &&
      intersectHostnames(other.hostname, listener.hostname) !== undefined,
  );
}

function listenerStatus(
  checked: {
    readonly listener: CheckedListener;
    readonly attachedRoutes: number;
    readonly overlaps: readonly CheckedListener[];
  },
  made: Made,
): ListenerStatus {
  const { listener, attachedRoutes, overlaps } = checked;
  const { refused, conflict, unresolved, isServed } = listener;
  const unaccepted = refused ?? conflict;
  return {
    name: listener.source.name,
    supportedKinds: listener.kinds.map((kind) => ({ group: 'gateway.networking.k8s.io', kind })),
    attachedRoutes,
    conditions: [
      made('Accepted', unaccepted === undefined ? yes('Accepted') : no(unaccepted)),
      made('Programmed', isServed ? yes('Programmed') : no({ reason: 'Invalid', message: faultOf(listener).message })),
      made('ResolvedRefs', unresolved === undefined ? yes('ResolvedRefs') : no(unresolved)),
      ...(conflict === undefined ? [] : [made('Conflicted', yes(conflict.reason, conflict.message))]),
      ...(overlaps.length === 0 ? [] : [made('OverlappingTLSConfig', overlapCondition(overlaps))]),
    ],
  };
}

function overlapCondition(overlaps: readonly CheckedListener[]): Pick<Condition, 'status' | 'reason' | 'message'> {
  const names = overlaps.map(({ source }) => `"${source.name}"`).join(', ');
  return yes('OverlappingHostnames', `hostnames overlap with those of listener ${names}`);
}

/** A ListenerSet is served by whoever serves its Gateway; a Service by the mesh, which is one with the gateways. */
function controllerOfParent(world: World, parentRef: ParentRef): string {
  const key = `${parentRef.namespace}/${parentRef.name}`;
  if (parentRef.kind === 'Gateway') return controllerOfGateway(world, key);
  const set = parentRef.kind === 'ListenerSet' && world.resources.listenerSets.find((one) => keyOf(one) === key);
  if (!set) return controllerOf(world, undefined);
  const { namespace, name } = set.spec.parentRef;
  return controllerOfGateway(world, `${namespace}/${name}`);
}

function routeStatus(route: CheckedRoute, controllerNameOf: (parentRef: ParentRef) => string): ObjectStatus {
  const { source, attachments, unresolved } = route;
  const invalid = routeFault(route);
  const partly = partiallyInvalid(route);
  const made = conditionsFor(source.metadata.generation);
  const parents: readonly ParentStatus[] = attachments.map(({ parentRef, refused = invalid }) => ({
    parentRef: {
      group: parentRef.group,
      kind: parentRef.kind,
      namespace: parentRef.namespace,
      name: parentRef.name,
      ...(parentRef.sectionName === undefined ? {} : { sectionName: parentRef.sectionName }),
      ...(parentRef.port === undefined ? {} : { port: parentRef.port }),
    },
    controllerName: controllerNameOf(parentRef),
    conditions: [
      made('Accepted', refused === undefined ? yes('Accepted') : no(refused)),
      made('ResolvedRefs', unresolved === undefined ? yes('ResolvedRefs') : no(unresolved)),
      ...(partly === undefined || refused !== undefined
        ? []
        : [made('PartiallyInvalid', yes(partly.reason, partly.message))]),
    ],
  }));
  return {
    kind: source.kind,
    namespace: source.metadata.namespace,
    name: source.metadata.name,
    origin: source.origin,
    parents,
  };
}

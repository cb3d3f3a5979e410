import { diagnose, formatOrigin, type DiagnosticCode, type Origin } from '../base/index.ts';
import type { ParentRef } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { ServedGateway } from './gateways.ts';
import { exact } from './exact.ts';
import { hostnameCovers, intersectHostnames, normalHostname } from './hostname.ts';
import { selectorMatches } from './labels.ts';
import { kindsFor, protocolsFor, type CheckedListener } from './listeners.ts';
import type { Fault } from './listener-owner.ts';
import { canBeSupplied } from './options.ts';
import type { RouteSource } from './route-rules.ts';
import { didYouMean } from './suggest-name.ts';
import { attachToService, isServiceParent, type ServiceBond } from './service-attachment.ts';
import { isRejected, keyOf, labelsOfNamespace, namesIn, type World } from './world.ts';

/** What became of one parentRef of a route. */
export interface Attachment {
  readonly parentRef: ParentRef;
  /** Empty when refused. */
  readonly bonds: readonly Bond[];
  /** Where the parent is a Service. */
  readonly service?: ServiceBond;
  /** Condition `Accepted` is False because of this. */
  readonly refused?: Fault;
}

/** A route on a listener, with the hostnames that both stand for. */
interface Bond {
  readonly gateway: ServedGateway;
  readonly listener: CheckedListener;
  readonly hostnames: readonly string[];
  /** What the route has written for the listener's own hostname, where that is broader: a wildcard, or `*` for nothing. */
  readonly broader?: string;
}

export interface AttachmentInput {
  readonly world: World;
  /** By `namespace/name`. */
  readonly gateways: ReadonlyMap<string, ServedGateway>;
  readonly route: RouteSource;
}

const gatewayGroup = 'gateway.networking.k8s.io';

/**
 * Attaches a route to the listeners it names (Gateway API, "Attaching Routes to Gateways"). Undefined for a parent that
 * somebody else looks after: another kind, or a Gateway whose class is not served.
 */
export function attachRoute(input: AttachmentInput, parentRef: ParentRef): Attachment | undefined {
  const { world, gateways, route } = input;
  if (isServiceParent(parentRef)) return attachToService(world, { route, parentRef });
  if (parentRef.group !== gatewayGroup || !['Gateway', 'ListenerSet'].includes(parentRef.kind)) {
    reportParentKind(world, parentRef);
    return undefined;
  }
  const key = `${parentRef.namespace}/${parentRef.name}`;
  const gateway = parentRef.kind === 'Gateway' ? gateways.get(key) : gatewayOfSet(gateways, key);
  if (gateway === undefined) return reportNoParent(input, parentRef);
  // Each parent has only its own listeners: a Gateway's do not stand for those of its ListenerSets, nor the reverse.
  const named = gateway.listeners.filter(
    ({ source, owner }) =>
      owner.kind === parentRef.kind &&
      keyOf(owner.source) === key &&
      (parentRef.sectionName === undefined || source.name === parentRef.sectionName) &&
      (parentRef.port === undefined || source.port === parentRef.port),
  );
  if (named.length === 0) return reportNoListener(world, parentRef, gateway);
  const allowing = named.filter((listener) => allows({ world, gateway, listener, route }));
  if (allowing.length === 0) return reportNotAllowed({ world, parentRef, route, named });
  const bonds = allowing
    .map((listener) => ({
      gateway,
      listener,
      hostnames: commonHostnames(listener, route),
      ...broaderName(listener, route),
    }))
    .filter(({ hostnames }) => hostnames.length > 0);
  return bonds.length === 0
    ? reportNoHostname({ world, parentRef, route, allowing })
    : { parentRef, bonds: exact(bonds) };
}

function gatewayOfSet(gateways: AttachmentInput['gateways'], key: string): ServedGateway | undefined {
  return [...gateways.values()].find(({ sets }) =>
    sets.some(({ source, refused }) => refused === undefined && keyOf(source) === key),
  );
}

function reportNoParent({ world, gateways }: AttachmentInput, parentRef: ParentRef): Attachment | undefined {
  const { kind, namespace, name } = parentRef;
  const key = `${namespace}/${name}`;
  if (kind === 'Gateway') return world.gateways.has(key) ? undefined : reportNoGateway(world, parentRef);
  const set = world.resources.listenerSets.find((one) => keyOf(one) === key);
  const gatewayKey = set === undefined ? '' : `${set.spec.parentRef.namespace}/${set.spec.parentRef.name}`;
  // Somebody else serves that Gateway.
  if (world.gateways.has(gatewayKey) && !gateways.has(gatewayKey)) return undefined;
  return refuse(world, parentRef, {
    code: codes.parentNotFound,
    reason: 'NoMatchingParent',
    message: `parentRef "${name}": ${set === undefined ? `no such ListenerSet in namespace "${namespace}"` : 'the ListenerSet is not part of its Gateway'}`,
    remedy: set === undefined ? 'Add the file with the ListenerSet.' : 'Correct the ListenerSet, or its Gateway.',
  });
}

function allows(input: {
  readonly world: World;
  readonly gateway: ServedGateway;
  readonly listener: CheckedListener;
  readonly route: RouteSource;
}): boolean {
  const { listener, route } = input;
  return listener.kinds.includes(route.kind) && listener.conflict === undefined && allowsNamespace(input);
}

function allowsNamespace(input: {
  readonly world: World;
  readonly gateway: ServedGateway;
  readonly listener: CheckedListener;
  readonly route: RouteSource;
}): boolean {
  const { from, selector } = input.listener.source.allowedRoutes;
  const { namespace } = input.route.metadata;
  if (from === 'All') return true;
  if (from === 'Same') return namespace === input.listener.owner.source.metadata.namespace;
  return selector !== undefined && selectorMatches(selector, labelsOfNamespace(input.world, namespace));
}

function commonHostnames(listener: CheckedListener, route: RouteSource): readonly string[] {
  if (route.hostnames.length === 0) return [listener.hostname];
  const common = route.hostnames.flatMap(
    ({ value }) => intersectHostnames(listener.hostname, normalHostname(value)) ?? [],
  );
  return exact([...new Set(common)]);
}

function broaderName({ hostname }: CheckedListener, route: RouteSource): Pick<Bond, 'broader'> {
  if (hostname === '*') return {};
  const names = route.hostnames.length === 0 ? ['*'] : route.hostnames.map(({ value }) => normalHostname(value));
  const covering = names.filter((name) => hostnameCovers(name, hostname));
  if (covering.length === 0 || covering.includes(hostname)) return {};
  return { broader: covering.reduce((best, name) => (name.length > best.length ? name : best)) };
}

function reportParentKind(world: World, parentRef: ParentRef): void {
  const { group, kind, name } = parentRef;
  world.report(
    diagnose(codes.parentKindUnsupported, {
      origin: parentRef.origin,
      message: `parentRef "${name}": routes attach to Gateways, ListenerSets and Services, not to kind "${group === '' ? '' : `${group}/`}${kind}"`,
      remedy:
        kind === 'Service'
          ? 'Write group: "" beside kind: Service.'
          : `Name a Gateway; or a Service, with group "", for calls inside the mesh.${didYouMean(kind, ['Gateway', 'ListenerSet', 'Service'])}`,
    }),
  );
}

function refuse(
  world: World,
  parentRef: ParentRef,
  finding: {
    readonly code: DiagnosticCode;
    readonly reason: string;
    readonly message: string;
    readonly remedy: string;
    readonly origin?: Origin;
  },
): Attachment {
  const { code, reason, message, remedy, origin = parentRef.origin } = finding;
  world.report(diagnose(code, { origin, message, remedy }));
  return { parentRef, bonds: [], refused: { reason, message } };
}

function reportNoGateway(world: World, parentRef: ParentRef): Attachment {
  const { namespace, name } = parentRef;
  const broken = isRejected(world, { kind: 'Gateway', namespace, name });
  const elsewhere = world.resources.gateways
    .filter(({ metadata }) => metadata.name === name)
    .map(({ metadata }) => metadata.namespace)
    .sort();
  return refuse(world, parentRef, {
    code: codes.parentNotFound,
    reason: 'NoMatchingParent',
    message: `parentRef "${name}": ${broken ? 'the Gateway has an error and is left out,' : 'no such Gateway'} in namespace "${namespace}"`,
    remedy: broken
      ? 'Correct the Gateway.'
      : elsewhere.length > 0
        ? `There is one in namespace "${elsewhere.join('", "')}": set parentRef.namespace.`
        : `Add the file with the Gateway${canBeSupplied(parentRef.origin) ? ', or run with --add-missing' : ''}.${didYouMean(name, namesIn(world.resources.gateways, namespace))}`,
  });
}

function reportNoListener(world: World, parentRef: ParentRef, gateway: ServedGateway): Attachment {
  const wanted = [
    ...(parentRef.sectionName === undefined ? [] : [`named "${parentRef.sectionName}"`]),
    ...(parentRef.port === undefined ? [] : [`on port ${parentRef.port}`]),
  ].join(' and ');
  const own = gateway.listeners.filter(({ owner }) => owner.kind === parentRef.kind);
  const listeners = own.map(({ source }) => `"${source.name}" (port ${source.port})`).join(', ');
  return refuse(world, parentRef, {
    code: codes.noMatchingParent,
    reason: 'NoMatchingParent',
    message: `parentRef "${parentRef.name}": the ${parentRef.kind} has no listener ${wanted}`,
    remedy: `Name one of its listeners: ${listeners}.`,
  });
}

function reportNotAllowed(input: {
  readonly world: World;
  readonly parentRef: ParentRef;
  readonly route: RouteSource;
  readonly named: readonly CheckedListener[];
}): Attachment {
  const { world, parentRef, route, named } = input;
  const { namespace } = route.metadata;
  const why = named.map((listener) => {
    const { name, allowedRoutes } = listener.source;
    if (listener.refused !== undefined) return listener.refused.message;
    if (listener.conflict !== undefined) return listener.conflict.message;
    if (!listener.kinds.includes(route.kind)) return `listener "${name}" does not take ${route.kind}`;
    const whom =
      allowedRoutes.from === 'Same'
        ? `of namespace "${listener.owner.source.metadata.namespace}" only`
        : 'of namespaces with other labels';
    return `listener "${name}" takes routes ${whom} (${formatOrigin(allowedRoutes.origin)})`;
  });
  return refuse(world, parentRef, {
    code: codes.notAllowedByListeners,
    reason: 'NotAllowedByListeners',
    message: `parentRef "${parentRef.name}": no listener allows this ${route.kind} of namespace "${namespace}": ${why.join('; ')}`,
    remedy: remedyForListeners(route, named),
  });
}

/** For the listener that is nearest to taking the route. */
function remedyForListeners({ kind }: RouteSource, named: readonly CheckedListener[]): string {
  const open = named.filter(({ refused, conflict }) => refused === undefined && conflict === undefined);
  if (open.some(({ kinds }) => kinds.includes(kind))) {
    return 'Set allowedRoutes.namespaces.from of the listener to All, or to a Selector that matches the namespace.';
  }
  if (open.some(({ source }) => kindsFor(source).includes(kind))) {
    return `Add ${kind} to allowedRoutes.kinds of the listener, or leave kinds out.`;
  }
  if (open.length > 0)
    return `Name a listener of a protocol that ${kind}s attach to: ${protocolsFor(kind).join(' or ')}.`;
  return 'Correct the listener.';
}

function reportNoHostname(input: {
  readonly world: World;
  readonly parentRef: ParentRef;
  readonly route: RouteSource;
  readonly allowing: readonly CheckedListener[];
}): Attachment {
  const { world, parentRef, route, allowing } = input;
  const wanted = route.hostnames.map(({ value }) => value).join(', ');
  const offered = allowing.map(({ hostname, source }) => `"${source.name}" has ${hostname}`).join(', ');
  return refuse(world, parentRef, {
    code: codes.noMatchingHostname,
    reason: 'NoMatchingListenerHostname',
    message: `parentRef "${parentRef.name}": no listener serves hostname ${wanted}: ${offered}`,
    remedy: 'Correct the hostnames of the route, or those of the listeners.',
    origin: route.hostnames[0]?.origin ?? parentRef.origin,
  });
}

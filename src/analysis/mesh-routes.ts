import type { Origin } from '../base/index.ts';
import type { ParentRef, Service } from '../resource/index.ts';
import type { MeshCandidate } from './mesh-candidates.ts';
import type { MatchedRule, RuleModel } from './model.ts';
import { rankedMatches, type CheckedRoute } from './routes.ts';
import { groupBy, hostOfService, keyOf, type World } from './world.ts';

/** HTTPRoutes and GRPCRoutes on Services. */
export interface MeshRoutes {
  /**
   * What may hold for a client of this namespace at a port of a Service. Routes in the Service's namespace (producer routes)
   * are for all clients, those elsewhere (consumer routes) for their own namespace.
   */
  readonly candidatesFor: (
    called: { readonly service: string; readonly port: number },
    clientNamespace: string,
  ) => readonly MeshCandidate[];
  /** Namespaces with such routes, whose workloads may get others than all the rest. */
  readonly namespaces: ReadonlySet<string>;
  readonly groups: readonly MeshRouteGroup[];
}

/** Routes that count as one: of one kind and namespace, for one Service, by the same `parentRef.port`. */
export interface MeshRouteGroup {
  /** Full and lower case. */
  readonly host: string;
  /** Of the oldest route. */
  readonly origin: Origin;
  readonly metadata: MeshCandidate['metadata'];
  /** Its parentRef. */
  readonly place: Origin;
  readonly port?: number;
  /** In another namespace than the Service. */
  readonly isConsumer: boolean;
}

/** `onServices`: routes with a Service among their parents, oldest first. */
export function makeMeshRoutes(world: World, onServices: readonly CheckedRoute[]): MeshRoutes {
  const bonds: readonly Bond[] = onServices.flatMap((route) =>
    route.attachments.flatMap(({ service, parentRef }) =>
      service === undefined ? [] : service.ports.map((port) => ({ route, port, parentRef, service: service.service })),
    ),
  );
  const alike = groupBy(bonds, (bond) => `${keyOf(bond.service)} ${nameOf(bond)}`);
  const byPort = groupBy(bonds, ({ service, port }) => `${keyOf(service)}:${port}`);
  return {
    groups: [...alike.values()].map((members) => groupOf(world, members[0] as Bond)),
    namespaces: new Set(bonds.map(({ route }) => route.source.metadata.namespace)),
    candidatesFor: ({ service, port }, clientNamespace) => {
      const seen = (byPort.get(`${service}:${port}`) ?? []).filter(({ route, service: { metadata } }) =>
        [metadata.namespace, clientNamespace].includes(route.source.metadata.namespace),
      );
      const groups = groupBy(seen, nameOf);
      return [...groups].map(([name, members]) =>
        candidateOf(name, [...new Set(members.map(({ route }) => route))], port),
      );
    },
  };
}

interface Bond {
  readonly route: CheckedRoute;
  readonly port: number;
  readonly parentRef: ParentRef;
  readonly service: Service;
}

/** What Istio calls the VirtualService that it makes of them, but for the host, with the kind to tell two apart. */
function nameOf({ route: { source }, parentRef }: Bond): string {
  return [source.metadata.namespace, ...(parentRef.port === undefined ? [] : [parentRef.port]), source.kind].join('~');
}

function groupOf(world: World, bond: Bond): MeshRouteGroup {
  const { route, service, parentRef } = bond;
  const { origin, metadata } = route.source;
  return {
    host: hostOfService(world, service).toLowerCase(),
    origin,
    metadata: metadataOf(nameOf(bond), metadata),
    place: parentRef.origin,
    ...(parentRef.port === undefined ? {} : { port: parentRef.port }),
    isConsumer: metadata.namespace !== service.metadata.namespace,
  };
}

function metadataOf(name: string, oldest: CheckedRoute['source']['metadata']): MeshCandidate['metadata'] {
  const { namespace, creationTimestamp } = oldest;
  return { namespace, name, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) };
}

/** `members`: oldest first. */
function candidateOf(name: string, members: readonly CheckedRoute[], port: number): MeshCandidate {
  const { origin, metadata } = (members[0] as CheckedRoute).source;
  return {
    origin,
    metadata: metadataOf(name, metadata),
    exportTo: [],
    isGatewayApi: true,
    matches: () => matchesAt(members, port),
  };
}

function matchesAt(members: readonly CheckedRoute[], port: number): readonly MatchedRule[] {
  const rules = new Map<RuleModel, RuleModel>();
  return rankedMatches(members).map((match) => {
    const rule = rules.get(match.rule) ?? atPort(match.rule, port);
    rules.set(match.rule, rule);
    return { ...match, rule };
  });
}

/** A redirect that names no port keeps that of the listener, which in the mesh is the Service's. */
function atPort(rule: RuleModel, port: number): RuleModel {
  const { answer } = rule;
  if (answer?.type !== 'redirect' || answer.port !== undefined) return rule;
  return { ...rule, answer: { ...answer, port: answer.scheme === undefined ? port : 'derive' } };
}

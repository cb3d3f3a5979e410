import type { MatchedRule, RuleModel } from './model.ts';
import { rankedMatches, type CheckedRoute } from './routes.ts';
import { groupBy, keyOf } from './world.ts';

/** HTTPRoutes and GRPCRoutes on Services. */
export interface MeshRoutes {
  /**
   * What a client of this namespace gets at a port of a Service; undefined where no route is for it. Routes of the client's
   * own namespace (consumer routes) stand in place of those of the Service's (producer routes), which are for all others.
   */
  readonly matchesFor: (
    called: { readonly service: string; readonly port: number },
    clientNamespace: string,
  ) => readonly MatchedRule[] | undefined;
  /** Namespaces with consumer routes. */
  readonly consumers: ReadonlySet<string>;
}

/** `routes`: oldest first. */
export function makeMeshRoutes(routes: readonly CheckedRoute[]): MeshRoutes {
  const bonds = routes.flatMap((route) =>
    route.attachments.flatMap(({ service }) =>
      service === undefined ? [] : service.ports.map((port) => ({ route, port, service: service.service })),
    ),
  );
  const byPort = groupBy(bonds, ({ service, port }) => `${keyOf(service)}:${port}`);
  const isConsumer = ({ route, service }: (typeof bonds)[number]): boolean =>
    route.source.metadata.namespace !== service.metadata.namespace;
  return {
    consumers: new Set(bonds.filter(isConsumer).map(({ route }) => route.source.metadata.namespace)),
    matchesFor: ({ service, port }, clientNamespace) => {
      const all = byPort.get(`${service}:${port}`) ?? [];
      const consumed = all.filter(
        (bond) => isConsumer(bond) && bond.route.source.metadata.namespace === clientNamespace,
      );
      const members = consumed.length > 0 ? consumed : all.filter((bond) => !isConsumer(bond));
      if (members.length === 0) return undefined;
      const rules = new Map<RuleModel, RuleModel>();
      return rankedMatches([...new Set(members.map(({ route }) => route))]).map((match) => {
        const rule = rules.get(match.rule) ?? atPort(match.rule, port);
        rules.set(match.rule, rule);
        return { ...match, rule };
      });
    },
  };
}

/** A redirect that names no port keeps that of the listener, which in the mesh is the Service's. */
function atPort(rule: RuleModel, port: number): RuleModel {
  const { answer } = rule;
  if (answer?.type !== 'redirect' || answer.port !== undefined) return rule;
  return { ...rule, answer: { ...answer, port: answer.scheme === undefined ? port : 'derive' } };
}

import type { BackendModel, MatchedRule, RuleModel, VirtualHostModel } from '../analysis/index.ts';
import type { Mirror, Route, RouteAction, WeightedBackend } from '../plan/index.ts';
import { outboundClusterId } from './clusters.ts';

/** The routes of a virtual host in their order, for the proxy (or shared scope) whose clusters they lead to. */
export function lowerRoutes(input: {
  readonly proxy: string;
  readonly host: Pick<VirtualHostModel, 'matches'>;
  readonly virtualHost: string;
}): readonly Route[] {
  const { proxy, host, virtualHost } = input;
  return host.matches.map(({ route, rule, match, ruleIndex, matchIndex }: MatchedRule, order) => {
    const { failure, ...rest } = match;
    const matched = failure === undefined ? match : rest;
    const mirrors = rule.mirrors.map(({ origin, destination, percent }): Mirror => ({
      origin,
      cluster: outboundClusterId(proxy, destination),
      percent,
    }));
    return {
      id: `${virtualHost}/${route.kind}/${route.namespace}/${route.name}/${ruleIndex}/${matchIndex}`,
      origin: rule.origin,
      virtualHost,
      order,
      match: matched,
      action: lowerAction(proxy, rule, failure),
      ...rule.filters,
      ...(mirrors.length === 0 ? {} : { mirrors }),
    };
  });
}

function lowerAction(proxy: string, rule: RuleModel, failure: string | undefined): RouteAction {
  const reason = rule.failure ?? failure;
  if (reason !== undefined) return { type: 'fail', reason };
  if (rule.answer !== undefined) return rule.answer;
  return { type: 'forward', backends: rule.backends.map((backend) => lowerBackend(proxy, backend)) };
}

function lowerBackend(proxy: string, backend: BackendModel): WeightedBackend {
  if (!('destination' in backend)) return backend;
  const { destination, ...rest } = backend;
  return { ...rest, cluster: outboundClusterId(proxy, destination) };
}

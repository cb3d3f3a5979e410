import { compareText } from '../base/index.ts';
import { exact } from './exact.ts';
import type { ClaimRule, DestinationModel, ListenerModel, RuleModel, VirtualHostModel } from './model.ts';

/** What is asked of every virtual host at each change, though few are ever other than before. */
interface HostFacts {
  /** That its routes lead to, each once. */
  readonly destinations: readonly DestinationModel[];
  readonly claims: readonly ClaimRule[];
}

export function factsOf(host: Pick<VirtualHostModel, 'matches'>): HostFacts {
  const rules = new Set(host.matches.map(({ rule }) => rule));
  return {
    destinations: exact([...new Set([...rules].flatMap(destinationsOfRule))]),
    claims: exact(
      host.matches.flatMap(({ rule, match }) => {
        const claim = match.headers.find(({ name }) => name.startsWith('@request.auth.claims'));
        return claim === undefined ? [] : [{ rule, name: claim.name }];
      }),
    ),
  };
}

function destinationsOfRule({ backends, mirrors }: RuleModel): readonly DestinationModel[] {
  return [
    ...backends.flatMap((backend) => ('destination' in backend ? [backend.destination] : [])),
    ...mirrors.map(({ destination }) => destination),
  ];
}

/** In an order of their own, so that it does not tell in which order routes came and went. */
export function sortDestinations(destinations: Iterable<DestinationModel>): readonly DestinationModel[] {
  return [...destinations].sort(compareDestinations);
}

function compareDestinations(a: DestinationModel, b: DestinationModel): number {
  return (
    compareText(a.service.host, b.service.host) ||
    a.service.port - b.service.port ||
    compareText(a.subset ?? '', b.subset ?? '') ||
    compareText(a.service.namespace, b.service.namespace)
  );
}

/** Of all hosts of a listener: what was kept, or what they say. */
export function factsOfListener({ kept, virtualHosts }: ListenerModel): NonNullable<ListenerModel['kept']> {
  if (kept !== undefined) return kept;
  const facts = virtualHosts.map(factsOf);
  return {
    destinations: [...new Set(facts.flatMap(({ destinations }) => destinations))],
    claims: facts.flatMap(({ claims }) => claims),
  };
}

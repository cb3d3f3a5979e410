import { compareText } from '../base/index.ts';
import { exact } from './exact.ts';
import type { ClaimRule, DestinationModel, ListenerModel, VirtualHostModel } from './model.ts';

/** What is asked of every virtual host at each change, though few are ever other than before. */
interface HostFacts {
  /** That its routes lead to, each once. */
  readonly destinations: readonly DestinationModel[];
  readonly claims: readonly ClaimRule[];
}

export function factsOf(host: Pick<VirtualHostModel, 'matches'>): HostFacts {
  const destinations = new Set<DestinationModel>();
  const claims: ClaimRule[] = [];
  for (const { rule, match } of host.matches) {
    for (const backend of rule.backends) if ('destination' in backend) destinations.add(backend.destination);
    for (const { destination } of rule.mirrors) destinations.add(destination);
    const claim = match.headers.find(({ name }) => name.startsWith('@request.auth.claims'));
    if (claim !== undefined) claims.push({ rule, name: claim.name });
  }
  return { destinations: [...destinations], claims: exact(claims) };
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

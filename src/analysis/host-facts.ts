import { exact } from './exact.ts';
import type { DestinationModel, RuleModel, VirtualHostModel } from './model.ts';

/** What is asked of every virtual host at each change, though few are ever other than before. */
export interface HostFacts {
  /** That its routes lead to; some may be there twice. */
  readonly destinations: readonly DestinationModel[];
  /** Rules with a match that looks at a claim of a token, and the claim. */
  readonly claims: readonly { readonly rule: RuleModel; readonly name: string }[];
}

const factsBefore = new WeakMap<VirtualHostModel, HostFacts>();

export function factsOf(host: VirtualHostModel): HostFacts {
  const known = factsBefore.get(host);
  if (known !== undefined) return known;
  const rules = new Set(host.matches.map(({ rule }) => rule));
  const facts: HostFacts = {
    destinations: exact(
      [...rules].flatMap(({ backends, mirrors }) => [
        ...backends.flatMap((backend) => ('destination' in backend ? [backend.destination] : [])),
        ...mirrors.map(({ destination }) => destination),
      ]),
    ),
    claims: exact(
      host.matches.flatMap(({ rule, match }) => {
        const claim = match.headers.find(({ name }) => name.startsWith('@request.auth.claims'));
        return claim === undefined ? [] : [{ rule, name: claim.name }];
      }),
    ),
  };
  factsBefore.set(host, facts);
  return facts;
}

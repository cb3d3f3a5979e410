import type { Diagnostic } from '../base/index.ts';
import { checkRoutes, type CheckedRoutes } from './routes.ts';
import { makeSurroundings, type Surroundings } from './surroundings.ts';
import { updateHosts, type HostsByListener } from './virtual-hosts.ts';
import type { WorldInput } from './world.ts';

/**
 * What one analysis leaves for the next: routes with what they were judged by. In the same surroundings a route that did not
 * change is what it was, and so is each host whose routes did not. Holds nothing that the newest analysis does not.
 */
export interface RouteMemory {
  readonly surroundings: Surroundings;
  readonly routes: CheckedRoutes;
  readonly hosts: HostsByListener;
}

/** Routes, what they are judged by, and the hosts they share. All findings about them are reported, remembered ones too. */
export function analyzeRoutes(
  input: WorldInput,
  { before, report }: { readonly before: RouteMemory | undefined; readonly report: (finding: Diagnostic) => void },
): RouteMemory {
  const surroundings = makeSurroundings(input, before?.surroundings);
  // In others, nothing that was worked out counts.
  const known = surroundings === before?.surroundings ? before : undefined;
  surroundings.reporter.reportTo(report);
  for (const finding of surroundings.findings) report(finding);
  const { routes, change } = checkRoutes(surroundings, input.resources, known?.routes);
  for (const { findings } of routes.faulty) for (const finding of findings) report(finding);
  const hosts = updateHosts(known?.hosts ?? new Map(), change);
  for (const { findings } of hosts.values()) {
    for (const found of findings.values()) for (const finding of found) report(finding);
  }
  return { surroundings, routes, hosts };
}

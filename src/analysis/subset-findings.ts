import { diagnose } from '../base/index.ts';
import { codes } from './codes.ts';
import { formatLabels } from './labels.ts';
import type { Hop } from './mtls-findings.ts';
import { placesOf } from './subsets.ts';
import type { World } from './world.ts';

/** Subsets that something routes to and that hold no endpoint: every such call is answered 503 `UH`. */
export function findSubsetFaults(world: World, hops: readonly Hop[]): void {
  for (const { destination, policy } of hops) {
    if (policy.subset === undefined || destination.places.length === 0) continue;
    if (placesOf(destination, policy).length > 0) continue;
    world.report(
      diagnose(codes.subsetSelectsNothing, {
        origin: policy.subset.origin,
        message: `subset "${destination.subset ?? ''}" (${formatLabels(policy.subset.labels)}) selects no endpoint of ${destination.service.host}`,
        remedy: 'Write labels that the pods of the Service have.',
      }),
    );
  }
}

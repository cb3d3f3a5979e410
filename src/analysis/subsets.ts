import { hasLabels, type Labels } from './labels.ts';
import type { DestinationModel, PlaceModel, TrafficPolicyModel } from './model.ts';

/** The places of a destination that belong to its subset, as the client's DestinationRule defines it. */
export function placesOf(
  { places }: Pick<DestinationModel, 'places'>,
  { subset, undefinedSubset }: Pick<TrafficPolicyModel, 'subset' | 'undefinedSubset'>,
): readonly PlaceModel[] {
  if (undefinedSubset === true) return [];
  return subset === undefined ? places : places.filter((place) => hasLabels(labelsOfPlace(place), subset.labels));
}

/** The labels of the pod at a place; none where only its address is known. */
export function labelsOfPlace(place: PlaceModel): Labels {
  if (place.type === 'proxied') return place.workload.identity.labels;
  return place.identity?.labels ?? place.labels ?? {};
}

export {
  createControl,
  type Control,
  type ControlOptions,
  type ControlState,
  type LoadedManifests,
} from './control.ts';
export { KeySets, type FetchDocument } from './key-sets.ts';
export { viewObjects, type ObjectView } from './objects.ts';

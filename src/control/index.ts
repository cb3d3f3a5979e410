export {
  createControl,
  type Control,
  type ControlOptions,
  type ControlState,
  type LoadedManifests,
} from './control.ts';
export { viewObjects, type ObjectView } from './objects.ts';

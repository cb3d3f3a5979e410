export type {
  AddedObject,
  BoundAddress,
  CompileOptions,
  FetchedKeySets,
  ObjectStatus,
  RemoteKeySource,
  WorkloadBinding,
} from '../analysis/index.ts';
export { compileAll } from './compile-all.ts';
export type { CompileResult, Placements, ResolvedNames, Snapshot } from './snapshot.ts';

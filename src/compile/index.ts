export type {
  AddedObject,
  AimedProbe,
  BoundAddress,
  CompileOptions,
  ContainerHealth,
  FetchedKeySets,
  ObjectStatus,
  RemoteKeySource,
  WorkloadBinding,
} from '../analysis/index.ts';
export { decodeAhead } from '../resource/index.ts';
export { compileAll } from './compile-all.ts';
export type {
  CompileMemory,
  CompileResult,
  Placements,
  Readiness,
  ResolvedNames,
  Snapshot,
  WorkloadHealth,
} from './snapshot.ts';

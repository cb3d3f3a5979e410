export { compileAll } from './compile-all.ts';
export type { CompileResult, Placements, Snapshot } from './snapshot.ts';

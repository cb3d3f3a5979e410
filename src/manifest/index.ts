export { manifestCodes } from './codes.ts';
export type { Document, Path, Position } from './document.ts';
export { loadPaths, type LoadResult } from './load.ts';
export { parseManifest, type ParsedManifest, type ParseOptions } from './parse.ts';
export type { ReadOptions } from './read.ts';
export { watchPaths, type Watch, type WatchOptions, type WatchTools } from './watch.ts';

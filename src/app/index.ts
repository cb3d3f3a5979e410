export { MeshStartError, startMesh, type Mesh, type MeshEvent, type MeshOptions, type MeshWorkload } from './mesh.ts';
export { findLimitFaults, type LimitSettings } from '../proxy/index.ts';
export { readRunFile } from './run-file.ts';
export { keepNurserySmall } from './nursery.ts';

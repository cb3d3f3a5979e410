export type { Document, Path, Position } from './document.ts';

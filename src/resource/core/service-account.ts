import type { ResourceObject } from '../object.ts';

export type ServiceAccount = ResourceObject;

import type { Plan } from './types.ts';

/** The flat maps of a plan, parents before children: the order in which a data plane must learn of new elements. */
export const planCollections = [
  'proxies',
  'ports',
  'certificates',
  'listeners',
  'virtualHosts',
  'clusters',
  'endpoints',
  'routes',
  'policies',
  'requestAuthentications',
  'peers',
] as const satisfies readonly Exclude<keyof Plan, 'mesh'>[];

export type PlanCollection = (typeof planCollections)[number];

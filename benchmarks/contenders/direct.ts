import type { Contender } from '../contender.ts';

/** No proxy at all: what load generator and backend cost by themselves. */
export const direct: Contender = {
  name: 'direct',
  unavailable: () => undefined,
  start: async ({ backendPort }) => ({ port: backendPort, hops: [], stop: async () => {} }),
};

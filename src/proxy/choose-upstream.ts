// Hot file: once per request that is sent on.
import { chooseBackend, type CompiledRoute, type LocalCause } from '../decide/index.ts';
import type { Exchange } from './exchange.ts';
import type { Runtime } from './runtime.ts';

/** Draws the backend and takes a place in its cluster; a cause when there is none. */
export function chooseUpstream(runtime: Runtime, exchange: Exchange, route: CompiledRoute): LocalCause | undefined {
  const backend = chooseBackend(route, runtime.random);
  exchange.backend = backend;
  if (backend?.cluster === undefined) return 'backend_invalid';
  const cluster = runtime.clusters.get(backend.cluster.cluster.id);
  if (cluster === undefined || cluster.compiled.cluster.undefinedSubset === true) return 'cluster_not_found';
  exchange.cluster = cluster;
  if (cluster.active >= cluster.maxRequests) return 'overflow';
  cluster.active++;
  exchange.countsAtCluster = true;
  return undefined;
}

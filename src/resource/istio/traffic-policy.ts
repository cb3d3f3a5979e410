import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { portNumber, present } from '../fields.ts';
import { ignored, refused } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import type { Unsupported } from '../object.ts';
import { clientTls, decodeClientTls, type ClientTls } from './client-tls.ts';
import { connectionPool, decodePool, type ConnectionPoolSettings } from './connection-pool.ts';
import { decodeLoadBalancer, loadBalancer, type LoadBalancer } from './load-balancer.ts';
import { decodeOutlierDetection, outlierDetection, type OutlierDetection } from './outlier-detection.ts';

/** The blocks that a destination, a subset and a port have alike; each replaces that block as a whole. */
export interface PortTrafficPolicy {
  readonly origin: Origin;
  readonly loadBalancer?: LoadBalancer;
  readonly connectionPool?: ConnectionPoolSettings;
  readonly outlierDetection?: OutlierDetection;
  readonly tls?: ClientTls;
}

export interface TrafficPolicy extends PortTrafficPolicy {
  /** By Service port; for its port an entry stands for the whole policy: what it leaves out has its default. */
  readonly ports: readonly (PortTrafficPolicy & { readonly port: number })[];
  /** Not empty: calls must fail rather than be carried without what these fields ask for. */
  readonly unsupported: readonly Unsupported[];
  /** Goes before `maxRetries`; of the whole destination, for every port. */
  readonly retryBudget?: { readonly percent: number; readonly minConcurrency: number };
}

const notServed = 'calls to this host fail';

const blocks = {
  loadBalancer: loadBalancer.optional(),
  connectionPool: connectionPool.optional(),
  outlierDetection: outlierDetection.optional(),
  tls: clientTls.optional(),
};

export const trafficPolicy = z.strictObject({
  ...blocks,
  portLevelSettings: z
    .array(z.strictObject({ port: z.strictObject({ number: portNumber }), ...blocks }))
    .max(4096)
    .default([]),
  tunnel: refused(notServed),
  proxyProtocol: refused(notServed),
  retryBudget: z
    .strictObject({
      percent: z.number().min(0).max(100).default(20),
      minRetryConcurrency: z.int().min(0).max(4_294_967_295).default(3),
      budgetInterval: ignored('the requests of this moment are counted'),
    })
    .optional(),
});

export function decodeTrafficPolicy(
  value: z.output<typeof trafficPolicy>,
  path: Path,
  context: DecodeContext,
): TrafficPolicy {
  if (Object.values(value).every((one) => one === undefined || (Array.isArray(one) && one.length === 0)))
    empty(path, context);
  return {
    ...decodeBlocks(value, path, context),
    ports: value.portLevelSettings.map(({ port, ...entry }, index) => {
      const place = [...path, 'portLevelSettings', index];
      if (Object.values(entry).every((one) => one === undefined)) empty(place, context);
      return { port: port.number, ...decodeBlocks(entry, place, context) };
    }),
    unsupported: context.refusedBelow(path, ['tls', 'portLevelSettings']),
    ...(value.retryBudget === undefined
      ? {}
      : {
          retryBudget: {
            percent: value.retryBudget.percent,
            minConcurrency: value.retryBudget.minRetryConcurrency,
          },
        }),
  };
}

function empty(path: Path, context: DecodeContext): void {
  context.error(path, {
    message: 'the traffic policy sets nothing',
    remedy: 'Add a block such as connectionPool, or take it away.',
  });
}

type Blocks = Pick<z.output<typeof trafficPolicy>, keyof typeof blocks>;

function decodeBlocks(value: Blocks, path: Path, context: DecodeContext): PortTrafficPolicy {
  return {
    origin: context.at(path),
    ...present({
      loadBalancer: value.loadBalancer && decodeLoadBalancer(value.loadBalancer, [...path, 'loadBalancer'], context),
      connectionPool: value.connectionPool && decodePool(value.connectionPool, [...path, 'connectionPool'], context),
      outlierDetection:
        value.outlierDetection &&
        decodeOutlierDetection(value.outlierDetection, [...path, 'outlierDetection'], context),
      tls: value.tls && decodeClientTls(value.tls, [...path, 'tls'], context),
    }),
  };
}

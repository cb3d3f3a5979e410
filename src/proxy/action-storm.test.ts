/** Many requests at once through a route that does everything, to backends that fail in every way: nothing is left over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionGateway, clusterId, mainCluster, scripted } from '../../test/kit/action-gateway.ts';
import { proxyOrigin } from '../../test/kit/proxy-plan.ts';
import type { Script, ScriptedRequest } from '../../test/kit/proxy-scripted.ts';
import { ErrorCode } from '../http2/index.ts';

const origin = proxyOrigin('VirtualService', 'echo', 21);

/** Numbers in [0, 1) that repeat with their seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const ways: readonly ((request: ScriptedRequest) => void)[] = [
  (request) => request.end(0),
  (request) => request.end(0),
  (request) => request.end(14),
  (request) => request.end(13),
  (request) => request.connection.resetStream(request.stream, ErrorCode.REFUSED_STREAM),
  (request) => request.connection.resetStream(request.stream, ErrorCode.INTERNAL_ERROR),
  (request) => request.kill(),
  () => undefined,
  (request) => {
    request.begin();
    request.message(20_000);
    request.end(0);
  },
  (request) => {
    request.begin();
    request.connection.resetStream(request.stream, ErrorCode.INTERNAL_ERROR);
  },
];

for (const seed of [1, 2, 3]) {
  test(`seed ${seed}`, async (t) => {
    const random = seeded(seed);
    const act = (request: ScriptedRequest): void => ways[Math.floor(random() * ways.length)]?.(request);
    const script: Script = {
      onRequest: (request) => {
        if (random() < 0.1) act(request);
      },
      onEnd: act,
    };
    const backends = await Promise.all([scripted(t, script), scripted(t, script)]);
    const shadow = await scripted(t, script);
    const { client, gateway } = await actionGateway(t, {
      endpoints: backends.map(({ address }) => address),
      clusters: { shadow: [shadow.address] },
      pool: { maxRetries: 8 },
      options: { random, limits: { mirrorTimeoutMs: 100 } },
      route: {
        timeoutMs: 2_000,
        retry: {
          origin,
          attempts: 3,
          on: ['5xx', 'unavailable'],
          statusCodes: [],
          backoffMs: 5,
          avoidTried: true,
          perTryTimeoutMs: 120,
        },
        fault: { origin, delay: { percent: 20, delayMs: 10 }, abort: { percent: 15, grpcStatus: 10 } },
        mirrors: [
          { origin, cluster: clusterId('shadow'), percent: 50 },
          { origin, cluster: mainCluster, percent: 20 },
        ],
      },
    });
    const codes = new Set<number>();
    const call = async (index: number): Promise<void> => {
      const body = Buffer.alloc(Math.floor(random() * 30_000));
      const { code } = await client.unary(body, index % 7 === 0 ? { timeoutMs: 40 } : {});
      codes.add(code);
    };
    // On a very busy machine all of the first may come too late.
    do await Promise.all(Array.from({ length: 150 }, (_, index) => call(index)));
    while (!codes.has(0) || !codes.has(10));
    const left = (): number[] => {
      const { activeRequests, clusters } = gateway.proxy.snapshot();
      const ofClusters = clusters.flatMap((cluster) => [
        cluster.activeRequests,
        cluster.activeRetries,
        ...cluster.endpoints.flatMap((endpoint) => [endpoint.activeRequests, endpoint.pendingRequests]),
      ]);
      return [activeRequests, ...ofClusters];
    };
    while (left().some((one) => one !== 0)) await new Promise(setImmediate);
    assert.ok(left().every((one) => one === 0));
  });
}

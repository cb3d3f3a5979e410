import assert from 'node:assert/strict';
import { test } from 'node:test';
import { echoClient } from '../../test/kit/proxy-client.ts';
import { startMesh } from '../../test/kit/proxy-mesh.ts';
import { startScripted, type ScriptedRequest } from '../../test/kit/proxy-scripted.ts';
import { ErrorCode } from '../http2/index.ts';

/** The same numbers on each run (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Everything an application can do to a request, honest or not. */
const behaviours: readonly ((request: ScriptedRequest) => void)[] = [
  (request) => request.end(0),
  (request) => {
    request.begin();
    request.message(100);
    request.end(0);
  },
  (request) => {
    request.begin();
    request.message(200_000);
  },
  (request) => request.begin(),
  () => undefined,
  ({ connection, stream }) => connection.resetStream(stream, ErrorCode.REFUSED_STREAM),
  ({ connection, stream }) => connection.resetStream(stream, ErrorCode.INTERNAL_ERROR),
  (request) => {
    request.begin();
    request.message(10);
    request.connection.resetStream(request.stream, ErrorCode.CANCEL);
  },
  (request) => {
    request.end(0);
    request.connection.goaway(ErrorCode.NO_ERROR);
  },
  ({ connection }) => connection.goaway(ErrorCode.NO_ERROR, { lastStreamId: 0 }),
  (request) => request.kill(),
];

test(
  'whatever application and clients do, every call ends and nothing stays behind',
  { timeout: 30_000 },
  async (t) => {
    const random = randomFrom(7);
    const backend = await startScripted({
      onRequest: (request) => {
        // Some decide before they have read the request, some after.
        if (random() < 0.3) (behaviours[Math.floor(random() * behaviours.length)] as (typeof behaviours)[0])(request);
      },
      onEnd: (request) => (behaviours[Math.floor(random() * behaviours.length)] as (typeof behaviours)[0])(request),
    });
    t.after(() => backend.close());
    const pool = { maxRequestsPerConnection: 20, http2MaxRequests: 40 };
    const mesh = await startMesh({ application: backend.address, gatewayPool: pool, sidecarPool: pool });
    t.after(() => mesh.close());
    const clients = [0, 1, 2].map(() => echoClient(mesh.gatewayAddress));
    const codes = new Map<number, number>();
    const worker = async (index: number): Promise<void> => {
      for (let i = 0; i < 40; i++) {
        const client = clients[index % clients.length] as (typeof clients)[0];
        const timeoutMs = 20 + Math.floor(random() * 100);
        const metadata = { 'x-filler': 'f'.repeat(Math.floor(random() * 2_000)) };
        const { call, answer } = client.start('Unary', { timeoutMs, metadata });
        if (random() < 0.2) setImmediate(() => call.cancel());
        const { code } = await answer;
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, index) => worker(index)));
    for (const client of clients) client.close();
    // A call that its client gave up may still be on its way to the gateway, so idle means: both proxies at one moment, and no
    // client connection left that could bring another. A count that stays behind keeps this from ever holding.
    while (!isIdle()) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(
      [...codes.values()].reduce((sum, count) => sum + count, 0),
      800,
    );
    for (const code of [0, 4, 14]) assert.ok((codes.get(code) ?? 0) > 0, `no call ended with ${code}`);

    function isIdle(): boolean {
      const [gateway, sidecar] = [mesh.gateway.proxy.snapshot(), mesh.sidecar.proxy.snapshot()];
      if (gateway.ports.some(({ connections }) => connections > 0)) return false;
      return [gateway, sidecar].every(
        ({ activeRequests, clusters }) =>
          activeRequests === 0 &&
          clusters.every(
            (cluster) =>
              cluster.activeRequests === 0 &&
              cluster.endpoints.every((one) => one.activeRequests === 0 && one.pendingRequests === 0),
          ),
      );
    }
  },
);

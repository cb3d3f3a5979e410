/** Each setting of `connectionPool`, watched on real connections. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { startBackend, startClusterMesh, until, type ClusterMesh } from '../../test/kit/cluster-mesh.ts';
import { ManualTime } from '../../test/kit/manual-time.ts';
import type { ScriptedRequest } from '../../test/kit/proxy-scripted.ts';
import { parseGrpcTimeout } from '../grpc/index.ts';
import type { ConnectionPool } from '../plan/index.ts';
import type { Address } from './index.ts';

async function meshWith(
  context: TestContext,
  gatewayPool: Partial<ConnectionPool>,
  endpoints: readonly Address[],
): Promise<ClusterMesh> {
  return startClusterMesh(context, endpoints, { gatewayPool });
}

/** A backend that keeps requests until they are answered by the test. */
async function patient(context: TestContext): Promise<{ readonly address: Address; readonly held: ScriptedRequest[] }> {
  const held: ScriptedRequest[] = [];
  const { address } = await startBackend(context, { onEnd: (request) => held.push(request) });
  return { address, held };
}

test('maxConcurrentStreams: more requests get more connections', async (t) => {
  const { address, held } = await patient(t);
  const mesh = await meshWith(t, { maxConcurrentStreams: 2 }, [address]);
  const answers = Array.from({ length: 6 }, () => mesh.client.unary('x'));
  await until(() => held.length === 6);
  assert.equal(new Set(held.map(({ connectionIndex }) => connectionIndex)).size, 3);
  for (const request of held) request.end(0);
  await Promise.all(answers);
});

test('maxConnections: what is above waits for one that is there', async (t) => {
  const { address, held } = await patient(t);
  const mesh = await meshWith(t, { maxConcurrentStreams: 1, maxConnections: 2 }, [address]);
  const answers = Array.from({ length: 4 }, () => mesh.client.unary('x'));
  await until(() => held.length === 2 && mesh.cluster().endpoints[0]?.pendingRequests === 2);
  assert.equal(mesh.cluster().endpoints[0]?.connections, 2);
  held.shift()?.end(0);
  await until(() => held.length === 2);
  while (held.length > 0) {
    held.shift()?.end(0);
    await new Promise(setImmediate);
  }
  await until(() => {
    held.shift()?.end(0);
    return mesh.cluster().activeRequests === 0;
  });
  for (const { code } of await Promise.all(answers)) assert.equal(code, 0);
  assert.equal(mesh.cluster().endpoints[0]?.connectionsOpened, 2);
});

test('maxConnections: an endpoint without any connection gets one all the same', async (t) => {
  const first = await patient(t);
  const second = await patient(t);
  const mesh = await startClusterMesh(t, [first.address, second.address], {
    gatewayPool: { maxConnections: 1 },
    cluster: { loadBalancer: 'ROUND_ROBIN' },
  });
  const answers = [mesh.client.unary('x'), mesh.client.unary('x')];
  await until(() => first.held.length === 1 && second.held.length === 1);
  for (const request of [...first.held, ...second.held]) request.end(0);
  await Promise.all(answers);
});

test('http1MaxPendingRequests: one too many fails at once with UO', async (t) => {
  const { address, held } = await patient(t);
  const mesh = await meshWith(t, { maxConcurrentStreams: 1, maxConnections: 1, maxPendingRequests: 1 }, [address]);
  const first = mesh.client.unary('x');
  await until(() => held.length === 1);
  const second = mesh.client.unary('x');
  await until(() => mesh.cluster().endpoints[0]?.pendingRequests === 1);
  assert.equal((await mesh.client.unary('x')).code, 14);
  await mesh.gateway.logged(() => mesh.gateway.accessLines.length > 0);
  assert.match(mesh.gateway.accessLines.at(-1) ?? '', / UO .*http1MaxPendingRequests 1/);
  held.shift()?.end(0);
  await until(() => held.length === 1);
  held.shift()?.end(0);
  for (const { code } of await Promise.all([first, second])) assert.equal(code, 0);
});

test('a request that has waited for a connection is sent with what is left of its deadline', async (t) => {
  const time = new ManualTime();
  const { address, held } = await patient(t);
  const mesh = await startClusterMesh(t, [address], {
    gatewayPool: { maxConcurrentStreams: 1, maxConnections: 1 },
    options: { clock: time },
  });
  const first = mesh.client.unary('x', { timeoutMs: 600_000 });
  await until(() => held.length === 1);
  const second = mesh.client.unary('x', { timeoutMs: 600_000 });
  await until(() => mesh.cluster().endpoints[0]?.pendingRequests === 1);
  time.advance(200_000);
  held.shift()?.end(0);
  await until(() => held.length === 1);
  const leftMs = parseGrpcTimeout(held[0]?.header('grpc-timeout') ?? '');
  assert.ok(leftMs !== undefined && leftMs <= 400_000 && leftMs > 300_000, `${leftMs} ms`);
  held.shift()?.end(0);
  for (const { code } of await Promise.all([first, second])) assert.equal(code, 0);
});

test('a request whose deadline ends while it waits for a connection is never sent', async (t) => {
  const time = new ManualTime();
  const { address, held } = await patient(t);
  const mesh = await startClusterMesh(t, [address], {
    gatewayPool: { maxConcurrentStreams: 1, maxConnections: 1 },
    options: { clock: time },
  });
  const first = mesh.client.unary('x');
  await until(() => held.length === 1);
  // The proxy's clock stands still, the client's own goes on: the call ends by the proxy's word or by a cancellation.
  const second = mesh.client.start('Unary', { metadata: { 'grpc-timeout': '20S' } });
  await until(() => mesh.cluster().endpoints[0]?.pendingRequests === 1);
  time.advance(20_010);
  assert.equal((await second.answer).code, 4);
  assert.equal(mesh.cluster().endpoints[0]?.pendingRequests, 0);
  held.shift()?.end(0);
  assert.equal((await first).code, 0);
  const third = mesh.client.unary('x');
  await until(() => held.length === 1);
  held.shift()?.end(0);
  assert.equal((await third).code, 0);
});

test('maxConnectionDuration: no new requests, those under way finish, and another connection takes over', async (t) => {
  const { address, held } = await patient(t);
  const mesh = await meshWith(t, { maxConnectionDurationMs: 40 }, [address]);
  const long = mesh.client.unary('x');
  await until(() => held.length === 1);
  await until(() => mesh.cluster().endpoints[0]?.connectionsOpened === 2);
  const next = mesh.client.unary('x');
  await until(() => held.length === 2);
  assert.notEqual(held[1]?.connectionIndex, held[0]?.connectionIndex);
  for (const request of held) request.end(0);
  for (const { code } of await Promise.all([long, next])) assert.equal(code, 0);
});

test('idleTimeout: a connection without requests is closed, one with a request is not', async (t) => {
  const { address, held } = await patient(t);
  const mesh = await meshWith(t, { idleTimeoutMs: 60, maxConcurrentStreams: 1 }, [address]);
  const [long, short] = [mesh.client.unary('x'), mesh.client.unary('x')];
  await until(() => held.length === 2);
  held.pop()?.end(0);
  await until(() => mesh.cluster().endpoints[0]?.connections === 1);
  held.pop()?.end(0);
  for (const { code } of await Promise.all([long, short])) assert.equal(code, 0);
  await until(() => mesh.cluster().endpoints[0]?.connections === 0);
});

test('tcpKeepalive: what is written reaches the socket', async (t) => {
  const keepAlive = t.mock.method(Socket.prototype, 'setKeepAlive');
  const { address } = await startBackend(t);
  const mesh = await meshWith(t, { tcpKeepalive: { timeMs: 7_000, intervalMs: 3_000, probes: 4 } }, [address]);
  assert.equal((await mesh.client.unary('x')).code, 0);
  assert.ok(keepAlive.mock.calls.some(({ arguments: given }) => given.join(' ') === 'true 7000 3000 4'));
});

test('http2KeepAlive: PINGs while the peer answers, and a lost connection when it does not', async (t) => {
  const pings: number[] = [];
  const accepted = Promise.withResolvers<Socket>();
  // A server that says SETTINGS and nothing more.
  const server = createServer((socket) => {
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    socket.on('data', (chunk: Buffer) => {
      // Frame headers of PING: length 8, type 6.
      for (let at = chunk.indexOf('000008060000000000', 'hex'); at !== -1;) {
        pings.push(at);
        at = chunk.indexOf('000008060000000000', at + 1, 'hex');
      }
    });
    socket.on('error', () => undefined);
    accepted.resolve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const mesh = await meshWith(t, { http2KeepAlive: { intervalMs: 20, timeoutMs: 20 } }, [{ host: '127.0.0.1', port }]);
  const answer = mesh.client.unary('x');
  const socket = await accepted.promise;
  t.after(() => {
    socket.destroy();
    server.close();
  });
  assert.equal((await answer).code, 14);
  assert.equal(pings.length, 1);
  assert.ok(mesh.gateway.logLines.some((line) => line.includes('no answer to PING within 20 ms')));
  await mesh.gateway.logged(() => mesh.gateway.accessLines.length > 0);
  assert.match(mesh.gateway.accessLines.at(-1) ?? '', / UC /);
});

test('http2KeepAlive: a peer that answers keeps its connection', async (t) => {
  let pings = 0;
  const { address } = await startBackend(t, { onEnd: (request) => request.end(0), onPing: () => pings++ });
  const mesh = await meshWith(t, { http2KeepAlive: { intervalMs: 10, timeoutMs: 10_000 } }, [address]);
  assert.equal((await mesh.client.unary('x')).code, 0);
  await until(() => pings >= 3);
  assert.equal((await mesh.client.unary('x')).code, 0);
  assert.equal(mesh.cluster().endpoints[0]?.connectionsOpened, 1);
});

test('warm-up: a new endpoint begins with its smallest share and ends with the whole', async (t) => {
  const { address } = await startBackend(t);
  const origin = { kind: 'DestinationRule', namespace: 'default', name: 'echo', file: 'x.yaml', line: 1 };
  const warmup = { origin, durationMs: 600_000, minimumPercent: 10, aggression: 1 };
  const cluster = { loadBalancer: 'ROUND_ROBIN', warmup } as const;
  const mesh = await startClusterMesh(t, [address, address], { cluster });
  for (let i = 0; i < 2; i++) assert.equal((await mesh.client.unary('x')).code, 0);
  for (const { weight } of mesh.cluster().endpoints) assert.ok(weight >= 0.1 && weight < 0.2, `${weight}`);
  const plain = { cluster: { loadBalancer: 'ROUND_ROBIN', warmup: { ...warmup, durationMs: 1 } } } as const;
  await mesh.apply([address, address], plain);
  await mesh.client.unary('x');
  assert.deepEqual(
    mesh.cluster().endpoints.map(({ weight }) => weight),
    [1, 1],
  );
});

/** Outlier detection with real backends and short times; the arithmetic itself is in `decide/outlier.test.ts`. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { deadAddress } from '../../test/kit/dead-address.ts';
import { ManualTime } from '../../test/kit/manual-time.ts';
import { startBackend, startClusterMesh, until, type ClusterMesh } from '../../test/kit/cluster-mesh.ts';
import { proxyOrigin } from '../../test/kit/proxy-plan.ts';
import type { ScriptedRequest } from '../../test/kit/proxy-scripted.ts';
import type { OutlierDetection } from '../plan/index.ts';
import type { Address } from './index.ts';

function detection(changed: Partial<OutlierDetection> = {}): OutlierDetection {
  return {
    origin: proxyOrigin('DestinationRule', 'echo', 7),
    consecutive5xxErrors: 2,
    consecutiveGatewayErrors: 0,
    consecutiveLocalOriginFailures: 0,
    splitLocalOriginErrors: false,
    // The whole life of a test, unless it waits for the return.
    intervalMs: 600_000,
    baseEjectionTimeMs: 600_000,
    maxEjectionPercent: 100,
    minHealthPercent: 0,
    ...changed,
  };
}

interface Fickle {
  readonly address: Address;
  answer: (request: ScriptedRequest) => void;
}

/** A backend that does as the test says at the moment. */
async function fickle(context: TestContext, answer: Fickle['answer']): Promise<Fickle> {
  const state = { answer };
  const { address } = await startBackend(context, { onEnd: (request) => state.answer(request) });
  return Object.assign(state, { address });
}

const ejected = (mesh: ClusterMesh): readonly boolean[] => mesh.cluster().endpoints.map(({ isEjected }) => isEjected);

function roundRobin(outlierDetection: OutlierDetection): Parameters<typeof startClusterMesh>[2] {
  return { cluster: { loadBalancer: 'ROUND_ROBIN', outlierDetection } };
}

test('an endpoint that fails is ejected, returns after its time, and log, metric and snapshot say so', async (t) => {
  let fails = true;
  const sick = await startBackend(t, { onEnd: (request) => request.end(fails ? 14 : 0) });
  const well = await startBackend(t);
  const mesh = await startClusterMesh(
    t,
    [sick.address, well.address],
    roundRobin(detection({ intervalMs: 20, baseEjectionTimeMs: 30 })),
  );
  const { client, gateway } = mesh;
  await until(() => {
    void client.unary('x');
    return gateway.logLines.some((line) => line.includes('ejected'));
  });
  const line = gateway.logLines.find((one) => one.includes('ejected')) ?? '';
  const { host, port } = sick.address;
  assert.ok(line.includes(`${host}:${port} ejected for 30 ms after 2 consecutive5xxErrors in a row`), line);
  assert.ok(line.includes('DestinationRule default/echo destinationrule.yaml:7'), line);
  const [counter] = gateway.counters.snapshot().filter(({ name }) => name === 'sallyport_outlier_ejections_total');
  assert.ok(counter !== undefined);
  fails = false;
  await gateway.logged(() => gateway.logLines.some((one) => one.includes('returns')));
  await until(() => ejected(mesh).every((one) => !one));
  const before = sick.requests;
  await until(() => {
    void client.unary('x');
    return sick.requests > before;
  });
});

test('while it is ejected nobody is sent there; when all are, UNAVAILABLE with UH', async (t) => {
  const sick = await startBackend(t, { onEnd: (request) => request.end(14) });
  const well = await fickle(t, (request) => request.end(0));
  const mesh = await startClusterMesh(t, [sick.address, well.address], roundRobin(detection()));
  for (let i = 0; i < 4; i++) await mesh.client.unary('x');
  assert.deepEqual(ejected(mesh), [true, false]);
  const before = sick.requests;
  for (let i = 0; i < 10; i++) assert.equal((await mesh.client.unary('x')).code, 0);
  assert.equal(sick.requests, before);
  well.answer = (request) => request.end(13);
  for (let i = 0; i < 2; i++) await mesh.client.unary('x');
  const { code, details } = await mesh.client.unary('x');
  assert.deepEqual([code, details], [14, 'no healthy upstream']);
});

test('a gRPC status counts in trailers as it does in headers, whatever came before it', async (t) => {
  const ways: Readonly<Record<string, (request: ScriptedRequest) => void>> = {
    'headers alone': (request) => request.end(14),
    'trailers after headers': (request) => {
      request.begin();
      request.end(14);
    },
    'trailers after a message': (request) => {
      request.begin();
      request.message(10);
      request.end(14);
    },
  };
  for (const [name, answer] of Object.entries(ways)) {
    const backend = await startBackend(t, { onEnd: answer });
    const mesh = await startClusterMesh(t, [backend.address], roundRobin(detection()));
    assert.equal((await mesh.client.unary('x')).code, 14);
    assert.deepEqual(ejected(mesh), [false], name);
    assert.equal((await mesh.client.unary('x')).code, 14);
    assert.deepEqual(ejected(mesh), [true], name);
  }
});

test('a call that is under way is no success yet, and one that ends well begins the count anew', async (t) => {
  const open = Promise.withResolvers<ScriptedRequest>();
  const backend = await fickle(t, (request) => request.end(14));
  const mesh = await startClusterMesh(t, [backend.address], roundRobin(detection()));
  await mesh.client.unary('x');
  backend.answer = (request) => {
    request.begin();
    request.message(10);
    open.resolve(request);
  };
  const under = mesh.client.unary('x');
  const request = await open.promise;
  request.end(0);
  assert.equal((await under).code, 0);
  backend.answer = (failing) => failing.end(14);
  await mesh.client.unary('x');
  assert.deepEqual(ejected(mesh), [false], 'one failure since the last success');
  const opened = Promise.withResolvers<ScriptedRequest>();
  backend.answer = (begun) => {
    begun.begin();
    opened.resolve(begun);
  };
  const second = mesh.client.unary('x');
  const left = await opened.promise;
  backend.answer = (failing) => failing.end(14);
  await mesh.client.unary('x');
  assert.deepEqual(ejected(mesh), [true], 'the headers of the open one were no success');
  left.end(0);
  assert.equal((await second).code, 0, 'what is under way at an ejected endpoint finishes');
});

test('consecutiveGatewayErrors: 502, 503 and 504 in a row, and UNAVAILABLE; a 500 in between begins anew', async (t) => {
  const statuses = [500, 500, 500, 503, 500, 503, 200, 502, 504];
  const backend = await startBackend(t, {
    onEnd: (request) => {
      const status = statuses[request.requestIndex];
      if (status === undefined || status === 200) request.end(0);
      else request.send([[':status', String(status)]], true);
    },
  });
  const settings = detection({ consecutiveGatewayErrors: 2, consecutive5xxErrors: 0 });
  const mesh = await startClusterMesh(t, [backend.address], roundRobin(settings));
  for (const [index] of statuses.entries()) {
    assert.deepEqual(ejected(mesh), [false], `before answer ${index}`);
    await mesh.client.unary('x');
  }
  assert.deepEqual(ejected(mesh), [true]);
  const unavailable = await startBackend(t, { onEnd: (request) => request.end(14) });
  const other = await startClusterMesh(t, [unavailable.address], roundRobin(settings));
  for (let i = 0; i < 2; i++) await other.client.unary('x');
  assert.deepEqual(ejected(other), [true]);
});

test('each ejection of late lasts longer than the one before, by the clock', async (t) => {
  const time = new ManualTime();
  const sick = await startBackend(t, { onEnd: (request) => request.end(14) });
  const mesh = await startClusterMesh(t, [sick.address], {
    ...roundRobin(detection({ intervalMs: 10, baseEjectionTimeMs: 60_000 })),
    options: { clock: time },
  });
  const { client, gateway } = mesh;
  for (const times of [1, 2, 3, 4]) {
    for (let i = 0; i < 2; i++) await client.unary('x');
    assert.deepEqual(ejected(mesh), [true]);
    assert.match(gateway.logLines.at(-1) ?? '', new RegExp(` ejected for ${times * 60_000} ms `));
    const returns = () => gateway.logLines.filter((line) => line.endsWith(' returns')).length;
    time.advance(times * 60_000 - 20);
    // A refused call lets everything that is due have its turn.
    assert.equal((await client.unary('x')).details, 'no healthy upstream');
    assert.equal(returns(), times - 1);
    time.advance(20);
    await gateway.logged(() => returns() === times);
  }
});

test('statuses below 500 in gRPC’s mapping are no errors', async (t) => {
  const backend = await startBackend(t, { onEnd: (request) => request.end(5) });
  const mesh = await startClusterMesh(t, [backend.address], roundRobin(detection()));
  for (let i = 0; i < 6; i++) assert.equal((await mesh.client.unary('x')).code, 5);
  assert.deepEqual(ejected(mesh), [false]);
});

test('maxEjectionPercent 10 of two endpoints ejects none, and the log says why', async (t) => {
  const backends = await Promise.all([0, 1].map(() => startBackend(t, { onEnd: (request) => request.end(14) })));
  const mesh = await startClusterMesh(
    t,
    backends.map(({ address }) => address),
    roundRobin(detection({ maxEjectionPercent: 10 })),
  );
  for (let i = 0; i < 8; i++) await mesh.client.unary('x');
  assert.deepEqual(ejected(mesh), [false, false]);
  assert.ok(mesh.gateway.logLines.some((line) => line.includes('is not ejected') && line.includes('of 2 endpoints')));
});

test('failed connections and lost ones count as 503, and apart when split', async (t) => {
  const dead = await deadAddress();
  const spec = { limits: { attemptsPerRequest: 1, backoffBaseMs: 0, backoffMaxMs: 0 } };
  const joint = await startClusterMesh(t, [dead], { ...roundRobin(detection()), options: spec });
  for (let i = 0; i < 2; i++) assert.equal((await joint.client.unary('x')).code, 14);
  assert.deepEqual(ejected(joint), [true]);
  const breaking = await startBackend(t, { onRequest: (request) => request.kill() });
  const split = detection({ splitLocalOriginErrors: true, consecutiveLocalOriginFailures: 3 });
  const apart = await startClusterMesh(t, [breaking.address], { ...roundRobin(split), options: spec });
  for (let i = 0; i < 2; i++) await apart.client.unary('x');
  assert.deepEqual(ejected(apart), [false]);
  await apart.client.unary('x');
  assert.deepEqual(ejected(apart), [true]);
});

test('the route’s timeout counts as 504, a deadline of the caller’s own does not', async (t) => {
  const silent = await startBackend(t, { onEnd: () => undefined });
  const settings = detection({ consecutiveGatewayErrors: 2, consecutive5xxErrors: 0 });
  const mesh = await startClusterMesh(t, [silent.address], { ...roundRobin(settings), routeTimeoutMs: 30 });
  for (let i = 0; i < 2; i++) assert.equal((await mesh.client.unary('x', { timeoutMs: 5 })).code, 4);
  assert.deepEqual(ejected(mesh), [false]);
  // One that ends before the connection is there does not count, so a slow machine may need more than two.
  while (!ejected(mesh).includes(true)) assert.equal((await mesh.client.unary('x')).code, 4);
  assert.match((await mesh.client.unary('x')).details, /no healthy upstream/);
});

test('below minHealthPercent all are balanced again', async (t) => {
  const sick = await startBackend(t, { onEnd: (request) => request.end(14) });
  const mesh = await startClusterMesh(t, [sick.address], roundRobin(detection({ minHealthPercent: 50 })));
  for (let i = 0; i < 2; i++) await mesh.client.unary('x');
  assert.deepEqual(ejected(mesh), [true]);
  await mesh.client.unary('x');
  assert.equal(sick.requests, 3);
});

test('failover: the next locality takes over as endpoints of the nearest are ejected', async (t) => {
  const near = await startBackend(t, { onEnd: (request) => request.end(14) });
  const far = await startBackend(t);
  const mesh = await startClusterMesh(t, [near.address, far.address], {
    ...roundRobin(detection()),
    endpoint: (index) => ({ priority: index }),
  });
  for (let i = 0; i < 2; i++) assert.equal((await mesh.client.unary('x')).code, 14);
  for (let i = 0; i < 10; i++) assert.equal((await mesh.client.unary('x')).code, 0);
  assert.deepEqual([near.requests, far.requests], [2, 10]);
});

test('a plan without outlier detection lets everybody return', async (t) => {
  const sick = await startBackend(t, { onEnd: (request) => request.end(14) });
  const mesh = await startClusterMesh(t, [sick.address], roundRobin(detection()));
  for (let i = 0; i < 2; i++) await mesh.client.unary('x');
  await mesh.apply([sick.address], {});
  await mesh.client.unary('x');
  assert.equal(sick.requests, 3);
});

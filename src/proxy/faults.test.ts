import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { actionGateway, scripted, type ActionGateway } from '../../test/kit/action-gateway.ts';
import { proxyOrigin } from '../../test/kit/proxy-plan.ts';
import type { ScriptedBackend } from '../../test/kit/proxy-scripted.ts';
import type { Fault, Route } from '../plan/index.ts';
import { happens } from './chance.ts';

const origin = proxyOrigin('VirtualService', 'echo', 14);
const never = 600_000;

async function faulty(
  t: TestContext,
  fault: Omit<Fault, 'origin'>,
  more: { readonly route?: Partial<Route>; readonly random?: () => number; readonly hangs?: boolean } = {},
): Promise<ActionGateway & { readonly backend: ScriptedBackend }> {
  const backend = await scripted(t, {
    onRequest: () => undefined,
    onEnd: (request) => (more.hangs === true ? undefined : request.end(0)),
  });
  const gateway = await actionGateway(t, {
    endpoints: [backend.address],
    route: { fault: { origin, ...fault }, ...more.route },
    ...(more.random === undefined ? {} : { options: { random: more.random } }),
  });
  return { ...gateway, backend };
}

test('a percentage is a share of all draws', () => {
  const draws = Array.from({ length: 1_000 }, (_, i) => i / 1_000);
  for (const percent of [0, 0.1, 12.5, 50, 99.9, 100]) {
    const hits = draws.filter((draw) => happens(percent, () => draw)).length;
    assert.equal(hits, Math.round(percent * 10), String(percent));
  }
});

test('a delay holds the request back, then it goes on; flag DI', async (t) => {
  const { grpc, line, backend } = await faulty(t, { delay: { percent: 100, delayMs: 30 } });
  const startMs = performance.now();
  assert.equal((await grpc()).headers['grpc-status'], '0');
  assert.ok(performance.now() - startMs >= 29);
  assert.equal(backend.requests, 1);
  assert.match(
    await line(),
    / 200 0 DI .*reason="delayed 30 ms by VirtualService default\/echo virtualservice\.yaml:14"/,
  );
});

test('a delay takes its share of the requests', async (t) => {
  const half = { delay: { percent: 50, delayMs: 1 } };
  const spared = await faulty(t, half, { random: () => 0.5 });
  await spared.grpc();
  assert.match(await spared.line(), / 200 0 - /);
  const held = await faulty(t, half, { random: () => 0.499 });
  await held.grpc();
  assert.match(await held.line(), / 200 0 DI /);
});

test("the caller's deadline goes on during a delay", async (t) => {
  const { grpc, line, backend } = await faulty(t, { delay: { percent: 100, delayMs: never } });
  assert.equal((await grpc({ 'grpc-timeout': '20m' })).headers['grpc-status'], '4');
  assert.equal(backend.requests, 0);
  assert.match(await line(), / 200 4 UT,DI /);
});

test("and it is the caller's that ends the wait, not the route's", async (t) => {
  const delay = { percent: 100, delayMs: never };
  const { grpc } = await faulty(t, { delay }, { route: { timeoutMs: 5 } });
  const startMs = performance.now();
  const { headers } = await grpc({ 'grpc-timeout': '60m' });
  assert.ok(performance.now() - startMs >= 59);
  assert.equal(headers['grpc-message'], 'deadline exceeded');
});

test("the route's limit begins after the delay", async (t) => {
  const { grpc, line, backend } = await faulty(
    t,
    { delay: { percent: 100, delayMs: 60 } },
    { route: { timeoutMs: 20 }, hangs: true },
  );
  const startMs = performance.now();
  assert.equal((await grpc()).headers['grpc-status'], '4');
  assert.ok(performance.now() - startMs >= 79);
  assert.equal(backend.requests, 1);
  assert.match(await line(), / 200 4 UT,DI /);
});

test('a body that comes during a delay is sent on after it', async (t) => {
  const { client, backend } = await faulty(t, { delay: { percent: 100, delayMs: 30 } });
  assert.equal((await client.unary(Buffer.alloc(50_000))).code, 0);
  assert.equal(backend.receivedBytes, 50_005);
});

test('a client that goes away during a delay is not served', async (t) => {
  const { client, gateway, line, backend } = await faulty(t, { delay: { percent: 100, delayMs: never } });
  const { call, answer } = client.start('Unary');
  while (gateway.proxy.snapshot().activeRequests === 0) await new Promise(setImmediate);
  call.cancel();
  await answer;
  assert.match(await line(), / DI,DC /);
  assert.equal(backend.requests, 0);
  assert.equal(gateway.proxy.snapshot().activeRequests, 0);
});

test('an abort by gRPC status', async (t) => {
  const { grpc, line, backend } = await faulty(t, { abort: { percent: 100, grpcStatus: 8 } });
  const { status, headers } = await grpc();
  assert.deepEqual([status, headers['grpc-status'], headers['grpc-message']], [200, '8', 'fault filter abort']);
  assert.equal(backend.requests, 0);
  const logged = await line();
  assert.match(logged, / 200 8 FI .*fault injected by VirtualService default\/echo virtualservice\.yaml:14/);
  assert.match(logged, /details="fault_filter_abort"/);
});

test('an abort by HTTP status is what a gRPC client makes of it', async (t) => {
  const rows = [
    [400, '13'],
    [401, '16'],
    [403, '7'],
    [404, '12'],
    [429, '14'],
    [500, '2'],
    [503, '14'],
  ] as const;
  for (const [httpStatus, expected] of rows) {
    const { grpc } = await faulty(t, { abort: { percent: 100, httpStatus } });
    const { status, headers } = await grpc();
    assert.deepEqual([status, headers['grpc-status']], [200, expected], String(httpStatus));
  }
});

test('an abort of a plain request has the HTTP status', async (t) => {
  const answer = { type: 'direct', origin, status: 200 } as const;
  const match = { path: { type: 'PathPrefix', value: '/' }, headers: [] } as const;
  const byHttp = await faulty(t, { abort: { percent: 100, httpStatus: 599 } }, { route: { action: answer, match } });
  const { status, body } = await byHttp.http({});
  assert.deepEqual([status, body], [599, 'fault filter abort']);
  const byGrpc = await faulty(t, { abort: { percent: 100, grpcStatus: 14 } }, { route: { action: answer, match } });
  assert.equal((await byGrpc.http({})).status, 503);
});

test('an abort takes its share of the requests', async (t) => {
  const half = { abort: { percent: 50, grpcStatus: 10 } };
  const spared = await faulty(t, half, { random: () => 0.5 });
  assert.equal((await spared.grpc()).headers['grpc-status'], '0');
  const hit = await faulty(t, half, { random: () => 0.499 });
  assert.equal((await hit.grpc()).headers['grpc-status'], '10');
  const none = await faulty(t, { abort: { percent: 0, grpcStatus: 10 } }, { random: () => 0 });
  assert.equal((await none.grpc()).headers['grpc-status'], '0');
});

test('delay and abort together: first the one, then the other', async (t) => {
  const { grpc, line } = await faulty(t, {
    delay: { percent: 100, delayMs: 20 },
    abort: { percent: 100, grpcStatus: 14 },
  });
  const startMs = performance.now();
  assert.equal((await grpc()).headers['grpc-status'], '14');
  assert.ok(performance.now() - startMs >= 19);
  assert.match(await line(), / 200 14 DI,FI /);
});

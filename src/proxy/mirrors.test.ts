import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { requestHead } from '../../test/interop/raw-mesh.ts';
import { build, END_HEADERS, END_STREAM, rawClient } from '../../test/interop/raw-peer.ts';
import { actionGateway, clusterId, scripted, type ActionGatewaySpec } from '../../test/kit/action-gateway.ts';
import { proxyOrigin, publicHost } from '../../test/kit/proxy-plan.ts';
import type { TestProxy } from '../../test/kit/proxy-process.ts';
import type { ScriptedBackend, ScriptedRequest, Script } from '../../test/kit/proxy-scripted.ts';
import { ErrorCode } from '../http2/index.ts';
import type { Mirror } from '../plan/index.ts';
import type { Address } from './index.ts';

const origin = proxyOrigin('HTTPRoute', 'echo', 40);

function mirrorTo(name: string, percent = 100): Mirror {
  return { origin, cluster: clusterId(name), percent };
}

/** How many copies ended how. */
function outcomes(gateway: TestProxy): Record<string, number> {
  const counters = gateway.counters.snapshot().filter(({ name }) => name === 'sallyport_mirrored_requests_total');
  return Object.fromEntries(counters.map(({ labels, value }) => [labels[1]?.[1] ?? '', value]));
}

/** Waits for what happens in this process without an event of its own. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}

const answering: Script = { onRequest: () => undefined, onEnd: (request) => request.end(0) };

async function mirrored(
  t: TestContext,
  mirror: Script | readonly Address[],
  spec: Partial<ActionGatewaySpec> = {},
  primary: Script = answering,
) {
  const main = await scripted(t, primary);
  const shadow = 'onRequest' in mirror ? await scripted(t, mirror) : undefined;
  const gateway = await actionGateway(t, {
    endpoints: [main.address],
    clusters: { shadow: shadow === undefined ? (mirror as readonly Address[]) : [shadow.address] },
    ...spec,
    route: { mirrors: [mirrorTo('shadow')], ...spec.route },
  });
  return { ...gateway, main, shadow: shadow as ScriptedBackend };
}

test('the mirror gets the whole request, marked, with the route’s headers and path', async (t) => {
  let copy: ScriptedRequest | undefined;
  const { client, shadow, gateway } = await mirrored(
    t,
    { onRequest: (request) => (copy = request), onEnd: (request) => request.end(0) },
    {
      route: {
        requestHeaders: { set: [{ name: 'x-a', value: '1' }], add: [], remove: [] },
        rewrite: { origin, path: { type: 'ReplaceFullPath', value: '/other.Service/Method' } },
      },
    },
  );
  assert.equal((await client.unary(Buffer.alloc(50_000), { timeoutMs: 30_000 })).code, 0);
  await until(() => outcomes(gateway)['answered'] === 1);
  assert.equal(copy?.header(':authority'), `${publicHost}-shadow`);
  assert.equal(copy?.path, '/other.Service/Method');
  assert.equal(copy?.header('x-a'), '1');
  assert.match(copy?.header('grpc-timeout') ?? '', /^2\d{4}m$/);
  assert.equal(shadow.receivedBytes, 50_005);
});

test('the mark stands before the port', async (t) => {
  const seen: (string | undefined)[] = [];
  const { gateway, grpc } = await mirrored(t, {
    onRequest: (request) => seen.push(request.header(':authority')),
    onEnd: (request) => request.end(0),
  });
  await grpc({ ':authority': `${publicHost}:8080` });
  await until(() => outcomes(gateway)['answered'] === 1);
  assert.deepEqual(seen, [`${publicHost}-shadow:8080`]);
});

test('a stream is copied as it comes', async (t) => {
  const first = Promise.withResolvers<void>();
  const { client, shadow, gateway } = await mirrored(t, {
    onRequest: () => undefined,
    onData: () => {
      first.resolve();
      return true;
    },
    onEnd: (request) => request.end(0),
  });
  const ended = Promise.withResolvers<number | undefined>();
  const stream = client.raw.ClientStream((error) => ended.resolve(error?.code));
  stream.write(Buffer.alloc(100));
  await first.promise;
  stream.write(Buffer.alloc(200));
  stream.end();
  await ended.promise;
  await until(() => outcomes(gateway)['answered'] === 1);
  assert.equal(shadow.receivedBytes, 105 + 205);
});

test('each mirror takes its own share', async (t) => {
  const half = await scripted(t, answering);
  const none = await scripted(t, answering);
  const main = await scripted(t, answering);
  for (const [draw, expected] of [
    [0.499, 1],
    [0.5, 0],
  ] as const) {
    const { grpc, gateway } = await actionGateway(t, {
      endpoints: [main.address],
      clusters: { half: [half.address], none: [none.address] },
      route: { mirrors: [mirrorTo('half', 50), mirrorTo('none', 0), mirrorTo('main-again', 0)] },
      options: { random: () => draw },
    });
    const before = half.requests;
    await grpc();
    await until(() => (outcomes(gateway)['answered'] ?? 0) === expected);
    assert.equal(half.requests - before, expected);
  }
  assert.equal(none.requests, 0);
});

const failures: Readonly<Record<string, (request: ScriptedRequest) => void>> = {
  'an error': (request) => request.end(13),
  'a reset': ({ connection, stream }) => connection.resetStream(stream, ErrorCode.INTERNAL_ERROR),
  'a refusal': ({ connection, stream }) => connection.resetStream(stream, ErrorCode.REFUSED_STREAM),
  'a lost connection': (request) => request.kill(),
  'a long response': (request) => {
    request.begin();
    request.message(60_000);
    request.end(0);
  },
};
for (const [name, act] of Object.entries(failures)) {
  test(`the request does not notice ${name} of its mirror, and the mirror is not asked again`, async (t) => {
    const retry = {
      origin,
      attempts: 3,
      on: ['5xx', 'internal'],
      statusCodes: [],
      backoffMs: 1,
      avoidTried: true,
    } as const;
    const { client, shadow, main, gateway, line } = await mirrored(
      t,
      { onRequest: () => undefined, onEnd: act },
      { route: { retry } },
    );
    for (let i = 0; i < 3; i++) assert.equal((await client.unary('x')).code, 0);
    await until(() => Object.values(outcomes(gateway)).reduce((sum, one) => sum + one, 0) === 3);
    assert.equal(shadow.requests, 3);
    assert.equal(main.requests, 3);
    assert.match(await line(), / 200 0 - /);
    assert.equal(
      gateway.proxy.snapshot().clusters.reduce((sum, { activeRequests }) => sum + activeRequests, 0),
      0,
    );
  });
}

test('a mirror that is not there is counted', async (t) => {
  const { grpc, gateway } = await mirrored(t, []);
  assert.equal((await grpc()).headers['grpc-status'], '0');
  assert.deepEqual(outcomes(gateway), { failed: 1 });
  const missing = await mirrored(t, [], { route: { mirrors: [mirrorTo('nowhere')] } });
  assert.equal((await missing.grpc()).headers['grpc-status'], '0');
  assert.deepEqual(outcomes(missing.gateway), { failed: 1 });
});

test('a mirror that refuses connections, and one that accepts them and says nothing, hold nothing up', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const refusing = closed.address() as AddressInfo;
  closed.close();
  await once(closed, 'close');
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const main = await scripted(t, answering);
  const { client, gateway } = await actionGateway(t, {
    endpoints: [main.address],
    clusters: {
      refusing: [{ host: '127.0.0.1', port: refusing.port }],
      silent: [{ host: '127.0.0.1', port: (silent.address() as AddressInfo).port }],
    },
    route: { mirrors: [mirrorTo('refusing'), mirrorTo('silent')] },
  });
  for (let i = 0; i < 20; i++) assert.equal((await client.unary(Buffer.alloc(20_000))).code, 0);
  await until(() => outcomes(gateway)['failed'] === 20);
  assert.equal(outcomes(gateway)['answered'], undefined);
  assert.equal(main.requests, 20);
});

test('a mirror that answers late answers nobody: the call has long ended', async (t) => {
  const late: ScriptedRequest[] = [];
  const { client, gateway, main } = await mirrored(t, {
    onRequest: () => undefined,
    onEnd: (request) => void late.push(request),
  });
  for (let i = 0; i < 5; i++) assert.equal((await client.unary('x')).code, 0);
  await until(() => late.length === 5);
  assert.equal(main.requests, 5);
  for (const request of late) request.end(14);
  await until(() => outcomes(gateway)['answered'] === 5);
});

test('mirrorTimeoutMs: a mirror that hangs holds nothing up, and is given up then', async (t) => {
  const { grpc, gateway, shadow } = await mirrored(
    t,
    { onRequest: () => undefined },
    { options: { limits: { mirrorTimeoutMs: 30 } } },
  );
  assert.equal((await grpc()).headers['grpc-status'], '0');
  await until(() => outcomes(gateway)['timeout'] === 1);
  await until(() => shadow.resets.length === 1);
  assert.deepEqual(shadow.resets, [ErrorCode.CANCEL]);
});

test('a copy that does not keep up is given up, and the request goes on', async (t) => {
  const { client, gateway, main } = await mirrored(t, { onRequest: () => undefined, onData: () => false });
  const stream = client.raw.ClientStream(() => undefined);
  stream.write(Buffer.alloc(400_000));
  await until(() => outcomes(gateway)['behind'] === 1);
  stream.end(Buffer.alloc(10));
  const [{ code }] = (await once(stream, 'status')) as [{ code: number }];
  assert.equal(code, 0);
  assert.equal(main.receivedBytes, 400_005 + 15);
});

test('a copy of a request that its client gave up ends with it', async (t) => {
  const here = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<number>();
  const { address, gateway } = await mirrored(t, {
    onRequest: () => undefined,
    onData: () => {
      here.resolve();
      return true;
    },
    onReset: (_request, code) => gone.resolve(code),
  });
  const raw = rawClient(address);
  raw.send(build.headers(1, requestHead, END_HEADERS), build.data(1, 'a part'));
  await here.promise;
  // A gRPC library would end the request before it resets it, and the copy would be whole.
  raw.destroy();
  assert.equal(await gone.promise, ErrorCode.CANCEL);
  assert.deepEqual(outcomes(gateway), { cancelled: 1 });
});

test('a request that is reset with its own head reaches neither backend nor mirror', async (t) => {
  const { address, gateway, main, shadow } = await mirrored(t, answering);
  const raw = rawClient(address);
  t.after(() => raw.destroy());
  raw.send(
    Buffer.concat([build.headers(1, requestHead, END_HEADERS | END_STREAM), build.reset(1, ErrorCode.CANCEL)]),
    build.headers(3, requestHead, END_HEADERS | END_STREAM),
  );
  await until(() => outcomes(gateway)['answered'] === 1);
  assert.deepEqual(outcomes(gateway), { cancelled: 1, answered: 1 });
  assert.deepEqual([main.requests, shadow.requests], [1, 1]);
});

test('mirrorsInFlight: copies are bounded in number, by the proxy and by the cluster', async (t) => {
  const { grpc, gateway } = await mirrored(
    t,
    { onRequest: () => undefined },
    { options: { limits: { mirrorsInFlight: 2 } } },
  );
  for (let i = 0; i < 4; i++) assert.equal((await grpc()).headers['grpc-status'], '0');
  assert.deepEqual(outcomes(gateway), { overflow: 2 });
  const small = await mirrored(t, { onRequest: () => undefined }, { pool: { http2MaxRequests: 1 } });
  for (let i = 0; i < 3; i++) assert.equal((await small.grpc()).headers['grpc-status'], '0');
  assert.deepEqual(outcomes(small.gateway), { overflow: 2 });
});

test('metrics and log know the request alone', async (t) => {
  const { grpc, gateway, line } = await mirrored(t, answering);
  await grpc();
  await until(() => outcomes(gateway)['answered'] === 1);
  assert.doesNotMatch(await line(), /shadow/);
  assert.equal(gateway.accessLines.length, 1);
  const { series } = gateway.metrics.snapshot();
  assert.deepEqual(
    series.map(({ duration }) => duration.slice(0, -1).reduce((sum, one) => sum + one, 0)),
    [1],
  );
});

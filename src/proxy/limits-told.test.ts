/** When a limit acts, the log says which one and for which peer, and a metric counts it by name. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { headWith, requestHead, responseHead } from '../../test/interop/raw-mesh.ts';
import {
  build,
  END_HEADERS,
  END_STREAM,
  Frame,
  rawClient,
  startRawServer,
  type RawConnection,
  type RawRequest,
} from '../../test/interop/raw-peer.ts';
import { gatewayId, gatewayPortId, proxyPlan } from '../../test/kit/proxy-plan.ts';
import { startProxy, type TestProxy } from '../../test/kit/proxy-process.ts';
import { defaultLimits, type LimitName } from '../http2/index.ts';
import type { ProxyLimits } from './limits.ts';

const full = END_HEADERS | END_STREAM;
const empty = Buffer.alloc(0);

async function gatewayTo(
  t: TestContext,
  onRequest: (request: RawRequest) => void = () => undefined,
  limits: Partial<ProxyLimits> = {},
): Promise<{ readonly gateway: TestProxy; readonly serverPort: number }> {
  const server = await startRawServer({ onRequest });
  t.after(() => server.close());
  const gateway = await startProxy(gatewayId, { limits });
  t.after(() => gateway.proxy.close());
  await gateway.apply(proxyPlan({ gatewayEndpoints: [server.address] }));
  return { gateway, serverPort: server.address.port };
}

function countedIn({ counters }: TestProxy, limit: string): number {
  const acted = counters.snapshot().filter(({ name }) => name === 'sallyport_limits_acted_total');
  return acted.find(({ labels }) => labels[0]?.[1] === limit)?.value ?? 0;
}

/** Resolves when a line has all of this in one. */
async function assertTold(gateway: TestProxy, limit: string, ...parts: readonly string[]): Promise<void> {
  await gateway.logged(() => gateway.logLines.some((line) => parts.every((part) => line.includes(part))));
  assert.ok(countedIn(gateway, limit) > 0, `${limit} was not counted`);
}

/** Those of a client, and what it sends; who does not read is in `test/attacks/cut.test.ts`. */
const byClient: Readonly<Partial<Record<LimitName, (client: RawConnection) => void>>> = {
  'abuse-score': (client) => client.send(...Array.from({ length: 500 }, () => build.ping())),
  'concurrent-streams': (client) =>
    client.send(...Array.from({ length: 101 }, (_, i) => build.headers(1 + 2 * i, requestHead))),
  'continuation-frames': (client) =>
    client.send(build.headers(1, requestHead, 0), ...Array.from({ length: 9 }, () => build.continuation(1, empty, 0))),
  'header-block-bytes': (client) =>
    client.send(
      build.headers(1, requestHead, 0),
      ...Array.from({ length: 5 }, () => build.continuation(1, Buffer.alloc(16_000), 0)),
    ),
  'header-list-bytes': (client) => {
    const fields = Array.from({ length: 2 }, (_, i) => [`x-${i}`, 'v'.repeat(15_000)] as const);
    const whole = build.headers(1, [...requestHead, ...fields]).subarray(9);
    client.send(
      build.headerBlock(1, whole.subarray(0, 16_000), END_STREAM),
      build.continuation(1, whole.subarray(16_000)),
    );
  },
  'header-list-fields': (client) =>
    client.send(
      build.headers(1, headWith(Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, 'v']))), full),
    ),
  'settings-per-frame': (client) => client.send(build.settings(Array.from({ length: 33 }, () => [0xf000, 0] as const))),
};

for (const [limit, act] of Object.entries(byClient))
  test(`${limit}: by a client, with its address`, async (t) => {
    const { gateway } = await gatewayTo(t);
    const address = gateway.addressOf(gatewayPortId);
    const client = rawClient(address);
    t.after(() => client.destroy());
    await client.settled();
    const { localPort } = client;
    act(client);
    await assertTold(gateway, limit, `client 127.0.0.1:${localPort}`, `limit ${limit} acted`);
  });

/** Those of an upstream, and what it answers. */
const byUpstream: Readonly<Partial<Record<LimitName, (request: RawRequest) => void>>> = {
  'informational-responses': ({ connection, id }) =>
    connection.send(...Array.from({ length: 9 }, () => build.headers(id, [[':status', '103']]))),
  'tiny-frames-per-stream': ({ connection, id }) =>
    connection.send(build.headers(id, responseHead), ...Array.from({ length: 3_201 }, () => build.data(id, 'x'))),
  'header-list-fields': ({ connection, id }) =>
    connection.send(
      build.headers(id, [...responseHead, ...Array.from({ length: 120 }, (_, i) => [`x-${i}`, 'v'] as const)]),
    ),
  'continuation-frames': ({ connection, id }) =>
    connection.send(
      build.headers(id, responseHead, 0),
      ...Array.from({ length: 9 }, () => build.continuation(id, empty, 0)),
    ),
  'abuse-score': ({ connection }) => connection.send(...Array.from({ length: 500 }, () => build.settings())),
};

for (const [limit, act] of Object.entries(byUpstream))
  test(`${limit}: by an upstream, with its address`, async (t) => {
    const { gateway, serverPort } = await gatewayTo(t, act);
    const client = rawClient(gateway.addressOf(gatewayPortId));
    t.after(() => client.destroy());
    client.send(build.headers(1, requestHead));
    await assertTold(gateway, limit, `upstream 127.0.0.1:${serverPort}`, `limit ${limit} acted`);
  });

test('a flood that meets the same limit again is counted each time, and logged once for a connection', async (t) => {
  const { gateway } = await gatewayTo(t);
  const client = rawClient(gateway.addressOf(gatewayPortId));
  t.after(() => client.destroy());
  client.send(...Array.from({ length: 110 }, (_, i) => build.headers(1 + 2 * i, requestHead)));
  await client.seen(({ type, id }) => type === Frame.RST_STREAM && id === 219);
  assert.equal(countedIn(gateway, 'concurrent-streams'), 10);
  assert.equal(gateway.logLines.filter((line) => line.includes('limit concurrent-streams acted')).length, 1);
});

test('headers-timeout: by the name of what ended the connection', async (t) => {
  const { gateway } = await gatewayTo(t, undefined, { transport: { headersTimeoutMs: 20 } });
  const silent = connect(gateway.addressOf(gatewayPortId));
  silent.on('error', () => undefined).resume();
  t.after(() => silent.destroy());
  await once(silent, 'connect');
  await assertTold(gateway, 'headers-timeout', `client 127.0.0.1:${silent.localPort}`, 'closed: headers-timeout');
});

test('connection-cap and client-cap: who was refused, and why', async (t) => {
  for (const [limit, limits] of [
    ['connection-cap', { connectionsPerPort: 1 }],
    ['client-cap', { connectionsPerClient: 1 }],
  ] as const) {
    const { gateway } = await gatewayTo(t, undefined, limits);
    const client = rawClient(gateway.addressOf(gatewayPortId));
    t.after(() => client.destroy());
    await client.settled();
    const second = connect(gateway.addressOf(gatewayPortId)).on('error', () => undefined);
    t.after(() => second.destroy());
    await once(second, 'close');
    await assertTold(gateway, limit, '127.0.0.1', limit);
  }
});

test('pendingRequestsPerPool and connectionsPerPool: of which upstream', async (t) => {
  const sharedConnection = { ...defaultLimits, maxConcurrentStreams: 1 };
  const limits = { sharedConnection, connectionsPerPool: 1, pendingRequestsPerPool: 1 };
  const first = Promise.withResolvers<RawRequest>();
  const { gateway, serverPort } = await gatewayTo(t, first.resolve, limits);
  const client = rawClient(gateway.addressOf(gatewayPortId));
  t.after(() => client.destroy());
  client.send(build.headers(1, requestHead, full));
  await first.promise;
  client.send(...[3, 5, 7].map((id) => build.headers(id, requestHead, full)));
  for (const limit of ['connectionsPerPool', 'pendingRequestsPerPool'])
    await assertTold(gateway, limit, `127.0.0.1:${serverPort}`, `limit ${limit} acted`);
});

/** Limits of a proxy, set small from the one place where they are set: at the limit, and one past it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { fieldOf, headWith, requestHead, wholeResponse } from '../../test/interop/raw-mesh.ts';
import {
  build,
  END_HEADERS,
  END_STREAM,
  Frame,
  message,
  rawClient,
  startRawServer,
  type RawConnection,
  type RawServer,
  type RawServerOptions,
} from '../../test/interop/raw-peer.ts';
import { gatewayId, gatewayPortId, proxyPlan } from '../../test/kit/proxy-plan.ts';
import { startProxy, type TestProxy } from '../../test/kit/proxy-process.ts';
import { defaultLimits, ErrorCode } from '../http2/index.ts';
import type { ProxyLimits } from './limits.ts';

interface Place {
  readonly server: RawServer;
  readonly gateway: TestProxy;
  readonly client: RawConnection;
}

async function place(t: TestContext, limits: Partial<ProxyLimits>, options: RawServerOptions = {}): Promise<Place> {
  const server = await startRawServer(options);
  t.after(() => server.close());
  const gateway = await startProxy(gatewayId, { limits });
  t.after(() => gateway.proxy.close());
  await gateway.apply(proxyPlan({ gatewayEndpoints: [server.address] }));
  const client = rawClient(gateway.addressOf(gatewayPortId));
  t.after(() => client.destroy());
  return { server, gateway, client };
}

const full = END_HEADERS | END_STREAM;
const refuse: RawServerOptions = {
  onEnd: ({ connection, id }) => connection.send(build.reset(id, ErrorCode.REFUSED_STREAM)),
};

async function statusOf(client: RawConnection, id: number): Promise<string | undefined> {
  const frames = await client.ended(id);
  return fieldOf(frames.findLast(({ type }) => type === Frame.HEADERS)?.fields, 'grpc-status');
}

test('connectionsPerPort', async (t) => {
  const { gateway, client } = await place(t, { connectionsPerPort: 2 });
  await client.settled();
  const second = rawClient(gateway.addressOf(gatewayPortId));
  t.after(() => second.destroy());
  await second.settled();
  const third = connect(gateway.addressOf(gatewayPortId)).on('error', () => undefined);
  await once(third, 'close');
  await client.settled();
});

test('connectionsPerClient: one address has its share, and gets it back', async (t) => {
  const { gateway, client } = await place(t, { connectionsPerClient: 2 });
  const address = gateway.addressOf(gatewayPortId);
  await client.settled();
  const second = rawClient(address);
  await second.settled();
  const third = connect(address).on('error', () => undefined);
  await once(third, 'close');
  await gateway.logged(() =>
    gateway.logLines.some((line) => line.includes('client-cap: this client has 2 connections')),
  );
  const elsewhere = connect({ ...address, localAddress: '127.0.0.2' });
  t.after(() => elsewhere.destroy());
  elsewhere.write(Buffer.concat([build.preface, build.settings()]));
  await once(elsewhere, 'data');
  second.destroy();
  const isGone = (): boolean => gateway.proxy.snapshot().ports[0]?.connections === 2;
  while (!isGone()) await new Promise(setImmediate);
  const fourth = rawClient(address);
  t.after(() => fourth.destroy());
  await fourth.settled();
});

test('clientConnection: maxConcurrentStreams', async (t) => {
  const { client } = await place(t, { clientConnection: { ...defaultLimits, maxConcurrentStreams: 2 } });
  client.send(...[1, 3, 5].map((id) => build.headers(id, requestHead)));
  const reset = await client.seen(({ type }) => type === Frame.RST_STREAM);
  assert.deepEqual([reset.id, reset.payload.readUInt32BE()], [5, ErrorCode.REFUSED_STREAM]);
});

test('clientConnection: maxHeaderFields', async (t) => {
  const maxHeaderFields = requestHead.length + 1;
  const { client } = await place(
    t,
    { clientConnection: { ...defaultLimits, maxHeaderFields } },
    {
      onEnd: ({ connection, id }) => connection.send(wholeResponse(id, message(1))),
    },
  );
  client.send(
    build.headers(1, headWith({ 'x-a': '1' }), full),
    build.headers(3, headWith({ 'x-a': '1', 'x-b': '2' }), full),
  );
  assert.equal(await statusOf(client, 1), '0');
  assert.equal(await statusOf(client, 3), '8');
});

test('sharedConnection: maxConcurrentStreams, then a second connection', async (t) => {
  const sharedConnection = { ...defaultLimits, maxConcurrentStreams: 2 };
  const { client, server } = await place(t, { sharedConnection });
  client.send(...[1, 3].map((id) => build.headers(id, requestHead)));
  await server.received(2);
  assert.equal(server.connections.length, 1);
  client.send(build.headers(5, requestHead));
  await server.received(3);
  assert.equal(server.connections.length, 2);
});

test('connectionsPerPool: what does not fit waits', async (t) => {
  const sharedConnection = { ...defaultLimits, maxConcurrentStreams: 1 };
  const { client, server, gateway } = await place(t, { sharedConnection, connectionsPerPool: 2 });
  client.send(...[1, 3, 5].map((id) => build.headers(id, requestHead, full)));
  await server.received(2);
  await gateway.logged(() => gateway.logLines.some((line) => line.includes('connectionsPerPool')));
  await client.settled();
  assert.deepEqual([server.requests.length, server.connections.length], [2, 2]);
  const [first] = server.requests;
  assert.ok(first !== undefined);
  first.connection.send(wholeResponse(first.id, message(1)));
  await server.received(3);
  assert.equal(server.connections.length, 2);
});

test('pendingRequestsPerPool', async (t) => {
  const sharedConnection = { ...defaultLimits, maxConcurrentStreams: 1 };
  const { client, server } = await place(t, { sharedConnection, connectionsPerPool: 1, pendingRequestsPerPool: 1 });
  client.send(build.headers(1, requestHead, full));
  await server.received(1);
  client.send(build.headers(3, requestHead, full), build.headers(5, requestHead, full));
  assert.equal(await statusOf(client, 5), '14');
  assert.deepEqual(client.of(3), []);
});

test('attemptsPerRequest', async (t) => {
  for (const attemptsPerRequest of [1, 2]) {
    const { client, server } = await place(t, { attemptsPerRequest }, refuse);
    client.send(build.headers(1, requestHead, full));
    assert.equal(await statusOf(client, 1), '14');
    assert.equal(server.requests.length, attemptsPerRequest);
  }
});

test('replayBytes', async (t) => {
  for (const [bytes, attempts] of [
    [100, 2],
    [101, 1],
  ] as const) {
    const { client, server } = await place(t, { attemptsPerRequest: 2, replayBytes: 100 }, refuse);
    client.send(build.headers(1, requestHead), build.data(1, message(bytes - 5), END_STREAM));
    assert.equal(await statusOf(client, 1), '14');
    assert.equal(server.requests.length, attempts, `${bytes} bytes`);
  }
});

test('deadlineMaxMs: beyond it the deadline is passed on and not enforced here', async (t) => {
  const { client, server } = await place(t, { deadlineMaxMs: 50 });
  client.send(
    build.headers(1, headWith({ 'grpc-timeout': '51m' }), full),
    build.headers(3, headWith({ 'grpc-timeout': '50m' }), full),
  );
  assert.equal(await statusOf(client, 3), '4');
  assert.deepEqual(client.of(1), []);
  assert.deepEqual(
    server.requests.map((request) => request.header('grpc-timeout') !== undefined),
    [true, true],
  );
});

test('transport: idleTimeoutMs', async (t) => {
  const { client } = await place(t, { transport: { idleTimeoutMs: 20, headersTimeoutMs: 20 } });
  await client.closed;
});

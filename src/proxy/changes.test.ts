import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { startEchoBackend, type EchoBackend } from '../../test/kit/proxy-backend.ts';
import { echoClient, type EchoClient } from '../../test/kit/proxy-client.ts';
import { gatewayId, gatewayPortId, proxyPlan } from '../../test/kit/proxy-plan.ts';
import { startProxy, type TestProxy } from '../../test/kit/proxy-process.ts';
import { asListeningSocket } from '../base/index.ts';
import type { Address, ProxyOptions } from './index.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function backendOf(): Promise<EchoBackend> {
  const backend = await startEchoBackend();
  cleanups.push(() => backend.close());
  return backend;
}

async function gatewayOf(overrides: Partial<ProxyOptions> = {}): Promise<TestProxy> {
  const gateway = await startProxy(gatewayId, overrides);
  cleanups.push(() => gateway.proxy.close());
  return gateway;
}

function clientOf(gateway: TestProxy): EchoClient {
  const client = echoClient(gateway.addressOf(gatewayPortId));
  cleanups.push(() => client.close());
  return client;
}

/** A port that somebody else listens on. */
async function takenPort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    cleanups.push(() => server.close());
    // The port that the proxy moves to must exist.
    if (port + 8_000 < 65_536) return port;
  }
}

describe('a changed plan', () => {
  test('moves new requests to new endpoints and leaves streams in flight alone', async () => {
    const [old, next] = [await backendOf(), await backendOf()];
    const gateway = await gatewayOf();
    await gateway.apply(proxyPlan({ gatewayEndpoints: [old.address] }));
    const before = gateway.addressOf(gatewayPortId);
    const client = clientOf(gateway);
    const stream = client.raw.Bidi();
    stream.write(Buffer.from('one'));
    await once(stream, 'data');

    const applied = gateway.apply(proxyPlan({ gatewayEndpoints: [next.address] }));
    assert.equal((await client.unary('x')).code, 0);
    await applied;
    assert.equal(next.calls.get('Unary'), 1);
    assert.equal(old.calls.get('Unary'), undefined);
    assert.deepEqual(gateway.addressOf(gatewayPortId), before);

    stream.write(Buffer.from('two'));
    const [message] = (await once(stream, 'data')) as [Buffer];
    assert.equal(message.toString(), 'two');
    stream.end();
    const [{ code }] = (await once(stream, 'status')) as [{ code: number }];
    assert.equal(code, 0);
  });

  test('takes effect at once on connections that are open: routes', async () => {
    const backend = await backendOf();
    const gateway = await gatewayOf();
    await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
    const client = clientOf(gateway);
    assert.equal((await client.unary('x')).code, 0);
    void gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address], pathPrefix: '/other.Service' }));
    assert.equal((await client.unary('x')).code, 12);
    void gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
    assert.equal((await client.unary('x')).code, 0);
  });

  test('keeps the connections of endpoints that stayed', async () => {
    const backend = await backendOf();
    const gateway = await gatewayOf();
    await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
    const client = clientOf(gateway);
    await client.unary('x');
    await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address], gatewayPool: { http2MaxRequests: 10 } }));
    await client.unary('x');
    assert.equal(backend.peers.size, 1);
  });

  test('of an unknown proxy is refused and the plan in force stays', async () => {
    const backend = await backendOf();
    const gateway = await gatewayOf();
    await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
    const plan = proxyPlan({ gatewayEndpoints: [] });
    assert.throws(() => gateway.proxy.apply({ ...plan, proxies: {} }, new Map()), RangeError);
    assert.equal((await clientOf(gateway).unary('x')).code, 0);
  });
});

describe('a port that is taken', () => {
  test('is moved by portOffset, and both are told', async () => {
    const backend = await backendOf();
    const port = await takenPort();
    const moves: { wanted: Address; got: Address }[] = [];
    const gateway = await startProxy(gatewayId, { onMoved: (_id, move) => moves.push(move) });
    cleanups.push(() => gateway.proxy.close());
    const gatewayBind = { host: '127.0.0.1', port };
    await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address], gatewayBind }));
    assert.deepEqual(moves, [{ wanted: gatewayBind, got: { host: '127.0.0.1', port: port + 8_000 } }]);
    assert.equal((await clientOf(gateway).unary('x')).code, 0);
  });

  test('is reported when the other is taken too; the next plan tries again', async () => {
    const backend = await backendOf();
    const gateway = await startProxy(gatewayId, { limits: { portOffset: 0 } });
    cleanups.push(() => gateway.proxy.close());
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const gatewayBind = { host: '127.0.0.1', port: (holder.address() as AddressInfo).port };
    const plan = proxyPlan({ gatewayEndpoints: [backend.address], gatewayBind });
    await gateway.apply(plan);
    assert.equal(gateway.bindFailures.length, 1);
    assert.match(gateway.bindFailures[0] ?? '', /EADDRINUSE/);
    holder.close();
    await once(holder, 'close');
    await gateway.apply(plan);
    assert.equal((await clientOf(gateway).unary('x')).code, 0);
  });
});

describe('a socket on which another process listens', () => {
  test('is used instead of a new one', async () => {
    const backend = await backendOf();
    const before = createServer().listen(0, '127.0.0.1');
    await once(before, 'listening');
    const { port } = before.address() as AddressInfo;
    const socket = asListeningSocket(Reflect.get(before, '_handle'));
    assert.ok(socket);
    const asked: string[] = [];
    const gateway = await gatewayOf({ inherit: (id) => (asked.push(id), socket) });
    await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
    assert.deepEqual([asked, gateway.addressOf(gatewayPortId).port], [[gatewayPortId], port]);
    assert.equal(gateway.proxy.listeners().get(gatewayPortId), socket);
    assert.equal((await clientOf(gateway).unary('x')).code, 0);
  });

  test('one that cannot be used is no loss: the port is bound', async () => {
    const backend = await backendOf();
    let closed = 0;
    const gateway = await gatewayOf({ inherit: () => ({ close: () => void closed++ }) });
    await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
    assert.deepEqual([gateway.bindFailures, closed], [[], 1]);
    assert.equal((await clientOf(gateway).unary('x')).code, 0);
  });
});

describe('drain', () => {
  test('accepts no more, lets calls in flight finish, then closes', async () => {
    const backend = await backendOf();
    const gateway = await gatewayOf();
    await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
    const client = clientOf(gateway);
    const stream = client.raw.Bidi();
    stream.write(Buffer.from('one'));
    await once(stream, 'data');
    const drained = gateway.proxy.drain(60_000);
    stream.write(Buffer.from('two'));
    await once(stream, 'data');
    stream.end();
    const [{ code }] = (await once(stream, 'status')) as [{ code: number }];
    assert.equal(code, 0);
    await drained;
    assert.equal((await client.unary('x')).code, 14);
  });

  test('who connected just before is served, and told during the call', async () => {
    const backend = await backendOf();
    const gateway = await gatewayOf();
    await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
    const client = clientOf(gateway);
    // The connection is made, and waits in the queue of the system or just was accepted.
    client.raw.waitForReady(Date.now() + 10_000, () => undefined);
    const drained = gateway.proxy.drain(60_000);
    assert.equal((await client.unary('x')).code, 0);
    await drained;
  });

  test('cuts what is left after the grace', async () => {
    const backend = await backendOf();
    const gateway = await gatewayOf();
    await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
    const begun = backend.nextHang();
    const { answer } = clientOf(gateway).start('Hang');
    await begun;
    const cancelled = backend.nextCancel();
    await gateway.proxy.drain(10);
    assert.equal((await answer).code, 14);
    assert.equal(await cancelled, 'Hang');
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { afterEach, describe, test } from 'node:test';
import { startEchoBackend } from '../../test/kit/proxy-backend.ts';
import { echoClient } from '../../test/kit/proxy-client.ts';
import { startMesh } from '../../test/kit/proxy-mesh.ts';
import { gatewayId, gatewayPortId, proxyPlan, publicHost } from '../../test/kit/proxy-plan.ts';
import { startProxy } from '../../test/kit/proxy-process.ts';
import { startScripted, type ScriptedRequest } from '../../test/kit/proxy-scripted.ts';
import { encodeMessage } from '../grpc/index.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Windows of a client, a proxy and their socket buffers: what may be on the way to a reader that stopped. */
const mostOnTheWayBytes = 1_000_000;

describe('a slow receiver', () => {
  test('that stops reading stops the server, and gets everything when it goes on', async () => {
    const sizes = { message: 16_000, count: 2_000 };
    let sent = 0;
    const stalled = Promise.withResolvers<void>();
    const push = (request: ScriptedRequest): void => {
      while (sent < sizes.count) {
        sent++;
        if (request.message(sizes.message)) continue;
        stalled.resolve();
        return;
      }
      request.end(0);
    };
    const backend = await startScripted({
      onRequest: () => undefined,
      onEnd: (request) => {
        request.begin();
        push(request);
      },
      onDrain: push,
    });
    cleanups.push(() => backend.close());
    const gateway = await startProxy(gatewayId);
    cleanups.push(() => gateway.proxy.close());
    await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
    const client = echoClient(gateway.addressOf(gatewayPortId));
    cleanups.push(() => client.close());
    const stream = client.raw.ServerStream(Buffer.from('x'));
    await once(stream, 'metadata');
    stream.pause();
    await stalled.promise;
    assert.ok(sent * sizes.message < mostOnTheWayBytes, `${sent * sizes.message} bytes left the server`);
    let received = 0;
    for await (const message of stream as AsyncIterable<Buffer>) received += message.length;
    assert.equal(received, sizes.message * sizes.count);
  });

  test('at the application stops the client', async () => {
    const credits: (() => void)[] = [];
    let isSlow = true;
    const full = Promise.withResolvers<void>();
    const backend = await startScripted({
      onRequest: (request) => request.begin(),
      onData: ({ connection, stream }, bytes) => {
        if (isSlow) credits.push(() => connection.creditReceived(stream, bytes));
        if (backend.receivedBytes >= 65_535) full.resolve();
        return !isSlow;
      },
      onEnd: (request) => request.end(0),
    });
    cleanups.push(() => backend.close());
    const gateway = await startProxy(gatewayId);
    cleanups.push(() => gateway.proxy.close());
    await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
    const client = echoClient(gateway.addressOf(gatewayPortId));
    cleanups.push(() => client.close());
    const stream = client.raw.Bidi();
    stream.on('data', () => undefined);
    let left = 0;
    const messages = 250;
    for (let i = 0; i < messages; i++) stream.write(Buffer.alloc(16_000), () => left++);
    await full.promise;
    assert.ok(backend.receivedBytes <= 65_536, `${backend.receivedBytes} bytes without credit`);
    // The client's library counts a message as written once its own buffers took it; most must still be held back.
    assert.ok(left < messages / 2, `${left} messages left the client`);
    isSlow = false;
    for (const credit of credits.splice(0)) credit();
    stream.end();
    const [{ code }] = (await once(stream, 'status')) as [{ code: number }];
    assert.equal(code, 0);
    assert.equal(backend.receivedBytes, messages * 16_005);
  });

  test('does not hold up other calls on the same connections, through both hops', async () => {
    const backend = await startEchoBackend();
    cleanups.push(() => backend.close());
    const mesh = await startMesh({ application: backend.address });
    cleanups.push(() => mesh.close());
    const client = echoClient(mesh.gatewayAddress);
    cleanups.push(() => client.close());
    const slow = client.raw.ServerStream(Buffer.from('2000 16000'));
    await once(slow, 'metadata');
    slow.pause();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 50; i++) assert.equal((await client.unary(`${i}`)).code, 0);
    assert.ok(process.memoryUsage().rss - before < 64_000_000);
    let received = 0;
    for await (const message of slow as AsyncIterable<Buffer>) received += message.length;
    assert.equal(received, 32_000_000);
  });

  test('however many there are, they do not hold up other clients on shared connections', async () => {
    const backend = await startEchoBackend();
    cleanups.push(() => backend.close());
    const mesh = await startMesh({ application: backend.address });
    cleanups.push(() => mesh.close());
    const quick = echoClient(mesh.gatewayAddress);
    const { host, port } = mesh.gatewayAddress;
    const slow = connect(`http://${host}:${port}`, { settings: { initialWindowSize: 0 } });
    cleanups.push(
      () => slow.destroy(),
      () => quick.close(),
    );
    const request = encodeMessage(Buffer.from('20 16000'));
    // A client without any window: all that the server sends for it must wait in the proxies.
    await Promise.all(
      Array.from({ length: 40 }, () => {
        const stream = slow.request({
          ':method': 'POST',
          ':path': '/test.Echo/ServerStream',
          ':authority': publicHost,
          'content-type': 'application/grpc',
          te: 'trailers',
        });
        stream.on('error', () => undefined);
        stream.end(request);
        return once(stream, 'response');
      }),
    );
    for (let i = 0; i < 20; i++) {
      const { code, message } = await quick.unary('x', { timeoutMs: 3_000, metadata: { 'x-reply-bytes': '60000' } });
      assert.equal(code, 0);
      assert.equal(message.length, 60_000);
    }
    const [endpoint] = mesh.gateway.proxy.snapshot().clusters[0]?.endpoints ?? [];
    assert.equal(endpoint?.connections, 1);
  });
});

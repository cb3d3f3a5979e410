import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import { test } from 'node:test';
import { startEchoBackend } from '../../test/kit/proxy-backend.ts';
import { echoClient } from '../../test/kit/proxy-client.ts';
import { startMesh } from '../../test/kit/proxy-mesh.ts';
import { publicHost } from '../../test/kit/proxy-plan.ts';
import { startScripted } from '../../test/kit/proxy-scripted.ts';

const resetsPerClient = 400;

/** Begins calls and resets each once the request is on its way, ten at a time. */
async function resetCalls(url: string): Promise<void> {
  const session = connect(url);
  session.on('error', () => undefined);
  const one = async (): Promise<void> => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/test.Echo/Hang',
      ':authority': publicHost,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => undefined);
    stream.write(Buffer.alloc(5));
    if (stream.pending) await once(stream, 'ready');
    await new Promise<void>((resolve) => setImmediate(resolve));
    stream.close(constants.NGHTTP2_CANCEL);
    await once(stream, 'close');
  };
  for (let i = 0; i < resetsPerClient / 10; i++) await Promise.all(Array.from({ length: 10 }, one));
  session.destroy();
}

test(
  'clients that cancel all the time cost the others on a shared connection nothing',
  { timeout: 30_000 },
  async () => {
    const backend = await startEchoBackend();
    const mesh = await startMesh({ application: backend.address });
    const client = echoClient(mesh.gatewayAddress);
    const stream = client.raw.Bidi();
    const ended = once(stream, 'status') as Promise<[{ code: number }]>;
    stream.write(Buffer.from('before'));
    await once(stream, 'data');
    const { host, port } = mesh.gatewayAddress;
    await Promise.all([0, 1, 2, 3].map(() => resetCalls(`http://${host}:${port}`)));
    stream.write(Buffer.from('after'));
    const [message] = (await once(stream, 'data')) as [Buffer];
    assert.equal(message.toString(), 'after');
    stream.end();
    const [{ code }] = await ended;
    assert.equal(code, 0);
    client.close();
    await mesh.close();
    backend.close();
  },
);

test('calls that end well are not cancelled afterwards, so they do not wear the connection out', async () => {
  const backend = await startScripted({
    onRequest: () => undefined,
    onEnd: (request) => {
      // Trailers-only and full responses by turns: both have an end that the proxy passes on.
      if (request.requestIndex % 2 === 0) request.begin();
      request.end(5);
    },
  });
  const mesh = await startMesh({ application: backend.address });
  const client = echoClient(mesh.gatewayAddress);
  for (let i = 0; i < 40; i++) {
    await Promise.all(Array.from({ length: 20 }, () => client.unary('x')));
  }
  for (const { proxy } of [mesh.gateway, mesh.sidecar]) {
    assert.equal(proxy.snapshot().clusters[0]?.endpoints[0]?.connectionsOpened, 1);
  }
  assert.deepEqual(backend.resets, []);
  client.close();
  await mesh.close();
  await backend.close();
});

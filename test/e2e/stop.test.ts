/** Ctrl-C: calls in flight may finish; a second one stops at once. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { status, type ServiceError } from '@grpc/grpc-js';
import { assetClient, startAssetBackend, type AssetBackend } from '../kit/asset-service.ts';
import { wholeExample } from '../kit/manifests.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

const authority = 'sit-gateway.tcex.com.vn';

let backend: AssetBackend;
before(async () => (backend = await startAssetBackend()));
after(() => backend.close());

/** A mesh with a stream in flight, whose first answer has come. */
async function openStream() {
  const mesh = new SallyportProcess([
    'run',
    ...wholeExample(),
    '--workload',
    `default/asset-management=${backend.address}`,
  ]);
  await mesh.ready();
  const address = mesh.listener('gateway/public-api-gateway');
  const client = assetClient(address, { authority });
  const stream = client.reconcile();
  stream.write({ asset_id: 'before' });
  await once(stream, 'data');
  return { mesh, address, client, stream };
}

/** Whether a call on a new connection succeeds; where it does not, nobody takes connections. */
async function isServed(address: string): Promise<boolean> {
  const client = assetClient(address, { authority });
  try {
    await client.unary('GetAsset', {});
    return true;
  } catch (error) {
    assert.equal((error as ServiceError).code, status.UNAVAILABLE);
    return false;
  } finally {
    client.close();
  }
}

test('Ctrl-C takes no new connection, lets the stream in flight finish, and ends with 0', async () => {
  const { mesh, address, client, stream } = await openStream();
  try {
    mesh.signal('SIGINT');
    await mesh.until(
      () => mesh.stderr.includes('Draining: calls in flight may take 30 s; Ctrl-C again stops'),
      'to drain',
    );
    // The word reaches the gateway a moment after it is printed.
    while (await isServed(address));
    stream.write({ asset_id: 'after' });
    const [answer] = (await once(stream, 'data')) as [{ asset_id: string }];
    assert.equal(answer.asset_id, 'after');
    stream.end();
    const [end] = (await once(stream, 'status')) as [{ code: number }];
    assert.equal(end.code, status.OK);
    assert.deepEqual(await mesh.exited, { code: 0, signal: null });
  } finally {
    client.close();
    await mesh.stop();
  }
});

test('a second Ctrl-C cuts what is left, and ends with 130', async () => {
  const { mesh, client, stream } = await openStream();
  try {
    const cut = once(stream, 'error') as Promise<[ServiceError]>;
    mesh.signal('SIGINT');
    await mesh.until(() => mesh.stderr.includes('Draining'), 'to drain');
    mesh.signal('SIGINT');
    assert.deepEqual(await mesh.exited, { code: 130, signal: null });
    // grpc-js says INTERNAL when a connection that has had its GOAWAY is cut without another word.
    assert.ok([status.UNAVAILABLE, status.INTERNAL].includes((await cut)[0].code));
    assert.match(mesh.stderr, /Stopped at once\./);
  } finally {
    client.close();
    await mesh.stop();
  }
});

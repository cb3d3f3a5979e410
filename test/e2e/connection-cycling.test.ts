/** The document's DestinationRule: `maxRequestsPerConnection: 100` replaces connections without one failed call. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assetClient, startAssetBackend, type AssetBackend } from '../kit/asset-service.ts';
import { wholeExample } from '../kit/manifests.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

let mesh: SallyportProcess;
let backend: AssetBackend;

before(async () => {
  backend = await startAssetBackend();
  mesh = new SallyportProcess(['run', ...wholeExample(), '--workload', `default/asset-management=${backend.address}`]);
  await mesh.ready();
});

after(async () => {
  await mesh.stop();
  backend.close();
});

test('1,000 calls make 10 or more upstream connections, and none fails', async () => {
  const client = assetClient(mesh.listener('gateway/public-api-gateway'), { authority: 'sit-gateway.tcex.com.vn' });
  try {
    let next = 0;
    const caller = async () => {
      while (next < 1000) {
        const id = `asset-${next++}`;
        assert.equal((await client.unary('GetAsset', { asset_id: id })).asset_id, id);
      }
    };
    await Promise.all(Array.from({ length: 16 }, caller));
  } finally {
    client.close();
  }
  assert.equal(backend.calls.length, 1000);
  // The rule shapes the sidecar's connections to the service as well, which is where they can be counted from outside.
  assert.ok(backend.peers.size >= 10, `${backend.peers.size} connections at the service`);
  const text = await (await fetch(`http://${mesh.run.admin}/metrics`)).text();
  const series = text
    .split('\n')
    .find((line) => line.startsWith('sallyport_upstream_connections_total{cluster="gateway/'));
  assert.ok(Number(series?.split(' ').at(-1)) >= 10, `the gateway's upstream connections: ${series}`);
});

/** A thousand more HTTPRoutes beside the document's: they load, and a call is still answered. Prints how long it took. */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { assetClient, startAssetBackend } from '../kit/asset-service.ts';
import { wholeExample } from '../kit/manifests.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

const count = 1000;

test('1,000 HTTPRoutes load and calls are answered', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-routes-'));
  writeFileSync(
    join(directory, 'routes.yaml'),
    Array.from({ length: count }, (_, index) => route(index)).join('---\n'),
  );
  const backend = await startAssetBackend();
  const startedMs = performance.now();
  const mesh = new SallyportProcess([
    'run',
    ...wholeExample(),
    ...['-f', directory, '--workload', `default/asset-management=${backend.address}`],
  ]);
  try {
    await mesh.ready();
    const readyMs = performance.now() - startedMs;
    const address = mesh.listener('gateway/public-api-gateway');
    for (const authority of ['sit-gateway.tcex.com.vn', 'host-0.example', `host-${count - 1}.example`]) {
      const client = assetClient(address, { authority });
      assert.equal((await client.unary('GetAsset', { asset_id: authority })).asset_id, authority);
      client.close();
    }
    t.diagnostic(`${count} routes: ready ${(readyMs / 1000).toFixed(2)} s after the start of the process`);
  } finally {
    await mesh.stop();
    backend.close();
  }
});

function route(index: number): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: route-${index}, namespace: default }
spec:
  parentRefs: [{ name: public-api-gateway, namespace: gateway }]
  hostnames: [host-${index}.example]
  rules:
  - matches:
    - path: { type: PathPrefix, value: /asset.AssetService }
    backendRefs: [{ name: asset-management, port: 8080 }]
`;
}

/** VirtualServices bound to the mesh: applied by the sidecar of the workload that calls. From manifests, with real proxies and sockets. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCompiledMesh, type CompiledMesh } from '../kit/compiled-mesh.ts';
import { startDescribingApp, type DescribingApp } from '../kit/describing-app.ts';
import { requester, workloadManifest, type Requester } from '../kit/virtual-mesh.ts';

const manifests = `${workloadManifest({ namespace: 'shop', name: 'web-v1', app: 'web', version: 'v1' })}
${workloadManifest({ namespace: 'shop', name: 'web-v2', app: 'web', version: 'v2' })}
${workloadManifest({ namespace: 'shop', name: 'cart', app: 'cart', version: 'v1' })}
${workloadManifest({ namespace: 'other', name: 'spy', app: 'spy', version: 'v1' })}
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: shop }
spec: { host: web, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: shop, creationTimestamp: "2024-01-01T00:00:00Z" }
spec:
  hosts: [web]
  http:
    - match: [{ uri: { prefix: /label }, sourceLabels: { app: cart } }, { uri: { prefix: /namespace }, sourceNamespace: shop }, { uri: { prefix: /port }, port: 8080 }]
      route: [{ destination: { host: web, subset: v2 } }]
    - match: [{ uri: { prefix: /elsewhere }, port: 9090 }, { uri: { prefix: /gateway }, gateways: [edge/public] }]
      route: [{ destination: { host: web, subset: v2 } }]
    - route: [{ destination: { host: web, subset: v1 } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: younger, namespace: shop, creationTimestamp: "2025-01-01T00:00:00Z" }
spec: { hosts: [web.shop.svc.cluster.local], http: [{ match: [{ uri: { prefix: /younger } }], directResponse: { status: 599 } }] }
`;

describe('a VirtualService bound to the mesh', () => {
  const apps = new Map<string, DescribingApp>();
  const open: Requester[] = [];
  let mesh: CompiledMesh;

  before(async () => {
    for (const name of ['shop/web-v1', 'shop/web-v2', 'shop/cart', 'other/spy']) {
      apps.set(name, await startDescribingApp(name));
    }
    mesh = await startCompiledMesh({
      manifests,
      apps: Object.fromEntries([...apps].map(([name, { address }]) => [name, address])),
    });
  });

  after(async () => {
    for (const one of open) one.close();
    await mesh.close();
    for (const app of apps.values()) await app.close();
  });

  async function reached(from: string, path: string): Promise<unknown> {
    const caller = requester(mesh.addressOf(`sidecar/${from}/outbound`), 'web.shop.svc.cluster.local:8080');
    open.push(caller);
    return (await caller.call(path)).headers['x-app'];
  }

  test('conditions on the caller: labels and namespace', async () => {
    assert.equal(await reached('shop/cart', '/label/x'), 'shop/web-v2');
    assert.equal(await reached('other/spy', '/label/x'), 'shop/web-v1');
    assert.equal(await reached('shop/cart', '/namespace/x'), 'shop/web-v2');
    assert.equal(await reached('other/spy', '/namespace/x'), 'shop/web-v1');
  });

  test('conditions on the port that is called and on gateways', async () => {
    assert.equal(await reached('shop/cart', '/port/x'), 'shop/web-v2');
    assert.equal(await reached('shop/cart', '/elsewhere/x'), 'shop/web-v1');
    assert.equal(await reached('shop/cart', '/gateway/x'), 'shop/web-v1');
  });

  test('the oldest VirtualService has the host alone', async () => {
    assert.equal(await reached('shop/cart', '/younger/x'), 'shop/web-v1');
  });
});

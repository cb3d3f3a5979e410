/** Routes on Services: calls of apps follow them, those of other namespaces do not. Real proxies and sockets. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCompiledMesh, type CompiledMesh } from '../kit/compiled-mesh.ts';
import { startEchoBackend, type EchoBackend } from '../kit/proxy-backend.ts';
import { echoClient } from '../kit/proxy-client.ts';

function workload(namespace: string, name: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${name} } }
spec: { containers: [{ name: app, ports: [{ containerPort: 8080 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  selector: { app: ${name} }
  ports: [{ name: grpc, port: 80, targetPort: 8080 }, { name: grpc-two, port: 81, targetPort: 8080 }]
---`;
}

const manifests = `${workload('shop', 'one')}${workload('shop', 'two')}${workload('other', 'spy')}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: producer, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: one, port: 80 }]
  rules:
  - matches: [{ path: { value: /test.Echo }, headers: [{ name: x-version, value: "2" }] }]
    filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-by, value: producer }] } }]
    backendRefs: [{ name: two, port: 80 }]
  - matches: [{ path: { value: /test.Echo } }]
    backendRefs: [{ name: one, port: 80 }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: consumer, namespace: other }
spec:
  parentRefs: [{ group: "", kind: Service, name: two, namespace: shop }]
  rules:
  - matches: [{ method: { service: test.Nothing } }]
    backendRefs: [{ name: spy, port: 80 }]
`;

describe('routes on Services', () => {
  let one: EchoBackend;
  let two: EchoBackend;
  let mesh: CompiledMesh;

  before(async () => {
    [one, two] = await Promise.all([startEchoBackend(), startEchoBackend()]);
    mesh = await startCompiledMesh({
      manifests,
      apps: { 'shop/one': one.address, 'shop/two': two.address, 'other/spy': one.address },
    });
  });

  after(async () => {
    await mesh.close();
    one.close();
    two.close();
  });

  /** The status, and how many calls each app got meanwhile. */
  async function call(from: string, authority: string, metadata: Readonly<Record<string, string>> = {}) {
    const counts = () => [one, two].map(({ calls }) => calls.get('Unary') ?? 0);
    const [ofOne = 0, ofTwo = 0] = counts();
    const client = echoClient(mesh.addressOf(`sidecar/${from}/outbound`), authority);
    const { code } = await client.unary('hello', { metadata });
    client.close();
    const [afterOne = 0, afterTwo = 0] = counts();
    return [code, afterOne - ofOne, afterTwo - ofTwo];
  }

  test('a producer route is for the callers of all namespaces', async () => {
    for (const from of ['shop/two', 'other/spy']) {
      assert.deepEqual(await call(from, 'one.shop:80', { 'x-version': '2' }), [0, 0, 1], from);
      assert.deepEqual(two.metadata.at(-1)?.get('x-by'), ['producer']);
      assert.deepEqual(await call(from, 'one.shop:80'), [0, 1, 0], from);
    }
  });

  test('a port that the route does not name goes straight on', async () => {
    assert.deepEqual(await call('shop/two', 'one.shop:81', { 'x-version': '2' }), [0, 1, 0]);
  });

  test('a consumer route is for the callers of its own namespace, who get nothing that it does not match', async () => {
    assert.deepEqual(await call('shop/one', 'two.shop:80'), [0, 0, 1]);
    assert.deepEqual(await call('other/spy', 'two.shop:80'), [12, 0, 0]);
  });
});

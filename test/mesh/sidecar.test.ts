/** What a Sidecar leaves of the hosts that an app may call, and where it takes calls. Real proxies and sockets. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCompiledMesh, type CompiledMesh } from '../kit/compiled-mesh.ts';
import { startEchoBackend, type EchoBackend } from '../kit/proxy-backend.ts';
import { echoClient } from '../kit/proxy-client.ts';

function workload(namespace: string, name: string, targetPort: number): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${name} } }
spec: { containers: [{ name: app, ports: [{ containerPort: 8080 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { app: ${name} }, ports: [{ name: grpc, port: 80, targetPort: ${targetPort} }] }
---`;
}

const manifests = `${workload('shop', 'cart', 8080)}${workload('shop', 'prices', 9999)}${workload('other', 'far', 8080)}
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: near, namespace: shop }
spec: { egress: [{ hosts: ["./*"] }], outboundTrafficPolicy: { mode: REGISTRY_ONLY } }
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: prices, namespace: shop }
spec:
  workloadSelector: { labels: { app: prices } }
  ingress: [{ port: { number: 9999, name: grpc, protocol: GRPC }, defaultEndpoint: 127.0.0.1:8080 }]
`;

describe('a Sidecar', () => {
  let app: EchoBackend;
  let mesh: CompiledMesh;

  before(async () => {
    app = await startEchoBackend();
    mesh = await startCompiledMesh({
      manifests,
      apps: { 'shop/cart': app.address, 'shop/prices': app.address, 'other/far': app.address },
    });
  });

  after(async () => {
    await mesh.close();
    app.close();
  });

  async function call(from: string, authority: string, id = 'x'): Promise<number> {
    const client = echoClient(mesh.addressOf(`sidecar/${from}/outbound`), authority);
    const { code } = await client.unary('hello', { metadata: { 'x-request-id': id } });
    client.close();
    return code;
  }

  test('hides what its egress does not name, from its own workloads only', async () => {
    assert.equal(await call('shop/cart', 'far.other'), 14);
    assert.equal(await call('other/far', 'far.other'), 0);
    assert.equal(await call('shop/prices', 'far.other'), 0);
  });

  test('is named in the log where its outboundTrafficPolicy refuses a host', async () => {
    assert.equal(await call('shop/cart', 'far.other', 'refused-host'), 14);
    const sidecar = mesh.proxy('sidecar/shop/cart');
    const find = () => sidecar.accessLines.find((line) => line.includes('refused-host'));
    await sidecar.logged(() => find() !== undefined);
    const line = find() ?? '';
    assert.ok(line.includes('outboundTrafficPolicy is REGISTRY_ONLY (Sidecar shop/near in.yaml:'), line);
  });

  test('takes calls on a port of its own for another port of the app', async () => {
    const counted = app.calls.get('Unary') ?? 0;
    assert.equal(await call('shop/cart', 'prices'), 0);
    assert.equal(app.calls.get('Unary'), counted + 1);
  });
});

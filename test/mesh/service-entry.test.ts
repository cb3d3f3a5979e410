/** Calls of an app to hosts of ServiceEntries, and what VirtualServices of the mesh make of its calls. Real proxies and sockets. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCompiledMesh, type CompiledMesh } from '../kit/compiled-mesh.ts';
import { startEchoBackend, type EchoBackend } from '../kit/proxy-backend.ts';
import { echoClient, type Answer } from '../kit/proxy-client.ts';

function manifests({ one, two }: { readonly one: EchoBackend; readonly two: EchoBackend }): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: cart, namespace: shop, labels: { app: cart } }
spec: { serviceAccountName: cart, containers: [{ name: app, ports: [{ containerPort: 50051 }] }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: static, namespace: shop }
spec:
  hosts: [static.example.com, "*.wild.example.com"]
  resolution: STATIC
  ports: [{ name: grpc, number: 9000, protocol: GRPC }]
  endpoints: [{ address: 127.0.0.1, ports: { grpc: ${one.address.port} } }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: dns, namespace: shop }
spec:
  hosts: [api.example.com]
  resolution: DNS
  ports: [{ name: grpc, number: 443, protocol: GRPC, targetPort: ${two.address.port} }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: unknown, namespace: shop }
spec:
  hosts: [unknown.example.com]
  resolution: DNS
  ports: [{ name: grpc, number: 443, protocol: GRPC }]
---
apiVersion: v1
kind: Service
metadata: { name: virtual, namespace: shop }
spec: { ports: [{ name: grpc, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: virtual, namespace: shop }
spec:
  hosts: [virtual]
  http:
  - match: [{ headers: { x-version: { exact: "2" } } }]
    route: [{ destination: { host: api.example.com } }]
  - match: [{ uri: { prefix: /test.Echo/ } }]
    route: [{ destination: { host: static.example.com, port: { number: 9000 } } }]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec:
  selector: { app: nothing }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge, namespace: shop }
spec:
  hosts: [public.example.com]
  gateways: [edge]
  http: [{ route: [{ destination: { host: static.example.com } }] }]
`;
}

describe('hosts outside the mesh', () => {
  let one: EchoBackend;
  let two: EchoBackend;
  let mesh: CompiledMesh;

  before(async () => {
    [one, two] = await Promise.all([startEchoBackend(), startEchoBackend()]);
    mesh = await startCompiledMesh({
      manifests: manifests({ one, two }),
      apps: { 'shop/cart': one.address },
      resolved: { 'api.example.com': ['127.0.0.1'] },
    });
  });

  after(async () => {
    await mesh.close();
    one.close();
    two.close();
  });

  async function call(authority: string, metadata: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const client = echoClient(mesh.addressOf('sidecar/shop/cart/outbound'), authority);
    const answer = await client.unary('hello', { metadata });
    client.close();
    return answer;
  }

  function countOf(backend: EchoBackend): number {
    return backend.calls.get('Unary') ?? 0;
  }

  test('endpoints as written, by the full host and by a wildcard', async () => {
    const counted = countOf(one);
    for (const authority of ['static.example.com:9000', 'static.example.com', 'any.wild.example.com:9000']) {
      assert.equal((await call(authority)).code, 0, authority);
    }
    assert.equal(countOf(one), counted + 3);
    assert.equal((await call('wild.example.com:9000')).code, 14);
  });

  test('the addresses that DNS gives', async () => {
    const counted = countOf(two);
    assert.equal((await call('api.example.com:443')).code, 0);
    assert.equal(countOf(two), counted + 1);
  });

  test('a name without an address has no healthy upstream', async () => {
    const { code, details } = await call('unknown.example.com:443');
    assert.deepEqual([code, details], [14, 'no healthy upstream']);
  });

  test('a VirtualService of the mesh sends the calls of its callers on', async () => {
    const [ofOne, ofTwo] = [countOf(one), countOf(two)];
    assert.equal((await call('virtual')).code, 0);
    assert.equal((await call('virtual.shop:80', { 'x-version': '2' })).code, 0);
    assert.deepEqual([countOf(one), countOf(two)], [ofOne + 1, ofTwo + 1]);
  });

  test('a VirtualService of a gateway may lead to a host of a ServiceEntry', async () => {
    const [gateway] = Object.values(mesh.result().plan.ports).filter(({ direction }) => direction === 'gateway');
    const client = echoClient(mesh.addressOf(gateway?.id ?? ''), 'public.example.com');
    const counted = countOf(one);
    assert.equal((await client.unary('hello')).code, 0);
    client.close();
    assert.equal(countOf(one), counted + 1);
  });

  test('the metrics name the host as the service', async () => {
    await call('static.example.com:9000');
    const labels = mesh
      .proxy('sidecar/shop/cart')
      .metrics.snapshot()
      .series.map((series) => series.labels.join(' '));
    assert.ok(
      labels.some((text) => text.includes('static.example.com static.example.com shop')),
      labels.join('\n'),
    );
  });
});

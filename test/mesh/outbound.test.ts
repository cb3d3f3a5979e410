/** Calls between workloads: app A, its sidecar, mutual TLS, B's sidecar, app B. From manifests, with real proxies and sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { startCompiledMesh, type CompiledMesh } from '../kit/compiled-mesh.ts';
import { startEchoBackend, type EchoBackend } from '../kit/proxy-backend.ts';
import { echoClient, type Answer } from '../kit/proxy-client.ts';

function workload(namespace: string, name: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name}, version: v1 } }
    spec: { serviceAccountName: ${name}, containers: [{ name: app, ports: [{ containerPort: 50051 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { app: ${name} }, ports: [{ name: grpc, port: 8080, targetPort: 50051 }] }
---
`;
}

const manifests = `${workload('shop', 'cart')}${workload('shop', 'prices')}${workload('other', 'spy')}
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: only-cart, namespace: shop }
spec:
  selector: { matchLabels: { app: prices } }
  action: ALLOW
  rules:
  - from: [{ source: { principals: [cluster.local/ns/shop/sa/cart] } }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: db, namespace: shop }
spec:
  selector: { matchLabels: { app: db } }
  template:
    metadata: { labels: { app: db } }
    spec: { serviceAccountName: db, containers: [{ name: app, ports: [{ containerPort: 5432 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: db, namespace: shop }
spec: { selector: { app: db }, ports: [{ name: tcp-db, port: 5432 }] }
---
apiVersion: v1
kind: Service
metadata: { name: idle, namespace: shop }
spec: { selector: { app: nobody }, ports: [{ name: grpc, port: 8080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: many, namespace: shop }
spec:
  selector: { app: prices }
  ports: [{ name: grpc-one, port: 9001, targetPort: 50051 }, { name: grpc-two, port: 9002, targetPort: 50051 }]
`;

describe('a call from app to app through both sidecars', () => {
  let prices: EchoBackend;
  let idleApp: EchoBackend;
  let mesh: CompiledMesh;
  let db: Server;

  before(async () => {
    db = createServer((socket) => socket.on('data', (bytes) => socket.end(`you said ${bytes.toString()}`)));
    await once(db.listen(0, '127.0.0.1'), 'listening');
    prices = await startEchoBackend();
    idleApp = await startEchoBackend();
    mesh = await startCompiledMesh({
      manifests,
      apps: {
        'shop/cart': idleApp.address,
        'shop/prices': prices.address,
        'other/spy': idleApp.address,
        'shop/db': { host: '127.0.0.1', port: (db.address() as AddressInfo).port },
      },
      started: ['shop/cart'],
    });
  });

  after(async () => {
    await mesh.close();
    db.close();
    prices.close();
    idleApp.close();
  });

  async function call(
    from: string,
    authority: string,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const client = echoClient(mesh.addressOf(`sidecar/${from}/outbound`), authority);
    const answer = await client.unary('hello', { metadata });
    client.close();
    return answer;
  }

  test('carries the identity of the caller: allowed for one principal, denied for another', async () => {
    const allowed = await call('shop/cart', 'prices.shop.svc.cluster.local:8080');
    const denied = await call('other/spy', 'prices.shop.svc.cluster.local:8080');
    assert.deepEqual([allowed.code, allowed.message.toString()], [0, 'hello']);
    assert.equal(denied.code, 7);
    const [xfcc = ''] = (prices.metadata.at(-1)?.get('x-forwarded-client-cert') ?? []).map(String);
    assert.ok(xfcc.startsWith('By=spiffe://cluster.local/ns/shop/sa/prices;'), xfcc);
    assert.ok(xfcc.endsWith('URI=spiffe://cluster.local/ns/shop/sa/cart'), xfcc);
  });

  const names = [
    'prices:8080',
    'prices.shop:8080',
    'prices.shop.svc:8080',
    'prices.shop.svc.cluster.local:8080',
    'prices.shop.svc.cluster.local.:8080',
    'Prices.Shop:8080',
    'prices',
    'prices.shop',
    'prices.shop.svc.cluster.local',
    'many:9001',
    'many.shop:9002',
  ];
  for (const name of names) {
    test(`the Service is found as ${name}`, async () => {
      assert.equal((await call('shop/cart', name)).code, 0);
    });
  }

  test('a short name belongs to the namespace of the caller', async () => {
    const answer = await call('other/spy', 'prices:8080', { 'x-request-id': 'elsewhere' });
    assert.deepEqual([answer.code, answer.details], [14, 'no such host in the mesh']);
  });

  for (const name of [
    'prices:9999',
    'many',
    'unknown.example.com',
    'unknown.example.com:443',
    '127.0.0.1:15001',
    '[::1]:80',
  ]) {
    test(`${name} leads nowhere, and the log says why`, async () => {
      const id = `lost-${name}`;
      assert.equal((await call('shop/cart', name, { 'x-request-id': id })).code, 14);
      const sidecar = mesh.proxy('sidecar/shop/cart');
      const find = () => sidecar.accessLines.find((one) => one.includes(id));
      await sidecar.logged(() => find() !== undefined);
      const line = find() ?? '';
      assert.match(line, / 200 14 - /);
      assert.ok(line.includes('is no Service port: ALLOW_ANY passes calls on'), line);
    });
  }

  test('a Service that nothing runs behind has no healthy upstream', async () => {
    const answer = await call('shop/cart', 'idle:8080', { 'x-request-id': 'idle-call' });
    assert.deepEqual([answer.code, answer.details], [14, 'no healthy upstream']);
    // It is told of by the environment of cart, and so in the plan; another namespace that has nobody to tell knows its name.
    const sidecar = mesh.proxy('sidecar/shop/cart');
    const find = () => sidecar.accessLines.find((one) => one.includes('idle-call'));
    await sidecar.logged(() => find() !== undefined);
    assert.match(find() ?? '', / UH /);
  });

  test('a port of its own stands for a Service port, whatever the authority', async () => {
    const port = 'sidecar/shop/cart/outbound/prices/8080';
    const { host, port: number } = mesh.addressOf(port);
    const client = echoClient({ host, port: number }, `${host}:${number}`);
    assert.equal((await client.unary('hello')).code, 0);
    client.close();
    assert.throws(() => mesh.addressOf('sidecar/other/spy/outbound/prices/8080'), /no port/);
  });

  test('the port of a Service that does not speak HTTP relays bytes, with mutual TLS between the sidecars', async () => {
    const socket = connect(mesh.addressOf('sidecar/shop/cart/outbound/db/5432'));
    socket.write('hello');
    let answer = '';
    for await (const bytes of socket as AsyncIterable<Buffer>) answer += bytes.toString();
    assert.equal(answer, 'you said hello');
    const sidecar = mesh.proxy('sidecar/shop/db');
    const find = () => sidecar.accessLines.find((line) => line.includes('spiffe://cluster.local/ns/shop/sa/cart'));
    await sidecar.logged(() => find() !== undefined);
  });

  test('the sidecar reports as the source, with both workloads and the Service', async () => {
    await call('shop/cart', 'prices:8080', { 'x-request-id': 'reported' });
    const sidecar = mesh.proxy('sidecar/shop/cart');
    const find = () => sidecar.accessLines.find((one) => one.includes('reported'));
    await sidecar.logged(() => find() !== undefined);
    const line = find() ?? '';
    assert.match(line, / source sidecar\/shop\/cart "POST \/test\.Echo\/Unary" "prices:8080" 200 0 - /);
    assert.ok(line.includes('outbound|8080||prices.shop.svc.cluster.local'), line);
    assert.ok(line.includes('route="Service shop/prices in.yaml:'), line);
    const series = sidecar.metrics.snapshot().series.map(({ labels }) => labels.join(' '));
    const expected =
      'source cart shop spiffe://cluster.local/ns/shop/sa/cart cart v1 cart v1 Kubernetes prices shop ' +
      'spiffe://cluster.local/ns/shop/sa/prices prices v1 prices.shop.svc.cluster.local prices shop Kubernetes';
    assert.ok(
      series.some((labels) => expected.split(' ').every((label) => labels.split(' ').includes(label))),
      series.join('\n'),
    );
    const outcome = series.find((labels) => labels.includes('BlackHoleCluster'));
    assert.ok(outcome?.startsWith('source cart'), series.join('\n'));
  });

  test('trust headers of the app are not passed on; a request id is made', async () => {
    const client = echoClient(mesh.addressOf('sidecar/shop/cart/outbound'), 'prices:8080');
    await client.unary('x', { metadata: { 'x-forwarded-client-cert': 'By=spiffe://evil;URI=spiffe://evil' } });
    client.close();
    const seen = prices.metadata.at(-1);
    assert.equal(
      seen?.get('x-forwarded-client-cert').some((value) => String(value).includes('evil')),
      false,
    );
    assert.match(String(seen?.get('x-request-id')[0]), /^[0-9a-f-]{36}$/);
  });
});

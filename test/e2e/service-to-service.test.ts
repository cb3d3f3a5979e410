/** Processes that call each other by the environment variables a kubelet would set, each through its own sidecar. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startEchoBackend } from '../kit/proxy-backend.ts';
import { echoClient } from '../kit/proxy-client.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

const relayApp = join(import.meta.dirname, '..', 'kit', 'relay-app.ts');

function workload(name: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { serviceAccountName: ${name}, containers: [{ name: app, ports: [{ containerPort: 50051 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: ${name} }, ports: [{ name: grpc, port: 8080, targetPort: 50051 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: shop }
spec:
  parentRefs: [{ name: edge }]
  hostnames: [${name}.example]
  rules: [{ backendRefs: [{ name: ${name}, port: 8080 }] }]
---
`;
}

const manifests = `${workload('cart')}${workload('spy')}${workload('prices')}
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec:
  gatewayClassName: istio
  listeners: [{ name: http, port: 80, protocol: HTTP }]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: shop }
spec: { mtls: { mode: STRICT } }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: prices, namespace: shop }
spec:
  selector: { matchLabels: { app: prices } }
  rules: [{ from: [{ source: { principals: [cluster.local/ns/shop/sa/cart] } }] }]
`;

test('an app calls another by the variables of its environment; the other one sees who calls', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-calls-'));
  writeFileSync(join(directory, 'mesh.yaml'), manifests);
  const exec = (name: string, calls: string) => ['--exec', `shop/${name}=${calls} '${process.execPath}' '${relayApp}'`];
  const mesh = new SallyportProcess([
    'run',
    ...['-f', directory],
    ...exec('cart', 'CALLS=PRICES'),
    ...exec('spy', 'CALLS=PRICES'),
    ...exec('prices', ''),
  ]);
  try {
    await mesh.ready();
    const [host = '', port = ''] = mesh.listener('shop/edge').split(':');
    const call = async (name: string) => {
      const client = echoClient({ host, port: Number(port) }, `${name}.example`);
      const answer = await client.unary('hello');
      client.close();
      return [answer.code, answer.message.toString() || answer.details];
    };
    assert.deepEqual(await call('cart'), [0, 'hello answered']);
    assert.deepEqual(await call('spy'), [7, 'RBAC: access denied']);
    const cart = mesh.run.proxies.find(({ id }) => id === 'sidecar/shop/cart');
    const outbound = cart?.ports['sidecar/shop/cart/outbound'] ?? 'none';
    const row = mesh.stderr.split('\n').find((line) => line.startsWith('shop/cart ')) ?? '';
    assert.ok(row.trimEnd().endsWith(outbound), mesh.stderr);
    await mesh.until(
      () => / source sidecar\/shop\/spy .* 200 PERMISSION_DENIED /.test(mesh.stdout),
      'to log the denied call',
    );
  } finally {
    await mesh.stop();
    rmSync(directory, { recursive: true });
  }
});

test('an app calls an outside host whose name is looked up, by its authority', async () => {
  const outside = await startEchoBackend();
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-outside-'));
  const entry = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: outside, namespace: shop }
spec:
  hosts: [outside.example.com]
  resolution: DNS
  ports: [{ name: grpc, number: 443, protocol: GRPC }]
  endpoints: [{ address: localhost, ports: { grpc: ${outside.address.port} } }]
`;
  writeFileSync(join(directory, 'mesh.yaml'), `${manifests}---\n${entry}`);
  const command = `AUTHORITY=outside.example.com:443 '${process.execPath}' '${relayApp}'`;
  const mesh = new SallyportProcess(['run', '-f', directory, '--exec', `shop/cart=${command}`]);
  try {
    await mesh.ready();
    const [host = '', port = ''] = mesh.listener('shop/edge').split(':');
    const client = echoClient({ host, port: Number(port) }, 'cart.example');
    const { code, message } = await client.unary('hello');
    client.close();
    assert.deepEqual([code, message.toString()], [0, 'hello']);
    assert.equal(outside.calls.get('Unary'), 1);
  } finally {
    await mesh.stop();
    outside.close();
    rmSync(directory, { recursive: true });
  }
});

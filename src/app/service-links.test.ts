import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindingsOf, compileText } from '../../test/kit/compile-kit.ts';
import { serviceLinks } from './service-links.ts';

const manifests = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: app, ports: [{ containerPort: 1 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: asset-management, namespace: shop }
spec: { ports: [{ name: grpc-api, port: 9090 }, { name: http, port: 8080 }, { name: dns, port: 53, protocol: UDP }] }
---
apiVersion: v1
kind: Service
metadata: { name: headless, namespace: shop }
spec: { clusterIP: None, ports: [{ name: grpc, port: 8080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: elsewhere, namespace: other }
spec: { ports: [{ name: grpc, port: 8080 }] }
`;

function links(text: string, unbound: readonly string[] = []): Record<string, string> {
  const bindings = bindingsOf(['shop/web=127.0.0.1:1']).map((one) => ({ ...one, isStarted: true as const }));
  const { plan } = compileText(text, { bindings, options: { outbound: true } });
  const bound = Object.keys(plan.ports).filter((id) => !unbound.includes(id));
  const addresses = new Map(bound.map((id) => [id, `127.0.0.1:${plan.ports[id]?.number === 9090 ? 40_000 : 40_001}`]));
  return serviceLinks(plan, { proxy: 'sidecar/shop/web', addresses });
}

test('the variables of a kubelet, for the Services of the namespace that have an address', () => {
  assert.deepEqual(links(manifests), {
    SALLYPORT_OUTBOUND: '127.0.0.1:40001',
    ASSET_MANAGEMENT_SERVICE_HOST: '127.0.0.1',
    ASSET_MANAGEMENT_SERVICE_PORT: '40000',
    ASSET_MANAGEMENT_SERVICE_PORT_GRPC_API: '40000',
    ASSET_MANAGEMENT_SERVICE_PORT_HTTP: '40001',
    ASSET_MANAGEMENT_PORT: 'tcp://127.0.0.1:40000',
    ASSET_MANAGEMENT_PORT_9090_TCP: 'tcp://127.0.0.1:40000',
    ASSET_MANAGEMENT_PORT_9090_TCP_PROTO: 'tcp',
    ASSET_MANAGEMENT_PORT_9090_TCP_PORT: '40000',
    ASSET_MANAGEMENT_PORT_9090_TCP_ADDR: '127.0.0.1',
    ASSET_MANAGEMENT_PORT_8080_TCP: 'tcp://127.0.0.1:40001',
    ASSET_MANAGEMENT_PORT_8080_TCP_PROTO: 'tcp',
    ASSET_MANAGEMENT_PORT_8080_TCP_PORT: '40001',
    ASSET_MANAGEMENT_PORT_8080_TCP_ADDR: '127.0.0.1',
  });
});

test('enableServiceLinks: false leaves only the one port for all', () => {
  const without = manifests.replace('spec: { containers', 'spec: { enableServiceLinks: false, containers');
  assert.deepEqual(links(without), { SALLYPORT_OUTBOUND: '127.0.0.1:40001' });
});

test('a port that is not bound is not named', () => {
  const left = links(manifests, ['sidecar/shop/web/outbound/asset-management/9090', 'sidecar/shop/web/outbound']);
  assert.equal(left['SALLYPORT_OUTBOUND'], undefined);
  assert.equal(left['ASSET_MANAGEMENT_SERVICE_PORT_GRPC_API'], undefined);
  assert.equal(left['ASSET_MANAGEMENT_PORT_8080_TCP_PORT'], '40001');
});

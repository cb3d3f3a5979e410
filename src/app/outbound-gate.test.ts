import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindingsOf, compileText } from '../../test/kit/compile-kit.ts';
import { OutboundGate } from './outbound-gate.ts';

const manifests = `
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop }
spec: { containers: [{ name: app, ports: [{ containerPort: 1 }] }] }
`;

const { plan } = compileText(manifests, {
  bindings: bindingsOf(['shop/web=127.0.0.1:1']),
  options: { outbound: true },
});

test('waits for the outbound ports of the proxy, and for nothing else', async () => {
  const gate = new OutboundGate();
  await gate.whenDecided(() => plan, 'sidecar/shop/other');
  let passed = false;
  const waiting = gate.whenDecided(() => plan, 'sidecar/shop/web').then(() => (passed = true));
  gate.decide('sidecar/shop/web/1');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(passed, false);
  gate.decide('sidecar/shop/web/outbound');
  await waiting;
  await gate.whenDecided(() => plan, 'sidecar/shop/web');
});

test('opens for all when the mesh stops', async () => {
  const gate = new OutboundGate();
  const waiting = gate.whenDecided(() => plan, 'sidecar/shop/web');
  gate.open();
  await waiting;
});

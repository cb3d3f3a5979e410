/** Telemetry's access log settings on real calls. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { startEchoBackend } from '../../test/kit/proxy-backend.ts';
import { echoClient, type EchoClient } from '../../test/kit/proxy-client.ts';
import { startMesh, type TestMesh } from '../../test/kit/proxy-mesh.ts';
import { proxyOrigin } from '../../test/kit/proxy-plan.ts';
import type { AccessLogRule, ProxyTelemetry } from '../plan/index.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function stage(rules: readonly Partial<AccessLogRule>[]): Promise<{ mesh: TestMesh; client: EchoClient }> {
  const origin = proxyOrigin('Telemetry', 'logs', 1);
  const telemetry: ProxyTelemetry = {
    accessLog: rules.map((rule) => ({ origin, reporter: 'source', disabled: false, ...rule })),
    metrics: [],
  };
  const backend = await startEchoBackend();
  const mesh = await startMesh({ application: backend.address, telemetry });
  const client = echoClient(mesh.gatewayAddress);
  cleanups.push(
    () => backend.close(),
    () => mesh.close(),
    () => client.close(),
  );
  return { mesh, client };
}

test('a reporter that is switched off writes nothing, the other does', async () => {
  const { mesh, client } = await stage([{ reporter: 'source', disabled: true }]);
  await client.unary('x');
  await mesh.sidecar.logged(() => mesh.sidecar.accessLines.length === 1);
  assert.deepEqual(mesh.gateway.accessLines, []);
});

test('a filter lets through what it holds for', async () => {
  const filter = { type: 'compare', attribute: 'response.grpc_status', operator: '!=', value: 0 } as const;
  const { mesh, client } = await stage([{ filter }, { reporter: 'destination', filter }]);
  await client.unary('x');
  assert.equal((await client.start('Fail').answer).code, 9);
  await mesh.gateway.logged(() => mesh.gateway.accessLines.length > 0);
  await mesh.sidecar.logged(() => mesh.sidecar.accessLines.length > 0);
  for (const { accessLines } of [mesh.gateway, mesh.sidecar]) {
    assert.equal(accessLines.length, 1);
    assert.match(accessLines[0] ?? '', /test\.Echo\/Fail/);
  }
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { startEchoBackend, type EchoBackend } from '../../test/kit/proxy-backend.ts';
import { echoClient, type EchoClient } from '../../test/kit/proxy-client.ts';
import { startMesh, type TestMesh } from '../../test/kit/proxy-mesh.ts';

describe('how calls end', () => {
  let backend: EchoBackend;
  let mesh: TestMesh;
  let client: EchoClient;

  before(async () => {
    backend = await startEchoBackend();
    mesh = await startMesh({ application: backend.address });
    client = echoClient(mesh.gatewayAddress);
  });

  after(async () => {
    client.close();
    await mesh.close();
    backend.close();
  });

  /** No proxy holds anything of a request any more. */
  function assertIdle(): void {
    for (const { proxy } of [mesh.gateway, mesh.sidecar]) {
      const { activeRequests, clusters } = proxy.snapshot();
      assert.equal(activeRequests, 0);
      for (const cluster of clusters) {
        assert.equal(cluster.activeRequests, 0);
        for (const endpoint of cluster.endpoints) assert.equal(endpoint.activeRequests, 0);
      }
    }
  }

  test('a cancelled call is cancelled at the application', async () => {
    const begun = backend.nextHang();
    const { call, answer } = client.start('Hang');
    await begun;
    const cancelled = backend.nextCancel();
    call.cancel();
    assert.equal((await answer).code, 1);
    assert.equal(await cancelled, 'Hang');
    assertIdle();
  });

  test('a stream cancelled in the middle is cancelled at the application', async () => {
    const stream = client.raw.Bidi();
    stream.on('error', () => undefined);
    stream.write(Buffer.from('one'));
    await once(stream, 'data');
    const cancelled = backend.nextCancel();
    stream.cancel();
    assert.equal(await cancelled, 'Bidi');
    assertIdle();
  });

  test('the deadline ends a call at the client and at the application', async () => {
    const cancelled = backend.nextCancel();
    const { code } = await client.start('Hang', { timeoutMs: 80 }).answer;
    assert.equal(code, 4);
    assert.equal(await cancelled, 'Hang');
  });

  test("a client's lost connection cancels its calls", async () => {
    const other = echoClient(mesh.gatewayAddress);
    const begun = backend.nextHang();
    const { call } = other.start('Hang');
    await begun;
    const cancelled = backend.nextCancel();
    call.cancel();
    other.close();
    assert.equal(await cancelled, 'Hang');
    assertIdle();
  });
});

describe("a route's own limit", () => {
  let backend: EchoBackend;
  let mesh: TestMesh;
  let client: EchoClient;

  before(async () => {
    backend = await startEchoBackend();
    mesh = await startMesh({ application: backend.address, routeTimeoutMs: 400 });
    client = echoClient(mesh.gatewayAddress);
    // With the connections made, the limit ends a call that has reached the application.
    await client.unary('ready');
  });

  after(async () => {
    client.close();
    await mesh.close();
    backend.close();
  });

  test('ends the call with DEADLINE_EXCEEDED and the flag UT', async () => {
    const cancelled = backend.nextCancel();
    const { code } = await client.start('Hang').answer;
    assert.equal(code, 4);
    await cancelled;
    await mesh.gateway.logged(() => mesh.gateway.accessLines.length > 1);
    assert.match(mesh.gateway.accessLines[1] ?? '', /200 4 UT /);
  });

  test('does not stand in for an earlier deadline of the caller', async () => {
    const { code } = await client.start('Hang', { timeoutMs: 15 }).answer;
    assert.equal(code, 4);
    await mesh.gateway.logged(() => mesh.gateway.accessLines.length > 2);
    // Caller, gateway and sidecar watch the same deadline; any may be first.
    assert.match(mesh.gateway.accessLines[2] ?? '', / (0 - DC|200 4 (UT|-)) /);
  });
});

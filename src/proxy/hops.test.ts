import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startEchoBackend, type EchoBackend } from '../../test/kit/proxy-backend.ts';
import { echoClient, type EchoClient } from '../../test/kit/proxy-client.ts';
import { startMesh, type TestMesh } from '../../test/kit/proxy-mesh.ts';

describe('two hops with mutual TLS between them', () => {
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

  test('a unary call reaches the application and its answer comes back', async () => {
    const answer = await client.unary('hello');
    assert.equal(answer.code, 0);
    assert.equal(answer.message.toString(), 'hello');
  });
});

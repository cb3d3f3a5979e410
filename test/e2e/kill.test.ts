/** SIGKILL for the service, the sidecar and the gateway: calls in flight end with UNAVAILABLE, and the proxy comes back. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import {
  assetClient,
  startAssetBackend,
  type AssetBackend,
  type AssetClient,
  type Message,
} from '../kit/asset-service.ts';
import { wholeExample } from '../kit/manifests.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

let mesh: SallyportProcess;
let backend: AssetBackend;
let client: AssetClient;
let address: string;

before(async () => {
  backend = await startAssetBackend();
  mesh = new SallyportProcess(['run', ...wholeExample(), '--workload', `default/asset-management=${backend.address}`]);
  await mesh.ready();
  address = mesh.listener('gateway/public-api-gateway');
  client = assetClient(address, { authority: 'sit-gateway.tcex.com.vn' });
});

after(async () => {
  client?.close();
  await mesh.stop();
  backend.close();
});

for (const role of ['sidecar', 'gateway'])
  test(`the ${role} is killed: calls in flight get UNAVAILABLE, and it is back by itself`, async () => {
    const { ended } = await openCall();
    const { id, pid } = proxyOf(role);
    process.kill(pid, 'SIGKILL');
    assert.equal((await ended).code, status.UNAVAILABLE);
    await mesh.until(() => mesh.stderr.includes(`[${id}] ended (SIGKILL)`), `to notice that ${id} died`);
    await succeedsAgain();
    assert.notEqual(proxyOf(role).pid, pid, 'a new process');
    assert.equal(mesh.listener('gateway/public-api-gateway'), address, 'on the same port');
  });

test('the service is killed: calls get UNAVAILABLE at once; when it is back, calls succeed again', async () => {
  const { ended } = await openCall();
  const { port } = backend;
  backend.close();
  assert.equal((await ended).code, status.UNAVAILABLE);
  const refusedCall = await client.unary('GetAsset', {}).then(
    () => assert.fail('succeeded'),
    (error: Message) => error,
  );
  assert.equal(refusedCall.code, status.UNAVAILABLE);
  backend = await startAssetBackend({ port });
  await succeedsAgain();
});

/** A stream that has begun; `ended` is the error it ends with. */
async function openCall(): Promise<{ readonly ended: Promise<Message> }> {
  const call = client.reconcile();
  const ended = new Promise<Message>((resolve) => call.on('error', resolve));
  const begun = new Promise((resolve) => call.once('data', resolve));
  call.write({ asset_id: 'a' });
  await begun;
  return { ended };
}

function proxyOf(role: string): { id: string; pid: number } {
  return (
    mesh.run.proxies.find(({ id }) => id.startsWith(`${role}/`)) ??
    assert.fail(`no ${role} in ${JSON.stringify(mesh.run)}`)
  );
}

/** Calls until one succeeds, each on a fresh connection with a deadline of its own. */
async function succeedsAgain(): Promise<void> {
  const untilMs = Date.now() + 15_000;
  let last: unknown;
  while (Date.now() < untilMs) {
    const fresh = assetClient(address, { authority: 'sit-gateway.tcex.com.vn' });
    try {
      await fresh.unary('GetAsset', { asset_id: 'z' }, { deadline: Date.now() + 1000 });
      return;
    } catch (error) {
      last = error;
    } finally {
      fresh.close();
    }
  }
  assert.fail(`no call succeeded: ${String(last)}`);
}

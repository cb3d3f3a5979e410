/** Saving manifests while they are served: broken ones change nothing, good ones take effect without breaking a stream. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { assetClient, refused, startAssetBackend, type AssetBackend, type AssetClient } from '../kit/asset-service.ts';
import { editableExample } from '../kit/manifests.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

const example = editableExample();
let mesh: SallyportProcess;
let backend: AssetBackend;
let client: AssetClient;

before(async () => {
  backend = await startAssetBackend();
  mesh = new SallyportProcess([
    'run',
    '-f',
    example.directory,
    '--workload',
    `default/asset-management=${backend.address}`,
  ]);
  await mesh.ready();
  client = assetClient(mesh.listener('gateway/public-api-gateway'), { authority: 'sit-gateway.tcex.com.vn' });
});

after(async () => {
  client?.close();
  await mesh.stop();
  backend.close();
});

test('a broken manifest keeps the last good plan and prints the finding; mending it applies the change', async () => {
  await client.unary('GetAsset', {});
  let from = mesh.stderr.length;
  example.edit('10-httproute.yaml', (text) => text.replace('rules:', 'rules: ['));
  await mesh.until(
    () => /Error \[SP00\d\d.*10-httproute\.yaml:\d+/.test(mesh.stderr.slice(from)),
    'to print the finding',
  );
  await mesh.until(() => mesh.stderr.slice(from).includes('last good version stays in force'), 'to say what stays');
  await client.unary('GetAsset', {});

  from = mesh.stderr.length;
  example.edit('10-httproute.yaml', (text) =>
    text.replace('rules: [', 'rules:').replace('/asset.AssetService', '/asset.OtherService'),
  );
  await applied(from, /routes/);
  assert.equal((await refused(client.unary('GetAsset', {}))).code, status.UNIMPLEMENTED);

  from = mesh.stderr.length;
  example.edit('10-httproute.yaml', (text) => text.replace('/asset.OtherService', '/asset.AssetService'));
  await applied(from, /routes/);
  await client.unary('GetAsset', {});
});

test('a wrong field keeps the last good version of its file, while other files go on changing', async () => {
  let from = mesh.stderr.length;
  example.edit('30-authorizationpolicy.yaml', (text) => text.replace('paths:', 'pathes:'));
  await mesh.until(
    () => /Error \[SP02\d\d.*30-authorizationpolicy\.yaml:\d+/.test(mesh.stderr.slice(from)),
    'to print the finding',
  );
  await client.unary('GetAsset', {});

  from = mesh.stderr.length;
  example.edit('10-httproute.yaml', (text) => text.replace('sit-gateway.tcex.com.vn', 'other.example'));
  await applied(from, /hosts/);
  assert.equal((await refused(client.unary('GetAsset', {}))).code, status.UNIMPLEMENTED);

  from = mesh.stderr.length;
  example.edit('10-httproute.yaml', (text) => text.replace('other.example', 'sit-gateway.tcex.com.vn'));
  await applied(from, /hosts/);
  from = mesh.stderr.length;
  example.edit('30-authorizationpolicy.yaml', (text) => text.replace('pathes:', 'paths:'));
  await applied(from, /Nothing changed/);
  await client.unary('GetAsset', {});
});

test('a change takes effect for new calls without breaking a stream in flight', async () => {
  const call = client.reconcile();
  const answers = call[Symbol.asyncIterator]();
  call.write({ asset_id: 'before' });
  assert.equal((await answers.next()).value.asset_id, 'before');

  const from = mesh.stderr.length;
  example.edit('30-authorizationpolicy.yaml', (text) =>
    text.replace('/asset.AssetService/*', '/asset.AssetService/ListAssets'),
  );
  await applied(from, /policies/);
  assert.equal((await refused(client.unary('GetAsset', {}))).code, status.PERMISSION_DENIED);
  await client.unary('ListAssets', {});

  call.write({ asset_id: 'after' });
  assert.equal((await answers.next()).value.asset_id, 'after');
  call.end();
  assert.equal((await answers.next()).done, true);
});

/** Resolves when a change has settled that had this effect: an earlier one may still be on its way. */
function applied(from: number, effect: RegExp): Promise<void> {
  const line = new RegExp(`^Applied\\. .*${effect.source}`, 'm');
  return mesh.until(() => line.test(mesh.stderr.slice(from)), 'to apply the change');
}

/** The owner's three files, byte for byte, through real processes: gateway, sidecar, service with its database. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import {
  assetClient,
  startAssetBackend,
  type AssetBackend,
  type AssetClient,
  type Message,
} from '../kit/asset-service.ts';
import { documentFiles, documentManifest, exampleManifest, seedIsPresent, wholeExample } from '../kit/manifests.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

const root = dirname(dirname(import.meta.dirname));
const authority = 'sit-gateway.tcex.com.vn';
const gateway = 'gateway/public-api-gateway';
const exampleConfig = join(root, 'examples', 'asset-management', 'sallyport.yaml');

test(
  "the example carries the document's files unchanged",
  { skip: !seedIsPresent && "the owner's files are not beside the project" },
  () => {
    for (const name of documentFiles)
      assert.deepEqual(readFileSync(exampleManifest(name)), readFileSync(documentManifest(name)), name);
  },
);

describe('with the example’s other manifests and its real service', () => {
  let mesh: SallyportProcess;
  let client: AssetClient;
  let address: string;

  before(async () => {
    mesh = new SallyportProcess(['run', ...wholeExample(), '--config', exampleConfig]);
    await mesh.ready();
    address = mesh.listener(gateway);
    client = assetClient(address, { authority });
  });
  after(async () => {
    client?.close();
    await mesh.stop();
  });

  test('GetAsset and ListAssets answer from the database', async () => {
    const listed = await client.unary('ListAssets', { page_size: 5 });
    assert.equal(listed.assets.length, 5);
    const [first] = listed.assets;
    assert.deepEqual(await client.unary('GetAsset', { asset_id: first.asset_id }), first);
  });

  test('errors keep their code and their details', async () => {
    const error = await client.unary('GetAsset', { asset_id: 'no-such-asset' }).then(
      () => assert.fail('succeeded'),
      (reason: Message) => reason,
    );
    assert.equal(error.code, status.NOT_FOUND);
    assert.equal(error.metadata.get('grpc-status-details-bin').length, 1);
  });

  test('client, server and bidirectional streaming carry 10,000 messages', async () => {
    const count = 10_000;
    const imported = await new Promise<Message>((resolve, reject) => {
      const call = client.import((error, response) => (error === null ? resolve(response) : reject(error)));
      let sent = 0;
      const more = () => {
        while (sent < count) {
          const asset = { display_name: `Part ${sent}`, category: 'INSTRUMENT', location: 'shelf' };
          if (!call.write({ asset_id: `part-${sent++}`, asset, overwrite: true })) return void call.once('drain', more);
        }
        call.end();
      };
      more();
    });
    assert.equal(Number(imported.received_count), count);
    assert.equal(Number(imported.failed_count), 0);

    let snapshot = 0;
    for await (const event of client.watch({ include_snapshot: true, end_when_synced: true }))
      if (event.type === 'SNAPSHOT') snapshot += 1;
    assert.ok(snapshot >= count, `${snapshot} events`);

    const call = client.reconcile();
    void (async () => {
      for (let index = 0; index < count; index += 1) {
        const scan = { asset_id: `part-${index}`, observed_location: 'shelf' };
        if (!call.write(scan)) await new Promise((resolve) => call.once('drain', resolve));
      }
      call.end();
    })();
    let findings = 0;
    for await (const finding of call) {
      assert.equal(Number(finding.scan_index), findings++);
      assert.equal(finding.verdict, 'MATCH');
    }
    assert.equal(findings, count);
  });

  test("the document's grpcurl command works, by `sallyport call`", async () => {
    const { stdout, code } = await run(process.execPath, [
      join(root, 'bin', 'sallyport.js'),
      'call',
      ...documentCommand(address),
    ]);
    assert.equal(code, 0);
    assert.match(stdout, /^\{\n {2}"assetId": "/);
  });

  test("the document's grpcurl command works, by grpcurl", async (t) => {
    const grpcurl = process.env['GRPCURL'] ?? 'grpcurl';
    const found = await run(grpcurl, ['-version']);
    if (found.code !== 0) return t.skip('grpcurl is not installed');
    const { stdout, stderr, code } = await run(grpcurl, documentCommand(address));
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^\{\n {2}"assetId": "/);
    const listed = await run(grpcurl, ['-plaintext', `-authority=${authority}`, address, 'list']);
    assert.equal(listed.stdout, 'asset.AssetService\n', 'only what the gateway routes is listed');
  });

  test('both proxies count the calls under Istio’s labels', async () => {
    const text = await (await fetch(`http://${mesh.run.admin}/metrics`)).text();
    for (const reporter of ['source', 'destination']) {
      const line = text
        .split('\n')
        .find(
          (row) =>
            row.startsWith('istio_requests_total{') &&
            row.includes(`reporter="${reporter}"`) &&
            row.includes('destination_service="asset-management.default.svc.cluster.local"') &&
            row.includes('grpc_response_status="0"'),
        );
      assert.ok(line !== undefined, `no series of reporter ${reporter} in\n${text}`);
      assert.match(
        line,
        /source_principal="spiffe:\/\/cluster\.local\/ns\/gateway\/sa\/istio-ingressgateway-service-account"/,
      );
      assert.match(line, /destination_principal="spiffe:\/\/cluster\.local\/ns\/default\/sa\/asset-management"/);
    }
  });
});

describe('alone, with --add-missing', () => {
  let mesh: SallyportProcess;
  let backend: AssetBackend;
  let client: AssetClient;

  before(async () => {
    backend = await startAssetBackend();
    mesh = new SallyportProcess([
      'run',
      ...documentFiles.flatMap((name) => ['-f', documentManifest(name)]),
      '--add-missing',
      ...['--workload', `default/asset-management=${backend.address}`],
    ]);
    await mesh.ready();
    client = assetClient(mesh.listener(gateway), { authority });
  });
  after(async () => {
    client?.close();
    await mesh.stop();
    backend.close();
  });

  test('what was supplied is listed', () => {
    for (const kind of ['Gateway gateway/public-api-gateway', 'Service default/asset-management', 'PeerAuthentication'])
      assert.match(mesh.stderr, new RegExp(`^Added ${kind}`, 'm'));
  });

  test('unary calls and all streaming kinds pass', async () => {
    assert.equal((await client.unary('GetAsset', { asset_id: 'x' })).asset_id, 'x');
    assert.equal((await client.unary('ListAssets', {})).assets.length, 2);

    let events = 0;
    for await (const _event of client.watch({ resume_token: '10000' })) events += 1;
    assert.equal(events, 10_000);

    const imported = await new Promise<Message>((resolve, reject) => {
      const call = client.import((error, response) => (error === null ? resolve(response) : reject(error)));
      for (let index = 0; index < 1000; index += 1) call.write({ asset_id: `a${index}` });
      call.end();
    });
    assert.equal(Number(imported.received_count), 1000);

    const call = client.reconcile();
    for (let index = 0; index < 1000; index += 1) call.write({ asset_id: `a${index}` });
    call.end();
    let findings = 0;
    for await (const _finding of call) findings += 1;
    assert.equal(findings, 1000);
  });

  test('a slow reader slows its sender and loses nothing', async () => {
    const call = client.watch({ resume_token: '3000' });
    let events = 0;
    for await (const _event of call) {
      events += 1;
      // Reads in bursts with a pause between: the sender is far ahead each time.
      if (events % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(events, 3000);
  });

  test('a call cancelled in the middle ends at the service too', async () => {
    const cancelledBefore = backend.cancelled;
    const call = client.watch({ resume_token: '1000000' });
    const error = await new Promise<Message>((resolve) => {
      call.once('data', () => call.cancel());
      call.on('error', resolve);
    });
    assert.equal(error.code, status.CANCELLED);
    await client.unary('GetAsset', {});
    await mesh.until(() => backend.cancelled > cancelledBefore, 'to pass the cancellation on');
  });
});

/** The document's command, verbatim but for address and port. */
function documentCommand(address: string): string[] {
  return ['-plaintext', `-authority=${authority}`, address, 'asset.AssetService/GetAsset'];
}

function run(command: string, args: readonly string[]): Promise<{ stdout: string; stderr: string; code: number }> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 20_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 127;
      resolve({ stdout, stderr, code });
    });
  });
}

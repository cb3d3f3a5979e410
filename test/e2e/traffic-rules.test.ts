/** What the manifests say about traffic, through real processes: header matches, weights, limits, plaintext, streams over TLS. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { credentials, Metadata, status } from '@grpc/grpc-js';
import { parse } from 'yaml';
import { assetClient, startAssetBackend, type AssetBackend, type Message } from '../kit/asset-service.ts';
import { editableExample } from '../kit/manifests.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

const root = dirname(dirname(import.meta.dirname));
const authority = 'sit-gateway.tcex.com.vn';
const gateway = 'gateway/public-api-gateway';

/** Two versions of the service; each says which one it is. */
const versions = ['stable', 'canary'] as const;
const backends: AssetBackend[] = [];
before(async () => {
  for (const version of versions) {
    const onGet = (_call: unknown, done: (error: null, answer: Message) => void) => (
      done(null, { asset_id: version }),
      true
    );
    backends.push(await startAssetBackend({ onGet }));
  }
});
after(() => backends.forEach((backend) => backend.close()));

type Example = ReturnType<typeof editableExample>;

async function withMesh(
  change: (example: Example) => void,
  run: (mesh: SallyportProcess) => Promise<void>,
): Promise<void> {
  const example = editableExample();
  for (const name of [
    '02-deployment.yaml',
    '03-service.yaml',
    '01-service-accounts.yaml',
    '30-authorizationpolicy.yaml',
  ]) {
    example.edit(name, (text) => `${text}\n---\n${text.replaceAll('asset-management', 'canary')}`);
  }
  change(example);
  const [stable, canary] = backends;
  const mesh = new SallyportProcess([
    ...['run', '-f', example.directory],
    ...['--workload', `default/asset-management=${stable?.address}`, '--workload', `default/canary=${canary?.address}`],
  ]);
  try {
    await mesh.ready();
    await run(mesh);
  } finally {
    await mesh.stop();
    rmSync(example.directory, { recursive: true, force: true });
  }
}

const canaryRule = (weight: number) => `
    - name: canary
      port: 8080
      weight: ${weight}
`;

test('a header match picks its backend, and everything else goes to the other', async () => {
  const rule = `
  - matches:
    - path: { type: PathPrefix, value: /asset.AssetService }
      headers: [{ name: x-version, value: canary }]
    backendRefs:${canaryRule(1)}`;
  await withMesh(
    (example) => example.edit('10-httproute.yaml', (text) => text.trimEnd() + rule),
    async (mesh) => {
      const client = assetClient(mesh.listener(gateway), { authority });
      const ask = async (version: string): Promise<string> => {
        const metadata = new Metadata();
        metadata.set('x-version', version);
        return (await client.unary('GetAsset', {}, { metadata })).asset_id;
      };
      assert.deepEqual([await ask('canary'), await ask('canary2'), await ask('')], ['canary', 'stable', 'stable']);
      client.close();
    },
  );
});

test('weights divide the calls', async () => {
  await withMesh(
    (example) =>
      example.edit(
        '10-httproute.yaml',
        (text) => text.replace('port: 8080', 'port: 8080\n      weight: 3').trimEnd() + canaryRule(1),
      ),
    async (mesh) => {
      const client = assetClient(mesh.listener(gateway), { authority });
      const counts = { stable: 0, canary: 0 };
      for (let i = 0; i < 400; i++) counts[(await client.unary('GetAsset', {})).asset_id as 'stable' | 'canary']++;
      // Six standard deviations around 100: one run in half a billion is outside.
      assert.ok(counts.canary > 48 && counts.canary < 152, JSON.stringify(counts));
      client.close();
    },
  );
});

test('http2MaxRequests: what is beyond fails at once, and its place is free again afterwards', async () => {
  await withMesh(
    (example) =>
      example.edit('20-destinationrule.yaml', (text) => text.replace('http2MaxRequests: 1000', 'http2MaxRequests: 2')),
    async (mesh) => {
      const client = assetClient(mesh.listener(gateway), { authority });
      const streams = [client.reconcile(), client.reconcile()];
      for (const stream of streams) {
        stream.write({ asset_id: 'held' });
        await once(stream, 'data');
      }
      const error = await client.unary('GetAsset', {}).then(
        () => assert.fail('a third call was let in'),
        (reason: Message) => reason,
      );
      assert.equal(error.code, status.UNAVAILABLE);
      await mesh.until(() => mesh.stdout.includes(' UO '), 'to log the overflow');
      for (const stream of streams) {
        stream.end();
        await once(stream.resume(), 'status');
      }
      assert.equal((await client.unary('GetAsset', {})).asset_id, 'stable');
      client.close();
    },
  );
});

test('DISABLE on both sides: plaintext to the sidecar, whose policy then sees no principal', async () => {
  await withMesh(
    (example) => {
      example.edit('05-peer-authentication.yaml', (text) => text.replace('STRICT', 'DISABLE'));
      example.edit('20-destinationrule.yaml', (text) => text.replace('ISTIO_MUTUAL', 'DISABLE'));
    },
    async (mesh) => {
      const client = assetClient(mesh.listener(gateway), { authority });
      const error = await client.unary('GetAsset', {}).then(
        () => assert.fail('the policy wants a principal'),
        (reason: Message) => reason,
      );
      assert.equal(error.code, status.PERMISSION_DENIED);
      client.close();
    },
  );
});

test('every kind of stream over an HTTPS listener', async () => {
  const args = ['certs', 'self-signed', '--secret', 'gateway/public-api-gateway-tls', '--host', authority];
  const secret = execFileSync(process.execPath, [join(root, 'bin', 'sallyport.js'), ...args], { encoding: 'utf8' });
  const { stringData } = parse(secret) as { stringData: Record<string, string> };
  await withMesh(
    (example) => example.edit('secret.yaml', () => secret),
    async (mesh) => {
      const client = assetClient(mesh.listener(gateway, 'https'), {
        authority,
        credentials: credentials.createSsl(Buffer.from(stringData['tls.crt'] ?? '')),
        channel: { 'grpc.ssl_target_name_override': authority },
      });
      let watched = 0;
      const watch = client.watch({ resume_token: '500' }).on('data', () => watched++);
      assert.equal(((await once(watch, 'status')) as [{ code: number }])[0].code, status.OK);
      assert.equal(watched, 500);
      const imported = await new Promise<Message>((resolve, reject) => {
        const upload = client.import((error, response) => (error === null ? resolve(response) : reject(error)));
        for (let i = 0; i < 500; i++) upload.write({});
        upload.end();
      });
      assert.equal(Number(imported.received_count), 500);
      const both = client.reconcile();
      let answers = 0;
      both.on('data', () => (++answers === 100 ? both.end() : both.write({ asset_id: 'x' })));
      both.write({ asset_id: 'x' });
      assert.equal(((await once(both, 'status')) as [{ code: number }])[0].code, status.OK);
      assert.equal(answers, 100);
      client.close();
    },
  );
});

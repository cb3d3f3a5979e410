/** Readiness probes through real processes: who does not answer SERVING gets no calls, says why, and gets them again. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { status } from '@grpc/grpc-js';
import { assetClient, refused, startAssetBackend, type AssetBackend } from '../kit/asset-service.ts';
import { editableExample } from '../kit/manifests.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

const authority = 'sit-gateway.tcex.com.vn';
const gateway = 'gateway/public-api-gateway';
const service = 'asset.AssetService';

type Example = ReturnType<typeof editableExample>;

/** The example, asked each second, and unready after its first failure. */
function watchedExample(context: TestContext): Example {
  const example = editableExample();
  context.after(() => rmSync(example.directory, { recursive: true, force: true }));
  example.edit('02-deployment.yaml', (text) =>
    text.replace('periodSeconds: 5', 'periodSeconds: 1\n            failureThreshold: 1'),
  );
  return example;
}

async function startBackend(context: TestContext): Promise<AssetBackend> {
  const backend = await startAssetBackend();
  context.after(() => backend.close());
  return backend;
}

async function startMesh(context: TestContext, args: readonly string[]): Promise<SallyportProcess> {
  const mesh = new SallyportProcess(['run', ...args]);
  context.after(() => mesh.stop());
  await mesh.ready();
  return mesh;
}

/** Calls until one ends as wanted: a changed endpoint is in force some milliseconds after it was said. */
async function callUntil(call: () => Promise<number>, wanted: number): Promise<void> {
  while ((await call()) !== wanted);
}

test('a workload that does not answer SERVING gets no calls and is told of; it is called again when it does', async (context) => {
  const example = watchedExample(context);
  const backend = await startBackend(context);
  const workload = `default/asset-management=${backend.address}`;
  const mesh = await startMesh(context, ['-f', example.directory, '--workload', workload]);
  const client = assetClient(mesh.listener(gateway), { authority });
  context.after(() => client.close());
  const page = async (path: string): Promise<string> => (await fetch(`http://${mesh.run.admin}${path}`)).text();
  const call = (): Promise<number> =>
    client.unary('GetAsset', {}).then(
      () => status.OK,
      (error: { code: number }) => error.code,
    );

  assert.equal(await call(), status.OK);
  assert.deepEqual([...new Set(backend.health.asked)], ['', service], 'first its start, then its readiness');
  assert.equal(await page('/ready'), 'ready\n');

  const stream = client.reconcile();
  stream.write({ asset_id: 'open' });
  await new Promise((resolve) => stream.once('data', resolve));

  backend.health.statuses.set(service, 'NOT_SERVING');
  const said = `[default/asset-management] is not ready and gets no calls: readiness probe of container "asset-management", grpc ${backend.address} service "${service}": NOT_SERVING`;
  await mesh.until(() => mesh.stderr.includes(said), 'to say that it is not ready');
  await callUntil(call, status.UNAVAILABLE);
  const called = backend.calls.length;
  const error = await refused(client.unary('GetAsset', {}));
  assert.equal(error.code, status.UNAVAILABLE);
  assert.equal(backend.calls.length, called);
  await mesh.until(
    () => / 200 UNAVAILABLE UH .*; not ready by their probes: default\/asset-management"/.test(mesh.stdout),
    'to log the flag UH and why',
  );
  assert.match(await page('/ready'), /^ready\nworkload default\/asset-management is not ready: .*NOT_SERVING\n$/);
  const objects = JSON.parse(await page('/objects')) as {
    objects: { kind: string; name: string; health?: { isReady: boolean; reason: string } }[];
  };
  const shown = objects.objects.find(({ kind }) => kind === 'Deployment')?.health;
  assert.equal(shown?.isReady, false);
  assert.match(shown.reason, /NOT_SERVING/);

  // Beside this process, which has probes to answer.
  const program = join(import.meta.dirname, '..', '..', 'bin', 'sallyport.js');
  const args = [program, 'get', 'deployments', '--state-dir', mesh.stateDir];
  const { stdout: printed } = await promisify(execFile)(process.execPath, args);
  assert.match(printed, /^NAMESPACE +NAME +READY +OUTBOUND/);
  assert.match(printed, /^default +asset-management +False \(readiness probe /m);

  // A call that was under way is not disturbed.
  stream.write({ asset_id: 'still open' });
  const [answer] = await Promise.all([
    new Promise<{ asset_id: string }>((resolve) => stream.once('data', resolve)),
    backend.health.nextQuestion(),
  ]);
  assert.equal(answer.asset_id, 'still open');
  stream.end();

  backend.health.statuses.set(service, 'SERVING');
  await mesh.until(() => mesh.stderr.includes('[default/asset-management] is ready again'), 'to say that it is back');
  await callUntil(call, status.OK);
  assert.equal(await page('/ready'), 'ready\n');
});

test('of two workloads behind one Service only the ready one is called, and no call is lost', async (context) => {
  const example = watchedExample(context);
  // Another workload with the same labels, which the Service selects as well.
  example.edit('02-deployment.yaml', (text) => {
    const second = text.replace('name: asset-management\n  namespace', 'name: second\n  namespace');
    return `${text}\n---\n${second}`;
  });
  const backends = [await startBackend(context), await startBackend(context)] as const;
  const [first, second] = backends;
  second.health.statuses.delete(service);
  const mesh = await startMesh(context, [
    ...['-f', example.directory],
    ...['--workload', `default/asset-management=${first.address}`, '--workload', `default/second=${second.address}`],
  ]);
  assert.match(mesh.stderr, /\[default\/second\] is not ready and gets no calls: .*does not know "asset.AssetService"/);
  assert.match(mesh.stderr, new RegExp(`${second.address} \\(not ready\\)`));
  const client = assetClient(mesh.listener(gateway), { authority });
  context.after(() => client.close());
  for (let i = 0; i < 20; i += 1) await client.unary('GetAsset', {});
  assert.deepEqual([first.calls.length, second.calls.length], [20, 0]);

  second.health.statuses.set(service, 'SERVING');
  while (second.calls.length === 0) await client.unary('GetAsset', {});
  first.health.statuses.set(service, 'NOT_SERVING');
  await mesh.until(() => mesh.stderr.includes('[default/asset-management] is not ready'), 'to take the first one out');
  let alone = 0;
  while (alone < 20) {
    const before = first.calls.length;
    await client.unary('GetAsset', {});
    alone = first.calls.length === before ? alone + 1 : 0;
  }
});

test('a command that is started is waited for until it answers its probe, not only until it listens', async (context) => {
  const example = watchedExample(context);
  const program = join(import.meta.dirname, '..', 'kit', 'slow-start-app.ts');
  const control = await startGate(context);
  const mesh = new SallyportProcess([
    ...['run', '-f', example.directory],
    ...['--exec', `default/asset-management=${process.execPath} ${program} ${control.port}`],
  ]);
  context.after(() => mesh.stop());
  await control.arrived;
  // It listens and has been asked, and has answered NOT_SERVING more than once.
  await control.until('asked 2');
  assert.doesNotMatch(mesh.stderr, /^Ready/m);
  control.say('serve');
  await mesh.ready();
  const client = assetClient(mesh.listener(gateway), { authority });
  context.after(() => client.close());
  await client.unary('GetAsset', {});
});

async function startGate(context: TestContext) {
  let arrive: () => void = () => undefined;
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  let text = '';
  let look: () => void = () => undefined;
  let write: (line: string) => void = () => undefined;
  const server = createServer((socket) => {
    write = (line) => void socket.write(`${line}\n`);
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      look();
    });
    socket.on('error', () => undefined);
    arrive();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  return {
    port: (server.address() as { port: number }).port,
    arrived,
    say: (line: string) => write(line),
    until: (wanted: string) =>
      new Promise<void>((resolve) => {
        look = () => text.includes(wanted) && resolve();
        look();
      }),
  };
}

/** `--workers 2`: two processes of each proxy on one port; what dies or is replaced costs nobody else a call. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Metadata } from '@grpc/grpc-js';
import { assetClient, startAssetBackend, type AssetBackend } from '../kit/asset-service.ts';
import { wholeExample } from '../kit/manifests.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

let mesh: SallyportProcess;
let backend: AssetBackend;

before(async () => {
  backend = await startAssetBackend();
  const workload = ['--workload', `default/asset-management=${backend.address}`];
  mesh = new SallyportProcess(['run', ...wholeExample(), ...workload, '--workers', '2', '--grace', '5']);
  await mesh.ready();
});

after(async () => {
  await mesh.stop();
  backend.close();
});

const gateway = 'gateway/public-api-gateway';

function pids(): number[] {
  return mesh.run.proxies.map(({ pid }) => pid);
}

const waitForReady = new Metadata({ waitForReady: true });

function newClient(): ReturnType<typeof assetClient> {
  return assetClient(mesh.listener(gateway), { authority: 'sit-gateway.tcex.com.vn' });
}

/** One call, on a connection of its own unless a client is given; begun anew as long as no connection can be made. */
async function call(kept?: ReturnType<typeof assetClient>): Promise<void> {
  const client = kept ?? newClient();
  try {
    await client.unary('GetAsset', { asset_id: 'a' }, { deadline: Date.now() + 20_000, metadata: waitForReady });
  } finally {
    if (kept === undefined) client.close();
  }
}

async function requestsCounted(): Promise<number> {
  const text = await (await fetch(`http://${mesh.run.admin}/metrics`)).text();
  const counts = Array.from(text.matchAll(/^istio_requests_total\{reporter="source".* (\d+)$/gm), ([, n]) => Number(n));
  return counts.reduce((sum, count) => sum + count, 0);
}

test('both processes of a proxy take calls, and their counts are one', async () => {
  assert.equal(new Set(pids()).size, 4);
  const counted = await requestsCounted();
  for (let i = 0; i < 20; i++) await call();
  assert.equal((await requestsCounted()) - counted, 20);
});

test('a gateway process that is killed leaves the port to the other, and comes back', async () => {
  const victim = mesh.run.proxies.find(({ id }) => id === `gateway/${gateway}`);
  assert.ok(victim);
  const address = mesh.listener(gateway);
  process.kill(victim.pid, 'SIGKILL');
  await mesh.until(() => mesh.stderr.includes(`[gateway/${gateway}] ended (SIGKILL)`), 'to notice');
  await call();
  assert.equal(mesh.listener(gateway), address);
});

/** The sockets on which a process listens, as the kernel numbers them. */
function listeningSockets(pid: number): string[] {
  const listenState = '0A';
  const rows = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((row) => row.trim().split(/\s+/));
  const listening = new Set(rows.filter(([, , , state]) => state === listenState).map((row) => `socket:[${row[9]}]`));
  const fds = existsSync(`/proc/${pid}`) ? readdirSync(`/proc/${pid}/fd`) : [];
  const open = fds.map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  return open.filter((link) => listening.has(link));
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed since it was listed.
    return '';
  }
}

const gatewayPorts = 1;
/** One for those who call the workload, one for what it calls. */
const sidecarPorts = 2;

/** Those of all four processes, once all of them listen; only Linux tells. */
async function allListening(): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  for (;;) {
    const sockets = pids().flatMap(listeningSockets);
    if (sockets.length === 2 * (gatewayPorts + sidecarPorts)) return sockets.sort();
    await call();
  }
}

test('SIGUSR2 replaces all processes while calls go on', async () => {
  const old = new Set(pids());
  const socketsBefore = await allListening();
  let isDone = false;
  mesh.signal('SIGUSR2');
  const replaced = mesh.until(() => mesh.stderr.includes('Handed over.'), 'to hand over').then(() => (isDone = true));
  let calls = 0;
  const callOn = async (kept?: ReturnType<typeof assetClient>): Promise<void> => {
    while (!isDone) {
      await call(kept);
      calls++;
    }
    kept?.close();
  };
  // Those who come anew each time, and those whose connection outlives a process.
  await Promise.all([callOn(), callOn(), callOn(newClient()), callOn(newClient())]);
  await replaced;
  assert.ok(calls > 0);
  // The file that names the processes is written a moment later.
  while (pids().some((pid) => old.has(pid))) await call();
  assert.equal(new Set(pids()).size, 4);
  assert.deepEqual(await allListening(), socketsBefore, 'nobody who waited in a queue was lost');
});

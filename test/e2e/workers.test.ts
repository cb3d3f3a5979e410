/** Processes that share a port (`--workers 2`), and processes that take each other's place: what dies or is replaced costs nobody else a call. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Metadata } from '@grpc/grpc-js';
import { assetClient, startAssetBackend, type AssetBackend, type AssetClient } from '../kit/asset-service.ts';
import { wholeExample } from '../kit/manifests.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

let mesh: SallyportProcess;
let backend: AssetBackend;

before(async () => {
  backend = await startAssetBackend();
  mesh = await startMesh('--workers', '2');
});

async function startMesh(...options: readonly string[]): Promise<SallyportProcess> {
  const workload = ['--workload', `default/asset-management=${backend.address}`];
  const started = new SallyportProcess(['run', ...wholeExample(), ...workload, ...options, '--grace', '5']);
  await started.ready();
  return started;
}

after(async () => {
  await mesh.stop();
  backend.close();
});

const gateway = 'gateway/public-api-gateway';

function pids(of = mesh): number[] {
  return of.run.proxies.map(({ pid }) => pid);
}

const waitForReady = new Metadata({ waitForReady: true });

function newClient(of = mesh): AssetClient {
  return assetClient(of.listener(gateway), { authority: 'sit-gateway.tcex.com.vn' });
}

/** One call; begun anew as long as no connection can be made. */
async function callOn(client: AssetClient): Promise<void> {
  await client.unary('GetAsset', { asset_id: 'a' }, { deadline: Date.now() + 20_000, metadata: waitForReady });
}

/** One call on a connection of its own. */
async function call(of = mesh): Promise<void> {
  const client = newClient(of);
  try {
    await callOn(client);
  } finally {
    client.close();
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

/** Those of all processes, once all of them listen; only Linux tells. */
async function allListening(of: SallyportProcess): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  for (;;) {
    const sockets = pids(of).flatMap(listeningSockets);
    if (sockets.length === (pids(of).length / 2) * (gatewayPorts + sidecarPorts)) return sockets.sort();
    await call(of);
  }
}

/** Has all processes replaced while four callers go on: two come anew each time, the connections of two outlive a process. */
async function handOver(of: SallyportProcess): Promise<void> {
  const old = pids(of);
  const socketsBefore = await allListening(of);
  const address = of.listener(gateway);
  let isDone = false;
  of.signal('SIGUSR2');
  const replaced = of.until(() => of.stderr.includes('Handed over.'), 'to hand over').then(() => (isDone = true));
  let calls = 0;
  const goOn = async (oneCall: () => Promise<void>): Promise<void> => {
    while (!isDone) {
      await oneCall();
      calls++;
    }
  };
  const kept = [newClient(of), newClient(of)];
  await Promise.all(
    [call, call].map((anew) => goOn(() => anew(of))).concat(kept.map((one) => goOn(() => callOn(one)))),
  );
  await replaced;
  for (const one of kept) one.close();
  assert.ok(calls > 0);
  // The file that names the processes is written a moment later.
  while (pids(of).length > old.length || pids(of).some((pid) => old.includes(pid))) await call(of);
  assert.equal(new Set(pids(of)).size, old.length);
  assert.deepEqual(await allListening(of), socketsBefore, 'nobody who waited in a queue was lost');
  assert.equal(of.listener(gateway), address);
}

test('SIGUSR2 replaces all processes while calls go on', () => handOver(mesh));

test('SIGUSR2 replaces the only process of each proxy as well', async () => {
  const single = await startMesh();
  try {
    assert.equal(pids(single).length, 2);
    await handOver(single);
  } finally {
    await single.stop();
  }
});

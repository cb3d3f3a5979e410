/** The supervisor with real proxy processes. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { before, test, type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { makeKey } from '../../test/kit/cert-der.ts';
import { gatewayId, smallPlan } from '../../test/kit/small-plan.ts';
import { CertificateAuthority } from '../identity/index.ts';
import { createCsr } from '../identity/csr.ts';
import { createSupervisor, type ProxyEvent, type Supervisor } from './supervisor.ts';

const sidecarId = 'sidecar/default/app';
const sidecarPort = `${sidecarId}/50051`;
const gatewayPort = `${gatewayId}/80`;
let authority: CertificateAuthority;

before(async () => {
  authority = await CertificateAuthority.ephemeral();
});

interface Stage {
  readonly supervisor: Supervisor;
  readonly ports: Map<string, number>;
  readonly events: ProxyEvent[];
  /** Resolves when something new has happened and `isTrue` holds. */
  readonly until: (isTrue: () => boolean) => Promise<void>;
}

async function stage(context: TestContext): Promise<Stage> {
  const ports = new Map<string, number>();
  const events: ProxyEvent[] = [];
  const waiting = new Set<() => void>();
  const news = (): void => {
    for (const look of waiting) look();
  };
  const supervisor = createSupervisor({
    authority,
    trustDomain: 'cluster.local',
    accessLog: 'off',
    onListening: (portId, address) => {
      if (address === undefined) ports.delete(portId);
      else ports.set(portId, address.port);
      news();
    },
    onEvent: (event) => {
      events.push(event);
      news();
    },
    onSettled: news,
  });
  context.after(() => supervisor.kill());
  const until = (isTrue: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!isTrue()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  supervisor.publish(
    smallPlan(['app']),
    new Map([['cert/gateway/tls', { reveal: () => 'not used by a plaintext port' }]]),
  );
  await until(() => supervisor.settled());
  return { supervisor, ports, events, until };
}

test('proxies start, serve under their identity, come back when killed, and stop', async (context) => {
  const run = await stage(context);
  const { supervisor, ports, events, until } = run;
  assert.equal((await firstBytes(ports.get(gatewayPort))).subarray(3, 4).toString('hex'), '04', 'a SETTINGS frame');
  assert.equal(await presentedUri(ports.get(sidecarPort)), 'URI:spiffe://cluster.local/ns/default/sa/app');
  assert.match(await supervisor.metrics(), /^istio_build\{.*\} 1$/m);

  const portsBefore = new Map(ports);
  const killed = pidOf(supervisor, sidecarId);
  process.kill(killed, 'SIGKILL');
  await until(() => events.some((event) => event.type === 'exit' && event.proxy === sidecarId));
  assert.equal(ports.has(sidecarPort), false);
  await until(() => supervisor.settled());
  assert.deepEqual(ports, portsBefore, 'the same port as before');
  assert.notEqual(pidOf(supervisor, sidecarId), killed);
  assert.equal(await presentedUri(ports.get(sidecarPort)), 'URI:spiffe://cluster.local/ns/default/sa/app');

  const pids = supervisor.children().map(({ pid }) => pid);
  await supervisor.stop({ graceMs: 2_000 });
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), /ESRCH/);
  assert.deepEqual(
    events.filter((event) => event.type === 'exit').length,
    1,
    'those that were told to stop did not crash',
  );
});

test('a proxy ends when control is gone', async () => {
  const child = fork(join(import.meta.dirname, 'proxy-process.ts'), ['orphan'], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
    execArgv: [],
  });
  child.send({ type: 'start', proxy: gatewayId, accessLog: 'off', limits: {}, sharesPorts: false });
  await once(child, 'message');
  const exit = once(child, 'exit');
  child.disconnect();
  assert.deepEqual(await exit, [0, null]);
});

function pidOf(supervisor: Supervisor, id: string): number {
  const found = supervisor.children().find((child) => child.id === id);
  assert.ok(found !== undefined && found.pid > 0);
  return found.pid;
}

/** What an HTTP/2 server answers to the client's preface. */
async function firstBytes(port: number | undefined): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port: port ?? 0 });
  socket.write(
    Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from('000000040000000000', 'hex')]),
  );
  const [bytes] = await once(socket, 'data');
  socket.destroy();
  assert.ok(Buffer.isBuffer(bytes));
  return bytes;
}

/** The name in the certificate that a sidecar presents; judged elsewhere. */
async function presentedUri(port: number | undefined): Promise<string | undefined> {
  const { svidKey, chainPem } = await clientIdentity();
  const socket = connectTls({
    host: '127.0.0.1',
    port: port ?? 0,
    cert: chainPem,
    key: svidKey,
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.3',
    rejectUnauthorized: false,
  });
  await once(socket, 'secureConnect');
  const name = socket.getPeerCertificate().subjectaltname;
  socket.destroy();
  return name;
}

async function clientIdentity(): Promise<{ svidKey: string; chainPem: string }> {
  const key = makeKey();
  const csrPem = createCsr(key);
  const { chainPem = '' } = await authority.issue({ csrPem, spiffeId: 'spiffe://cluster.local/ns/default/sa/client' });
  return { svidKey: key.export({ format: 'pem', type: 'pkcs8' }), chainPem };
}

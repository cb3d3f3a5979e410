/** The supervisor with proxy processes that only pretend, on a clock that the tests move. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayId, smallPlan } from '../../test/kit/small-plan.ts';
import {
  app,
  appPort,
  complyAll,
  FakeChild,
  gatewayPort,
  keys,
  lastDelay,
  stage,
} from '../../test/kit/supervised-stage.ts';
import { SvidHolder } from '../identity/index.ts';
import { emptySnapshot } from '../telemetry/index.ts';
import type { ControlMessage } from './messages.ts';

test('one process per proxy, each with its own slice and only its own keys', () => {
  const { children, child } = stage();
  assert.deepEqual(
    children.map(({ proxyId }) => proxyId),
    [gatewayId, app],
  );
  const [gatewayPlan] = child(gatewayId).plans;
  const [appPlan] = child(app).plans;
  assert.deepEqual(Object.keys(gatewayPlan?.slice.proxies ?? {}), [gatewayId]);
  assert.deepEqual([...(gatewayPlan?.keys ?? [])], [['cert/gateway/tls', 'GATEWAY KEY']]);
  assert.deepEqual(Object.keys(appPlan?.slice.ports ?? {}), [appPort]);
  assert.equal(appPlan?.keys.size, 0);
});

test('settled when every proxy has applied the newest plan, and told once per plan', () => {
  const run = stage();
  assert.equal(run.supervisor.settled(), false);
  run.child(gatewayId).comply();
  run.time.advance(0);
  assert.equal(run.supervisor.settled(), false);
  run.child(app).comply(41_000);
  assert.equal(run.settledCount(), 0, 'control may yet compile what the bound port changes');
  run.time.advance(0);
  assert.deepEqual([run.supervisor.settled(), run.settledCount()], [true, 1]);
  assert.deepEqual(run.listening, [`${gatewayPort} 40000`, `${appPort} 41000`]);
  run.supervisor.publish(smallPlan(['app']), keys);
  run.time.advance(0);
  assert.equal(run.settledCount(), 2, 'the same plan again is settled at once');
});

test('a plan goes only to the proxies whose part of it changed', () => {
  const run = stage();
  complyAll(run);
  run.supervisor.publish(smallPlan(['app'], { gatewayPort: 8080 }), keys);
  assert.equal(run.child(gatewayId).plans.length, 2);
  assert.equal(run.child(app).plans.length, 1);
  assert.equal(run.supervisor.settled(), false);
  run.supervisor.publish(
    smallPlan(['app'], { gatewayPort: 8080 }),
    new Map([['cert/gateway/tls', { reveal: () => 'NEW KEY' }]]),
  );
  assert.equal(run.child(gatewayId).plans.at(-1)?.keys.get('cert/gateway/tls'), 'NEW KEY');
});

test('a word about an older plan settles nothing', () => {
  const run = stage();
  complyAll(run);
  run.supervisor.publish(smallPlan(['app'], { gatewayPort: 8080 }), keys);
  run.child(gatewayId).say({ type: 'applied', version: 1 });
  run.time.advance(0);
  assert.equal(run.supervisor.settled(), false);
});

test('the identity comes from the plan, whatever process asks', async () => {
  const run = stage();
  const holder = new SvidHolder({ clock: { wallMs: Date.now, monotonicMs: Date.now }, random: () => 0.5 });
  run.child(app).say({ type: 'csr', csrPem: holder.csr() });
  const svid = await sent(run.child(app), 'svid');
  const accepted = holder.accept(svid.chainPem, svid.bundlePem);
  assert.equal(accepted.svid?.spiffeId, 'spiffe://cluster.local/ns/default/sa/app');
});

test('a CSR that is none is refused, to the proxy and to the operator', async () => {
  const run = stage();
  run.child(app).say({ type: 'csr', csrPem: 'nonsense' });
  const refused = await sent(run.child(app), 'svid-refused');
  assert.match(refused.error, /no complete CERTIFICATE REQUEST/);
  assert.deepEqual(
    run.events.map(({ type, proxy }) => [type, proxy]),
    [['identity-error', app]],
  );
});

test('a proxy whose service account changes is told to ask again', () => {
  const run = stage();
  const plan = smallPlan(['app']);
  const proxy = plan.proxies[app];
  assert.ok(proxy);
  run.supervisor.publish({ ...plan, proxies: { ...plan.proxies, [app]: { ...proxy, serviceAccount: 'other' } } }, keys);
  assert.equal(run.child(app).of('renew').length, 1);
  assert.equal(run.child(gatewayId).of('renew').length, 0);
});

test('what dies comes back, more slowly each time, on the same port', () => {
  const run = stage();
  complyAll(run);
  const delays: number[] = [];
  for (let death = 0; death < 8; death += 1) {
    run.child(app).exit('SIGKILL');
    const restartInMs = lastDelay(run);
    delays.push(restartInMs);
    const childrenBefore = run.children.length;
    run.time.advance(restartInMs - 1);
    assert.equal(run.children.length, childrenBefore);
    run.time.advance(1);
    assert.equal(run.children.length, childrenBefore + 1);
  }
  assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  assert.equal(run.listening.at(-1), `${appPort} -`);
  assert.equal(run.child(app).plans[0]?.slice.ports[appPort]?.bind.port, 40_010);
  run.child(app).comply();
  run.time.advance(10_000);
  run.child(app).exit('exit code 1');
  assert.equal(lastDelay(run), 100);
});

test('a pinned port that somebody took meanwhile is given up', () => {
  const run = stage();
  complyAll(run);
  run.child(app).exit('SIGKILL');
  run.time.advance(100);
  run.child(app).say({ type: 'bind-failed', port: appPort, message: 'EADDRINUSE' });
  assert.equal(run.child(app).plans.at(-1)?.slice.ports[appPort]?.bind.port, 0);
  assert.equal(
    run.events.some(({ type }) => type === 'bind-failed'),
    false,
  );
  run.child(app).comply(42_000);
  run.time.advance(0);
  assert.equal(run.supervisor.settled(), true);
});

test('ports that could not be had as written are reported', () => {
  const run = stage(smallPlan(['app'], { gatewayPort: 80 }));
  run.child(gatewayId).say({ type: 'listening', port: gatewayPort, host: '127.0.0.1', number: 8080 });
  run.child(app).say({ type: 'bind-failed', port: appPort, message: 'EMFILE' });
  assert.deepEqual(run.events, [
    { type: 'bound-elsewhere', proxy: gatewayId, port: gatewayPort, wanted: 80, got: 8080 },
    { type: 'bind-failed', proxy: app, port: appPort, message: 'EMFILE' },
  ]);
});

test('a process can neither bind for another nor break control with nonsense', () => {
  const run = stage();
  for (const nonsense of [undefined, 7, 'x', {}, { type: 'csr' }, { type: 'metrics', id: 1, snapshot: 1 }]) {
    run.child(app).say(nonsense);
  }
  assert.equal(run.events.filter(({ type }) => type === 'log').length, 6);
  run.child(app).say({ type: 'listening', port: gatewayPort, host: '127.0.0.1', number: 1 });
  run.child(app).say({ type: 'listening', port: 'constructor', host: '127.0.0.1', number: 1 });
  assert.deepEqual(run.listening, []);
});

test('what a workload serves reaches the gateways, also those that start later', () => {
  const run = stage();
  complyAll(run);
  const source = { files: [], services: ['asset.AssetService'] };
  run.child(app).say({ type: 'descriptors', service: 'app.default.svc', source });
  run.child(gatewayId).say({ type: 'descriptors', service: 'forged', source });
  assert.deepEqual(
    run
      .child(gatewayId)
      .of('descriptors')
      .map(({ descriptors }) => descriptors),
    [{ service: 'app.default.svc', source }],
  );
  run.child(gatewayId).exit('SIGKILL');
  run.time.advance(100);
  assert.equal(run.child(gatewayId).of('descriptors').length, 1);
  run.supervisor.publish(smallPlan([]), keys);
  assert.deepEqual(run.child(gatewayId).of('descriptors').at(-1)?.descriptors, {
    service: 'app.default.svc',
    source: undefined,
  });
});

test('metrics are the sum over all processes; one that does not answer is left out in time', async () => {
  const run = stage();
  complyAll(run);
  const counters = [{ name: 'x_total', help: 'x', labels: [], value: 3 }] as const;
  const page = run.supervisor.metrics();
  run
    .child(app)
    .say({ type: 'metrics', id: run.child(app).of('scrape')[0]?.id, snapshot: { ...emptySnapshot, counters } });
  run.time.advance(2_000);
  assert.match(await page, /^x_total 3$/m);
  run.child(app).exit('SIGKILL');
  run.time.advance(100);
  const next = run.supervisor.metrics();
  run.time.advance(2_000);
  assert.match(await next, /^x_total 3$/m, 'the past counts');
});

test('a proxy that leaves the plan drains; when it comes back meanwhile, its successor waits', async () => {
  const run = stage();
  complyAll(run);
  const old = run.child(app);
  run.supervisor.publish(smallPlan([]), keys);
  assert.deepEqual(old.of('drain'), [{ type: 'drain', graceMs: 10_000 }]);
  run.supervisor.publish(smallPlan(['app']), keys);
  assert.equal(run.child(app), old);
  assert.equal(run.supervisor.settled(), false);
  old.exit('exit code 0');
  await new Promise(setImmediate);
  assert.notEqual(run.child(app), old);
  assert.equal(
    run.events.some(({ type }) => type === 'exit'),
    false,
    'it was asked to go',
  );
});

test('stop drains gateways first, then sidecars with what is left', async () => {
  const run = stage();
  complyAll(run);
  const stopped = run.supervisor.stop({ graceMs: 5_000 });
  assert.deepEqual(run.child(gatewayId).of('drain'), [{ type: 'drain', graceMs: 5_000 }]);
  assert.equal(run.child(app).of('drain').length, 0);
  run.time.advance(2_000);
  run.child(gatewayId).exit('exit code 0');
  const drain = await sent(run.child(app), 'drain');
  assert.equal(drain.graceMs, 3_000);
  run.supervisor.publish(smallPlan(['app', 'late']), keys);
  run.child(app).exit('exit code 0');
  await stopped;
  assert.equal(run.children.length, 2, 'nothing is started any more');
});

test('what does not end within its grace is killed', () => {
  const run = stage();
  void run.supervisor.stop({ graceMs: 1_000 });
  run.time.advance(1_999);
  assert.deepEqual(run.child(gatewayId).signals, []);
  run.time.advance(1);
  assert.deepEqual(run.child(gatewayId).signals, ['SIGKILL']);
});

test('the second stop kills all, and both resolve', async () => {
  const run = stage();
  const first = run.supervisor.stop({ graceMs: 60_000 });
  const second = run.supervisor.stop({ graceMs: 60_000 });
  for (const child of run.children) {
    assert.deepEqual(child.signals, ['SIGKILL']);
    child.exit('SIGKILL');
  }
  await Promise.all([first, second]);
  assert.deepEqual(
    run.supervisor.children().map(({ state }) => state),
    ['stopped', 'stopped'],
  );
});

test('a process that waits for its restart is not started after stop', async () => {
  const run = stage();
  run.child(app).exit('SIGKILL');
  run.child(gatewayId).exit('SIGKILL');
  await run.supervisor.stop({ graceMs: 1_000 });
  run.time.advance(60_000);
  assert.equal(run.children.length, 2);
});

test('the list of children shows no key', () => {
  const run = stage();
  complyAll(run);
  assert.deepEqual(run.supervisor.children()[0], {
    id: gatewayId,
    role: 'gateway',
    state: 'running',
    pid: 100,
    restarts: 0,
    spiffeId: 'spiffe://cluster.local/ns/default/sa/gateway-sa',
    ports: { [gatewayPort]: '127.0.0.1:40000' },
  });
});

/** The first message of a type, once it has been sent; the authority and promises take some turns of the event loop. */
async function sent<T extends ControlMessage['type']>(
  child: FakeChild,
  type: T,
): Promise<Extract<ControlMessage, { type: T }>> {
  for (;;) {
    const [message] = child.of(type);
    if (message !== undefined) return message;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

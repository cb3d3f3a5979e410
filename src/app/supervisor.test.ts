/** The supervisor with proxy processes that only pretend, on a clock that the tests move. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { ManualTime } from '../../test/kit/manual-time.ts';
import { gatewayId, smallPlan } from '../../test/kit/small-plan.ts';
import { CertificateAuthority, SvidHolder } from '../identity/index.ts';
import { applyPlanChange, unpackPlan, type Plan } from '../plan/index.ts';
import { emptySnapshot } from '../telemetry/index.ts';
import type { ListeningSocket } from '../base/index.ts';
import type { ProxyChildEvents } from './fork-proxy.ts';
import type { ControlMessage } from './messages.ts';
import { createSupervisor, type ProxyEvent, type Supervisor } from './supervisor.ts';

const app = 'sidecar/default/app';
const appPort = `${app}/50051`;
const gatewayPort = `${gatewayId}/80`;

class FakeChild {
  readonly pid: number;
  readonly proxyId: string;
  readonly received: ControlMessage[] = [];
  readonly plans: { readonly version: number; readonly slice: Plan; readonly keys: ReadonlyMap<string, string> }[] = [];
  readonly signals: string[] = [];
  readonly #events: ProxyChildEvents;

  constructor(proxyId: string, events: ProxyChildEvents, pid: number) {
    this.proxyId = proxyId;
    this.#events = events;
    this.pid = pid;
  }

  /** What it listens on, as it says when asked; undefined: it does not answer. */
  passes: ReadonlyMap<string, ListeningSocket> | undefined = new Map();
  readonly inherited = new Map<string, ListeningSocket | undefined>();

  /** Plans are kept whole, also those that are told by a change. */
  send(message: ControlMessage, socket?: ListeningSocket): void {
    this.received.push(message);
    if (message.type === 'listener') this.inherited.set(message.port, socket);
    if (message.type === 'pass-listeners' && this.passes !== undefined) {
      for (const [port, one] of this.passes) this.say({ type: 'listener', port }, one);
      this.say({ type: 'listeners-passed' });
    }
    if (message.type === 'plan') this.plans.push({ ...message, slice: unpackPlan(message.slice) });
    if (message.type !== 'plan-change') return;
    const { version, change, keys } = message;
    const current = this.plans.at(-1)?.slice;
    assert.ok(current, 'a change follows a whole plan');
    this.plans.push({ version, slice: change === undefined ? current : applyPlanChange(current, change), keys });
  }

  kill(signal: string): void {
    this.signals.push(signal);
  }

  say(message: unknown, socket?: ListeningSocket): void {
    this.#events.onMessage(message, socket);
  }

  exit(description: string): void {
    this.#events.onExit(description);
  }

  of<T extends ControlMessage['type']>(type: T): Extract<ControlMessage, { type: T }>[] {
    return this.received.filter((message): message is Extract<ControlMessage, { type: T }> => message.type === type);
  }

  /** Acts as a proxy that could do all that the newest plan asks. */
  comply(firstPort = 40_000): void {
    const plan = this.plans.at(-1);
    assert.ok(plan);
    for (const [index, port] of Object.values(plan.slice.ports).entries()) {
      const number = port.bind.port === 0 ? firstPort + index : port.bind.port;
      this.say({ type: 'listening', port: port.id, host: '127.0.0.1', number });
    }
    this.say({ type: 'applied', version: plan.version });
  }
}

interface Stage {
  readonly time: ManualTime;
  readonly children: FakeChild[];
  readonly events: ProxyEvent[];
  readonly listening: string[];
  readonly supervisor: Supervisor;
  readonly settledCount: () => number;
  /** The newest process of a proxy. */
  readonly child: (proxyId: string) => FakeChild;
}

let authority: CertificateAuthority;

before(async () => {
  authority = await CertificateAuthority.ephemeral();
});

function stage(plan: Plan | undefined = smallPlan(['app']), { workers = 1 } = {}): Stage {
  const time = new ManualTime();
  const children: FakeChild[] = [];
  const events: ProxyEvent[] = [];
  const listening: string[] = [];
  let settledCount = 0;
  const supervisor = createSupervisor({
    authority,
    trustDomain: 'cluster.local',
    accessLog: 'off',
    workers,
    onListening: (portId, address) => listening.push(`${portId} ${address === undefined ? '-' : address.port}`),
    onEvent: (event) => events.push(event),
    onSettled: () => (settledCount += 1),
    fork: (proxyId, childEvents) => {
      const child = new FakeChild(proxyId, childEvents, 100 + children.length);
      children.push(child);
      return child;
    },
    clock: time,
    random: () => 1,
    schedule: time.schedule,
  });
  supervisor.publish(plan, keys);
  const child = (proxyId: string): FakeChild => {
    const found = children.findLast((one) => one.proxyId === proxyId);
    assert.ok(found);
    return found;
  };
  return { time, children, events, listening, supervisor, settledCount: () => settledCount, child };
}

const keys = new Map([
  ['cert/gateway/tls', { reveal: () => 'GATEWAY KEY' }],
  ['cert/other', { reveal: () => 'OTHER KEY' }],
]);

function complyAll({ children, time }: Stage): void {
  for (const [index, child] of children.entries()) child.comply(40_000 + index * 10);
  time.advance(0);
}

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

test('workers: the others join the ports of the first, and go on when it dies', () => {
  const run = stage(smallPlan(['app']), { workers: 2 });
  const ofApp = (): FakeChild[] => run.children.filter(({ proxyId }) => proxyId === app);
  assert.equal(ofApp().length, 1, 'the second waits for the ports of the first');
  // The second ones start, and comply, while this goes through the list.
  complyAll(run);
  const [first, second] = ofApp();
  const bind = second?.plans.at(-1)?.slice.ports[appPort]?.bind;
  assert.deepEqual(bind, { host: '127.0.0.1', port: 40_010, isHeld: true });
  assert.equal(run.supervisor.settled(), true);
  const told = run.listening.length;
  first?.exit('SIGKILL');
  assert.equal(run.listening.length, told, 'the port is still served');
  run.time.advance(lastDelay(run));
  assert.deepEqual(ofApp()[2]?.plans[0]?.slice.ports[appPort]?.bind, bind);
  assert.equal(run.children.filter(({ proxyId }) => proxyId === gatewayId).length, 2);
});

test('workers: a port is gone when the last of them is, and the first to come back opens it again', () => {
  const run = stage(smallPlan(['app']), { workers: 2 });
  complyAll(run);
  for (const child of run.children) if (child.proxyId === app) child.exit('SIGKILL');
  assert.equal(run.listening.at(-1), `${appPort} -`);
  run.time.advance(lastDelay(run));
  const binds = run.children.slice(4).map((child) => child.plans[0]?.slice.ports[appPort]?.bind);
  assert.deepEqual(binds, [{ host: '127.0.0.1', port: 40_010 }, undefined]);
});

test('workers: a port that is new in the plan is opened by one, then joined', () => {
  const run = stage(smallPlan([]), { workers: 2 });
  complyAll(run);
  const plan = smallPlan([]);
  const port = plan.ports[gatewayPort];
  assert.ok(port);
  const added = { ...port, id: `${gatewayId}/81`, number: 81 };
  run.supervisor.publish({ ...plan, ports: { ...plan.ports, [added.id]: added } }, keys);
  const [first, second] = run.children;
  assert.equal(second?.plans.at(-1)?.slice.ports[added.id], undefined);
  first?.say({ type: 'listening', port: added.id, host: '127.0.0.1', number: 41_000 });
  assert.equal(second?.plans.at(-1)?.slice.ports[added.id]?.bind.port, 41_000);
});

test('workers: a hand-over starts each successor before its predecessor drains', async () => {
  const run = stage(smallPlan([]), { workers: 2 });
  complyAll(run);
  const [first, second] = run.children;
  const done = run.supervisor.handOver({ graceMs: 5_000 });
  const successorOf = async (old: FakeChild | undefined): Promise<void> => {
    await new Promise(setImmediate);
    const successor = run.children.at(-1);
    assert.notEqual(successor, old);
    assert.deepEqual(old?.of('drain'), []);
    successor?.comply();
    await new Promise(setImmediate);
    assert.deepEqual(old?.of('drain'), [{ type: 'drain', graceMs: 5_000 }]);
    old?.exit('exit code 0');
    await new Promise(setImmediate);
  };
  await successorOf(first);
  await successorOf(second);
  await done;
  assert.equal(run.children.length, 4);
  assert.deepEqual(
    run.supervisor.children().map(({ pid }) => pid),
    [102, 103],
  );
  assert.equal(run.listening.length, 1, 'the port was there all the time');
});

function fakeSocket(): ListeningSocket & { readonly closed: () => number } {
  let closed = 0;
  return { close: () => void closed++, closed: () => closed };
}

/** Two workers, a hand-over begun; the first says that it listens on these sockets, or says nothing. */
function handOverOf(passes: FakeChild['passes']): { readonly run: Stage; readonly first: FakeChild } {
  const run = stage(smallPlan([]), { workers: 2 });
  complyAll(run);
  const [first] = run.children;
  assert.ok(first);
  first.passes = passes;
  void run.supervisor.handOver({ graceMs: 5_000 });
  return { run, first };
}

test('workers: a hand-over gives the successor the listening sockets, before its plan', async () => {
  const socket = fakeSocket();
  const { run } = handOverOf(new Map([[gatewayPort, socket]]));
  await new Promise(setImmediate);
  const successor = run.children.at(-1);
  assert.deepEqual([...(successor?.inherited ?? [])], [[gatewayPort, socket]]);
  assert.deepEqual(
    successor?.received.map(({ type }) => type),
    ['start', 'listener', 'plan'],
  );
  // Who sends it on closes it.
  assert.equal(socket.closed(), 0);
});

test('workers: a process that does not pass its sockets in time is followed by one that binds its own', async () => {
  const { run, first } = handOverOf(undefined);
  run.time.advance(999);
  await new Promise(setImmediate);
  assert.equal(run.children.length, 2);
  run.time.advance(1);
  await new Promise(setImmediate);
  assert.equal(run.children.length, 3);
  assert.equal(run.children[2]?.inherited.size, 0);
  const late = fakeSocket();
  first.say({ type: 'listener', port: gatewayPort }, late);
  assert.equal(late.closed(), 1);
});

test('workers: stopped while the sockets are asked for, it starts no successor and keeps no socket', async () => {
  const { run, first } = handOverOf(undefined);
  const socket = fakeSocket();
  first.say({ type: 'listener', port: gatewayPort }, socket);
  void run.supervisor.stop({ graceMs: 1_000 });
  first.say({ type: 'listeners-passed' });
  await new Promise(setImmediate);
  assert.deepEqual([run.children.length, socket.closed()], [2, 1]);
});

test('workers: a process that dies while it is asked for its sockets is not waited for', async () => {
  const { run, first } = handOverOf(undefined);
  first.exit('SIGKILL');
  await new Promise(setImmediate);
  assert.equal(run.children.length, 3);
});

test('a socket that nobody asked for is closed', () => {
  const run = stage();
  complyAll(run);
  const socket = fakeSocket();
  run.child(gatewayId).say({ type: 'listener', port: gatewayPort }, socket);
  assert.equal(socket.closed(), 1);
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

/** What the last exit said about the restart. */
function lastDelay({ events }: Stage): number {
  const delays = events.flatMap((event) => (event.type === 'exit' ? [event.restartInMs] : []));
  return delays.at(-1) ?? Number.NaN;
}

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

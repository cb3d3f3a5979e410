/** Several processes of one proxy, and processes that take each other's place. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayId, smallPlan } from '../../test/kit/small-plan.ts';
import {
  app,
  appPort,
  complyAll,
  fakeSocket,
  type FakeChild,
  gatewayPort,
  keys,
  lastDelay,
  stage,
  type Stage,
} from '../../test/kit/supervised-stage.ts';
import type { Plan } from '../plan/index.ts';

test('the others join the ports of the first, and go on when it dies', () => {
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

test('a port is gone when the last of them is, and the first to come back opens it again', () => {
  const run = stage(smallPlan(['app']), { workers: 2 });
  complyAll(run);
  for (const child of run.children) if (child.proxyId === app) child.exit('SIGKILL');
  assert.equal(run.listening.at(-1), `${appPort} -`);
  run.time.advance(lastDelay(run));
  const binds = run.children.slice(4).map((child) => child.plans[0]?.slice.ports[appPort]?.bind);
  assert.deepEqual(binds, [{ host: '127.0.0.1', port: 40_010 }, undefined]);
});

test('a port that is new in the plan is opened by one, then joined', () => {
  const run = stage(smallPlan([]), { workers: 2 });
  complyAll(run);
  const { plan, added } = withSecondPort();
  run.supervisor.publish(plan, keys);
  const [first, second] = run.children;
  assert.equal(second?.plans.at(-1)?.slice.ports[added], undefined);
  first?.say({ type: 'listening', port: added, host: '127.0.0.1', number: 41_000 });
  assert.equal(second?.plans.at(-1)?.slice.ports[added]?.bind.port, 41_000);
});

test('a hand-over starts each successor before its predecessor drains', async () => {
  const run = stage(smallPlan([]), { workers: 2 });
  complyAll(run);
  const [first, second] = run.children;
  const done = run.supervisor.handOver({ graceMs: 5_000 });
  const successorOf = async (old: FakeChild | undefined): Promise<void> => {
    await turn();
    const successor = run.children.at(-1);
    assert.notEqual(successor, old);
    assert.deepEqual(old?.of('drain'), []);
    successor?.comply();
    await turn();
    assert.deepEqual(old?.of('drain'), [{ type: 'drain', graceMs: 5_000 }]);
    old?.exit('exit code 0');
    await turn();
  };
  await successorOf(first);
  await successorOf(second);
  assert.equal(await done, true);
  assert.equal(run.children.length, 4);
  assert.deepEqual(
    run.supervisor.children().map(({ pid }) => pid),
    [102, 103],
  );
  assert.equal(run.listening.length, 1, 'the port was there all the time');
});

/** A hand-over begun; the first process says that it listens on these sockets, or says nothing. */
function handOverOf(passes: FakeChild['passes'], workers = 2): { readonly run: Stage; readonly first: FakeChild } {
  const run = stage(smallPlan([]), { workers });
  complyAll(run);
  const [first] = run.children;
  assert.ok(first);
  first.passes = passes;
  void run.supervisor.handOver({ graceMs: 5_000 });
  return { run, first };
}

test('a hand-over gives the successor the listening sockets, before its plan', async () => {
  const socket = fakeSocket();
  const { run } = handOverOf(new Map([[gatewayPort, socket]]));
  await turn();
  const successor = run.children.at(-1);
  assert.deepEqual([...(successor?.inherited ?? [])], [[gatewayPort, socket]]);
  assert.deepEqual(
    successor?.received.map(({ type }) => type),
    ['start', 'listener', 'plan'],
  );
  // Who sends it on closes it.
  assert.equal(socket.closed(), 0);
});

test('a process that does not pass its sockets in time is followed by one that binds its own', async () => {
  const { run, first } = handOverOf(undefined);
  run.time.advance(999);
  await turn();
  assert.equal(run.children.length, 2);
  run.time.advance(1);
  await turn();
  assert.equal(run.children.length, 3);
  assert.equal(run.children[2]?.inherited.size, 0);
  const late = fakeSocket();
  first.say({ type: 'listener', port: gatewayPort }, late);
  assert.equal(late.closed(), 1);
});

test('stopped while the sockets are asked for, it starts no successor and keeps no socket', async () => {
  const { run, first } = handOverOf(undefined);
  const socket = fakeSocket();
  first.say({ type: 'listener', port: gatewayPort }, socket);
  void run.supervisor.stop({ graceMs: 1_000 });
  first.say({ type: 'listeners-passed' });
  await turn();
  assert.deepEqual([run.children.length, socket.closed()], [2, 1]);
});

test('a process that dies while it is asked for its sockets is not waited for', async () => {
  const { run, first } = handOverOf(undefined);
  first.exit('SIGKILL');
  await turn();
  assert.equal(run.children[1]?.of('pass-listeners').length, 1, 'it is the next one’s turn');
  assert.equal(run.children.length, 3);
});

test('a socket that nobody asked for is closed', () => {
  const run = stage();
  complyAll(run);
  const socket = fakeSocket();
  run.child(gatewayId).say({ type: 'listener', port: gatewayPort }, socket);
  assert.equal(socket.closed(), 1);
});

/** The gateway's plan with one more port. */
function withSecondPort(): { readonly plan: Plan; readonly added: string } {
  const plan = smallPlan([]);
  const port = plan.ports[gatewayPort];
  assert.ok(port);
  const added = { ...port, id: `${gatewayId}/81`, number: 81 };
  return { plan: { ...plan, ports: { ...plan.ports, [added.id]: added } }, added: added.id };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('an only process is followed by one that has its sockets, joins its ports by number, and keeps them so', async () => {
  const socket = fakeSocket();
  const { run, first } = handOverOf(new Map([[gatewayPort, socket]]), 1);
  await turn();
  const successor = run.child(gatewayId);
  assert.notEqual(successor, first);
  assert.deepEqual(
    run.children.map((child) => child.of('start')[0]?.sharesPorts),
    [false, false],
  );
  assert.equal(successor.inherited.get(gatewayPort), socket);
  const bind = { host: '127.0.0.1', port: 40_000, isHeld: true };
  assert.deepEqual(successor.plans.at(-1)?.slice.ports[gatewayPort]?.bind, bind);
  successor.comply();
  await turn();
  assert.deepEqual(first.of('drain'), [{ type: 'drain', graceMs: 5_000 }]);
  const { plan, added } = withSecondPort();
  run.supervisor.publish(plan, keys);
  assert.deepEqual(Object.keys(successor.plans.at(-1)?.slice.ports ?? {}), [gatewayPort, added]);
  first.exit('exit code 0');
  await turn();
  run.supervisor.publish(smallPlan([]), keys);
  assert.deepEqual(
    successor.plans.at(-1)?.slice.ports[gatewayPort]?.bind,
    bind,
    'bound anew it would be away for a moment',
  );
  assert.deepEqual(
    run.supervisor.children().map(({ pid }) => pid),
    [successor.pid],
  );
  assert.deepEqual(run.listening, [`${gatewayPort} 40000`], 'the port was there all the time');
});

for (const { name, passes } of [
  { name: 'passes no socket', passes: new Map() },
  { name: 'does not answer', passes: undefined },
])
  test(`an only process that ${name} stays, since its successor would find the ports taken`, async () => {
    const { run, first } = handOverOf(passes, 1);
    run.time.advance(1_000);
    await turn();
    assert.deepEqual([run.children.length, first.of('drain')], [1, []]);
    const lines = run.events.flatMap((event) => (event.type === 'log' ? [event.line] : []));
    assert.deepEqual(lines, [`not handed over: its process did not pass on the sockets of ${gatewayPort}`]);
  });

for (const workers of [1, 2])
  test(`a successor that dies is given up, and the old process stays: ${workers} of them`, async () => {
    const { run, first } = handOverOf(new Map([[gatewayPort, fakeSocket()]]), workers);
    await turn();
    run.child(gatewayId).exit('SIGKILL');
    await turn();
    run.time.advance(60_000);
    assert.equal(run.children.length, workers + 1, 'no further one');
    assert.deepEqual(first.of('drain'), []);
    assert.equal(run.supervisor.settled(), true);
    assert.equal(run.supervisor.children()[0]?.pid, first.pid);
    const lines = run.events.flatMap((event) => (event.type === 'log' ? [event.line] : []));
    assert.deepEqual(lines, ['not handed over: its new process ended']);
  });

test('an old process that dies meanwhile is not started again: its successor has the ports', async () => {
  const { run, first } = handOverOf(new Map([[gatewayPort, fakeSocket()]]), 1);
  await turn();
  const successor = run.child(gatewayId);
  first.exit('SIGKILL');
  await turn();
  run.time.advance(60_000);
  assert.deepEqual([run.children.length, successor.of('drain')], [2, []]);
  successor.comply();
  assert.equal(run.supervisor.settled(), true);
  assert.deepEqual(
    run.supervisor.children().map(({ pid }) => pid),
    [successor.pid],
  );
});

test('a process that is away is not handed over: the next one is new', async () => {
  const run = stage(smallPlan([]));
  complyAll(run);
  run.child(gatewayId).exit('SIGKILL');
  assert.equal(await run.supervisor.handOver({ graceMs: 5_000 }), true);
  assert.equal(run.children.length, 1);
  run.time.advance(lastDelay(run));
  assert.equal(run.children.length, 2);
});

test('stopped during a hand-over, the old process and its successor both drain', async () => {
  const { run, first } = handOverOf(new Map([[gatewayPort, fakeSocket()]]), 1);
  await turn();
  const successor = run.child(gatewayId);
  const stopped = run.supervisor.stop({ graceMs: 1_000 });
  await turn();
  for (const child of [first, successor]) {
    assert.deepEqual(child.of('drain'), [{ type: 'drain', graceMs: 1_000 }]);
    child.exit('exit code 0');
  }
  await turn();
  run.time.advance(0);
  await stopped;
});

test('stopped while the old process still drains, it is ended in time as well', async () => {
  const { run, first } = handOverOf(new Map([[gatewayPort, fakeSocket()]]), 1);
  await turn();
  run.child(gatewayId).comply();
  await turn();
  assert.equal(run.supervisor.children().length, 2, 'it is still there');
  const stopped = run.supervisor.stop({ graceMs: 1_000 });
  run.child(gatewayId).exit('exit code 0');
  run.time.advance(2_000);
  assert.deepEqual(first.signals, ['SIGKILL']);
  first.exit('SIGKILL');
  await turn();
  await stopped;
});

test('a port stays where it is when the plan changes: of the first when others have joined, of another when the first is away', () => {
  const run = stage(smallPlan([]), { workers: 2 });
  complyAll(run);
  complyAll(run);
  const [first, second] = run.children;
  const bindOf = (child: FakeChild | undefined): unknown => child?.plans.at(-1)?.slice.ports[gatewayPort]?.bind;
  const before = [bindOf(first), bindOf(second)];
  const { plan } = withSecondPort();
  run.supervisor.publish(plan, keys);
  assert.deepEqual([bindOf(first), bindOf(second)], before);
  first?.exit('SIGKILL');
  run.supervisor.publish(smallPlan([]), keys);
  assert.deepEqual(bindOf(second), before[1]);
});

/** The proxy process's side of the conversation, with a data plane that only notes what it is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { ManualTime } from '../../test/kit/manual-time.ts';
import { gatewayId, smallPlan } from '../../test/kit/small-plan.ts';
import { packPlan } from '../plan/index.ts';
import { CertificateAuthority } from '../identity/index.ts';
import type { Proxy, ProxyOptions } from '../proxy/index.ts';
import type { ListeningSocket } from '../base/index.ts';
import type { ControlMessage, ProxyMessage } from './messages.ts';
import { ProxyRunner } from './proxy-runner.ts';

const spiffeId = 'spiffe://cluster.local/ns/default/sa/gateway-sa';

class FakeProxy implements Proxy {
  readonly calls: string[] = [];
  readonly options: ProxyOptions;
  keys: string[] = [];
  /** Completes the last `apply`. */
  bound: () => void = () => undefined;

  constructor(options: ProxyOptions) {
    this.options = options;
  }

  apply(...[plan, secrets]: Parameters<Proxy['apply']>): Promise<void> {
    this.calls.push(`apply ${Object.values(plan.ports)[0]?.bind.port}`);
    this.keys = [...secrets.values()].map((secret) => secret.reveal());
    return new Promise((resolve) => (this.bound = resolve));
  }

  setDescriptors(sources: Parameters<Proxy['setDescriptors']>[0]): void {
    this.calls.push(`descriptors ${[...sources.keys()].join(' ')}`);
  }

  bookOngoing(): void {
    this.calls.push('book');
  }

  drain(graceMs: number): Promise<void> {
    this.calls.push(`drain ${graceMs}`);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  readonly sockets = new Map<string, ListeningSocket>();

  listeners(): ReadonlyMap<string, ListeningSocket> {
    return this.sockets;
  }

  snapshot(): ReturnType<Proxy['snapshot']> {
    return { proxyId: gatewayId, spiffeId: '', activeRequests: 0, ports: [], clusters: [] };
  }
}

interface Stage {
  readonly time: ManualTime;
  readonly sent: ProxyMessage[];
  /** What came with each of these. */
  readonly passed: (ListeningSocket | undefined)[];
  readonly proxy: FakeProxy;
  readonly tell: (message: ControlMessage) => void;
  readonly done: Promise<void>;
  readonly runner: ProxyRunner;
  readonly authority: CertificateAuthority;
  readonly count: (type: ProxyMessage['type']) => number;
  /** Grants the last CSR. */
  readonly grant: () => Promise<void>;
}

async function stage(): Promise<Stage> {
  const time = new ManualTime(Date.now());
  const sent: ProxyMessage[] = [];
  const passed: (ListeningSocket | undefined)[] = [];
  const made: FakeProxy[] = [];
  const done = Promise.withResolvers<void>();
  const authority = await CertificateAuthority.ephemeral({ clock: time });
  const runner = new ProxyRunner({
    send: (message, socket) => {
      sent.push(message);
      passed.push(socket);
    },
    output: { write: (_text, written) => written() },
    clock: time,
    random: () => 0.5,
    schedule: time.schedule,
    onDone: done.resolve,
    createProxy: (options) => {
      const proxy = new FakeProxy(options);
      made.push(proxy);
      return proxy;
    },
  });
  runner.receive({ type: 'start', proxy: gatewayId, accessLog: 'off', limits: {}, sharesPorts: false });
  const [proxy] = made;
  assert.ok(proxy);
  const grant = async (): Promise<void> => {
    const csr = sent.findLast((message) => message.type === 'csr');
    const issued = await authority.issue({ csrPem: csr?.csrPem ?? '', spiffeId });
    runner.receive({ type: 'svid', chainPem: issued.chainPem ?? '', bundlePem: authority.rootPem });
  };
  const count = (type: ProxyMessage['type']): number => sent.filter((message) => message.type === type).length;
  return {
    time,
    sent,
    passed,
    proxy,
    tell: (message) => runner.receive(message),
    done: done.promise,
    runner,
    authority,
    count,
    grant,
  };
}

function planMessage(version: number, gatewayPort: number): ControlMessage {
  const slice = packPlan(smallPlan([], { gatewayPort }));
  return { type: 'plan', version, slice, keys: new Map([['cert/gateway/tls', 'LISTENER KEY']]) };
}

test('the first plan waits for the certificate; what is applied is said', async () => {
  const run = await stage();
  run.tell(planMessage(1, 1));
  assert.deepEqual(run.proxy.calls, []);
  await run.grant();
  assert.equal(run.proxy.options.identity.current()?.spiffeId, spiffeId);
  assert.deepEqual([run.proxy.calls, run.proxy.keys], [['apply 1'], ['LISTENER KEY']]);
  assert.equal(run.count('applied'), 0, 'its ports are not bound yet');
  run.proxy.bound();
  await turn();
  assert.deepEqual(run.sent.at(-1), { type: 'applied', version: 1 });
});

test('a plan overtaken by a newer one is not called applied', async () => {
  const run = await stage();
  await run.grant();
  run.tell(planMessage(1, 1));
  const { bound } = run.proxy;
  run.tell(planMessage(2, 2));
  bound();
  run.proxy.bound();
  await turn();
  assert.deepEqual(
    run.sent.filter(({ type }) => type === 'applied'),
    [{ type: 'applied', version: 2 }],
  );
});

test('without a certificate plans are applied all the same, and it keeps asking', async () => {
  const run = await stage();
  run.tell(planMessage(1, 1));
  run.tell({ type: 'svid-refused', error: 'no' });
  assert.deepEqual(run.proxy.calls, ['apply 1']);
  run.time.advance(4_999);
  assert.equal(run.count('csr'), 1);
  run.time.advance(1);
  assert.equal(run.count('csr'), 2);
});

test('a CSR that gets no answer is followed by another', async () => {
  const run = await stage();
  run.time.advance(5_000);
  assert.equal(run.count('csr'), 2);
  await run.grant();
  run.time.advance(60_000);
  assert.equal(run.count('csr'), 2);
});

test('sockets that came before the plan are there for its ports, once; the others are closed', async () => {
  const run = await stage();
  const closed: string[] = [];
  for (const port of ['used', 'left'])
    run.runner.receive({ type: 'listener', port }, { close: () => closed.push(port) });
  await run.grant();
  run.tell(planMessage(1, 1));
  assert.ok(run.proxy.options.inherit?.('used'));
  assert.equal(run.proxy.options.inherit?.('used'), undefined);
  assert.equal(run.proxy.options.inherit?.('other'), undefined);
  run.proxy.bound();
  await turn();
  assert.deepEqual(closed, ['left']);
});

test('asked to pass its sockets on, it says each, then that these were all', async () => {
  const run = await stage();
  const socket = { close: (): void => assert.fail('it goes on listening') };
  run.proxy.sockets.set('a', socket);
  run.tell({ type: 'pass-listeners' });
  assert.deepEqual(run.sent.slice(-2), [{ type: 'listener', port: 'a' }, { type: 'listeners-passed' }]);
  assert.equal(run.passed.at(-2), socket);
});

test('the certificate is renewed at half of its life, with a new key', async () => {
  const run = await stage();
  await run.grant();
  const first = run.proxy.options.identity.current();
  run.time.advance(43_200_000 - 60_000);
  assert.equal(run.count('csr'), 1);
  run.time.advance(120_000);
  assert.equal(run.count('csr') >= 2, true);
  await run.grant();
  const second = run.proxy.options.identity.current();
  assert.notEqual(second?.keyPem.reveal(), first?.keyPem.reveal());
});

test('a certificate that does not fit is reported, and asked for again', async () => {
  const run = await stage();
  run.tell({ type: 'svid', chainPem: 'x', bundlePem: run.authority.rootPem });
  assert.match(inspect(run.sent.at(-1)), /identity-error.*cannot be used: certificate chain: /s);
  run.time.advance(5_000);
  assert.equal(run.count('csr'), 2);
});

test('another identity is asked for when told to', async () => {
  const run = await stage();
  await run.grant();
  run.tell({ type: 'renew' });
  assert.equal(run.count('csr'), 2);
});

test('descriptors are kept by service and handed on as a whole', async () => {
  const run = await stage();
  const source = { files: [], services: [] };
  run.tell({ type: 'descriptors', descriptors: { service: 'a', source } });
  run.tell({ type: 'descriptors', descriptors: { service: 'b', source } });
  run.tell({ type: 'descriptors', descriptors: { service: 'a', source: undefined } });
  assert.deepEqual(run.proxy.calls, ['descriptors a', 'descriptors a b', 'descriptors b']);
});

test('what the data plane says goes to control', async () => {
  const { proxy, sent } = await stage();
  proxy.options.onListening('p', { host: '127.0.0.1', port: 7 });
  proxy.options.onBindFailed('q', 'EACCES');
  proxy.options.log('line');
  proxy.options.onDescriptors?.('svc', { files: [] });
  assert.deepEqual(sent.slice(1), [
    { type: 'listening', port: 'p', host: '127.0.0.1', number: 7 },
    { type: 'bind-failed', port: 'q', message: 'EACCES' },
    { type: 'log', line: 'line' },
    { type: 'descriptors', service: 'svc', source: { files: [] } },
  ]);
});

test('counts are sent when asked for, and once more at the end', async () => {
  const run = await stage();
  run.tell({ type: 'scrape', id: 7 });
  assert.equal(
    run.sent.some((message) => message.type === 'metrics' && message.id === 7),
    true,
  );
  run.tell({ type: 'drain', graceMs: 250 });
  await run.done;
  assert.deepEqual(run.proxy.calls, ['book', 'drain 250', 'book']);
  assert.equal(run.count('metrics'), 2);
});

test('a second drain changes nothing, and a draining proxy takes no plan', async () => {
  const run = await stage();
  await run.grant();
  run.tell({ type: 'drain', graceMs: 250 });
  run.tell({ type: 'drain', graceMs: 1 });
  run.tell(planMessage(1, 1));
  await run.done;
  assert.deepEqual(run.proxy.calls, ['drain 250', 'book']);
});

test('the private key is in no message and in nothing that prints', async () => {
  const run = await stage();
  await run.grant();
  const pem = run.proxy.options.identity.current()?.keyPem.reveal() ?? '';
  const shown =
    inspect([run.sent, run.runner], { depth: 20, showHidden: true }) + JSON.stringify([run.sent, run.runner]);
  assert.match(pem, /PRIVATE KEY/);
  for (const line of pem.split('\n').slice(1, 3)) assert.equal(shown.includes(line), false);
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

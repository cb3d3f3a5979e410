/** Real calls through a real data plane, for each case of `cases/`. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { AppState, startBackend, type Backend } from './backend.ts';
import { sendBytes, startByteBackend } from './bytes.ts';
import { openCaller, type Caller, type Outcome } from './call.ts';
import { readCases, type Call, type CallTls, type Case } from './case.ts';
import { checkCounts, checkOutcomes, checkSent, countsOf, hasCome, type Backends } from './check.ts';
import { startSallyport, type Address, type DataPlane } from './data-plane.ts';
import { Certificates, fill } from './fill.ts';
import { checkLog, checkMetric } from './observe.ts';

const patienceMs = 10_000;

interface Running {
  readonly certificates: Certificates;
  readonly state: AppState;
  readonly backends: Backends;
  readonly dataPlane: DataPlane;
  readonly fill: (text: string) => string;
  /** Connections that several calls share, by name. */
  readonly shared: Map<string, Caller>;
}

for (const one of readCases()) {
  describe(`${one.file}: ${one.title}`, () => {
    let running: Running | undefined;

    before(async () => {
      running = await start(one);
    });
    after(async () => {
      for (const caller of running?.shared.values() ?? []) caller.close();
      await running?.dataPlane.close();
      for (const backend of running?.backends.values() ?? []) backend.close();
    });

    for (const call of one.calls) {
      test(call.title, { timeout: 2 * patienceMs }, async () => {
        const there = running;
        assert.ok(there !== undefined, 'it did not start');
        if (call.later === true) await there.dataPlane.change(there.fill(`${one.manifests}\n---\n${one.later ?? ''}`));
        await (call.eventually === true ? untilSo(() => makeAndCheck(call, there)) : makeAndCheck(call, there));
      });
    }
  });
}

async function start(one: Case): Promise<Running> {
  const certificates = new Certificates();
  const state = new AppState();
  const backends = await startBackends(one, { certificates, state });
  const apps = Object.fromEntries([...backends].map(([name, { address }]) => [name, address] as const));
  const fillIn = (text: string): string => fill(text, { apps, certificates });
  const { names = {}, urls = {}, sound = false } = one;
  const dataPlane = await startSallyport(fillIn(one.manifests), { apps, names, urls, sound }).catch(
    (error: unknown) => {
      for (const backend of backends.values()) backend.close();
      throw error;
    },
  );
  return { certificates, state, backends, dataPlane, fill: fillIn, shared: new Map() };
}

async function startBackends(
  { backends, bytes = [], encrypted = {}, silent = [] }: Case,
  { certificates, state }: Pick<Running, 'certificates' | 'state'>,
): Promise<ReadonlyMap<string, Backend>> {
  const started = backends.map(async (name) => {
    const { certificate, clients } = encrypted[name] ?? {};
    const leaf = certificate === undefined ? undefined : certificates.leaf(certificate);
    const clientAuthority = clients === undefined ? {} : { clientAuthority: certificates.authority(clients).pem };
    const tls = leaf === undefined ? {} : { tls: { cert: leaf.chainPem, key: leaf.keyPem, ...clientAuthority } };
    const startOne = bytes.includes(name) ? startByteBackend : startBackend;
    return [name, await startOne(name, { state, isSilent: silent.includes(name), ...tls })] as const;
  });
  return new Map(await Promise.all(started));
}

/** Until it does not fail any more; then, or when it has failed for too long, its last end counts. */
async function untilSo(attempt: () => Promise<void>): Promise<void> {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await delay(10);
    }
  }
}

async function makeAndCheck(call: Call, running: Running): Promise<void> {
  const { backends, dataPlane, state } = running;
  const { expect: expected } = call;
  const counting = { backends, before: countsOf(backends), expected };
  const callers: Caller[] = [];
  const open = (): Caller => {
    const { connection = '' } = call;
    const caller =
      running.shared.get(connection) ??
      openCaller(addressFor(call, dataPlane), call.tls && tlsOptions(call.tls, call, running));
    if (connection === '') callers.push(caller);
    else running.shared.set(connection, caller);
    return caller;
  };
  try {
    const outcomes = await (call.send === undefined ? make(call, open, running) : send(call, call.send, running));
    if (call.send === undefined) checkOutcomes(outcomes, expected);
    else checkSent(outcomes, call.send, expected);
    if (expected.certificate !== undefined)
      assert.ok(outcomes[0]?.certificate?.equals(running.certificates.leaf(expected.certificate).der));
    await state.until(() => hasCome(counting));
    checkCounts(counting);
    for (const log of expected.log ?? []) await untilSo(async () => checkLog(dataPlane, requestFor(call, 0).path, log));
    for (const metric of expected.metrics ?? []) await untilSo(() => checkMetric(dataPlane, metric));
  } finally {
    for (const caller of callers) caller.close();
  }
}

async function make(call: Call, open: () => Caller, { backends, state }: Running): Promise<readonly Outcome[]> {
  const { held = 0, heldWith = { 'x-reply-never': '1' }, times = 1, apart = false, cookies = false } = call;
  let caller = open();
  const requests = (): number => [...backends.values()].reduce((sum, { seen }) => sum + seen.length, 0);
  const requestsBefore = requests();
  for (let index = 0; index < held; index++) {
    const request = requestFor(call, index);
    void caller.call({ ...request, headers: { ...request.headers, ...heldWith } });
  }
  if (call.unseen !== true) await state.until(() => requests() - requestsBefore >= held);
  const outcomes: Outcome[] = [];
  let cookie: string | undefined;
  for (let index = 0; index < times; index++) {
    if (apart && index > 0) caller = open();
    const request = requestFor(call, index);
    const headers = cookie === undefined ? request.headers : { ...request.headers, cookie };
    const outcome = await caller.call({ ...request, headers });
    if (cookies) cookie = outcome.headers['set-cookie']?.map((text) => text.split(';', 1)[0]).join('; ') ?? cookie;
    outcomes.push(outcome);
  }
  return outcomes;
}

async function send(call: Call, text: string, running: Running): Promise<readonly Outcome[]> {
  const address = addressFor(call, running.dataPlane);
  const tls = call.tls && tlsOptions(call.tls, call, running);
  const outcomes: Outcome[] = [];
  for (let index = 0; index < (call.times ?? 1); index++) outcomes.push(await sendBytes(address, text, tls));
  return outcomes;
}

function requestFor(call: Call, index: number): Parameters<Caller['call']>[0] {
  const numbered = (text: string): string => text.replaceAll('{i}', String(index));
  const headers = Object.entries(call.headers ?? {}).map(([name, value]) => [name, numbered(value)] as const);
  return {
    method: call.method ?? 'POST',
    path: numbered(call.path ?? '/shop.Cart/Get'),
    authority: call.authority ?? 'shop.example.com',
    headers: Object.fromEntries(headers),
  };
}

function tlsOptions(tls: CallTls, call: Call, { certificates, dataPlane }: Running): object {
  const { servername = requestFor(call, 0).authority, certificate, member, minVersion, maxVersion } = tls;
  const leaf = certificate === undefined ? member && dataPlane.certificate(member) : certificates.leaf(certificate);
  return {
    servername,
    ...(minVersion && { minVersion }),
    ...(maxVersion && { maxVersion }),
    ...(leaf && { cert: leaf.chainPem, key: leaf.keyPem }),
  };
}

function addressFor({ to = 'gateway default/gw:80', from, service }: Call, dataPlane: DataPlane): Address {
  if (from !== undefined) return dataPlane.outbound(from, service);
  const [, kind, name = '', port] = /^(gateway|workload) (\S+):(\d+)$/.exec(to) ?? [];
  assert.ok(kind !== undefined, `"${to}" is neither a gateway nor a workload`);
  return kind === 'gateway' ? dataPlane.gateway(name, Number(port)) : dataPlane.workload(name, Number(port));
}

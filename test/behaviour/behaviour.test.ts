/** Real calls through a real data plane, for each case of `cases/`. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startBackend, type Backend } from './backend.ts';
import { openCaller, type Outcome } from './call.ts';
import { readCases, type Call, type Case, type Expectation } from './case.ts';
import { startSallyport, type Address, type DataPlane } from './data-plane.ts';

for (const one of readCases()) {
  describe(`${one.file}: ${one.title}`, () => {
    let backends: ReadonlyMap<string, Backend>;
    let dataPlane: DataPlane;

    before(async () => {
      backends = await startBackends(one);
      const addresses = [...backends].map(([name, { address }]) => [name, address] as const);
      dataPlane = await startSallyport(one.manifests, Object.fromEntries(addresses));
    });
    after(async () => {
      await dataPlane.close();
      for (const backend of backends.values()) backend.close();
    });

    for (const call of one.calls) {
      test(call.title, async () => {
        const seenBefore = new Map([...backends].map(([name, { seen }]) => [name, seen.length] as const));
        const outcomes = await make(call, dataPlane);
        for (const outcome of outcomes) checkOutcome(outcome, call.expect);
        checkShares(outcomes, call.expect);
        for (const [name, count] of Object.entries(call.expect.requests ?? {})) {
          const earlier = seenBefore.get(name) ?? 0;
          // A mirrored request may arrive after its primary was answered.
          await backends.get(name)?.until(earlier + count);
          assert.equal((backends.get(name)?.seen.length ?? 0) - earlier, count, `requests to ${name}`);
        }
      });
    }
  });
}

async function startBackends({ backends }: Case): Promise<ReadonlyMap<string, Backend>> {
  const attempts = new Map<string, number>();
  const started = backends.map(async (name) => [name, await startBackend(name, attempts)] as const);
  return new Map(await Promise.all(started));
}

async function make(call: Call, dataPlane: DataPlane): Promise<readonly Outcome[]> {
  const caller = openCaller(addressFor(call, dataPlane));
  const outcomes: Outcome[] = [];
  for (let count = 0; count < (call.times ?? 1); count++) {
    outcomes.push(
      await caller.call({
        method: call.method ?? 'POST',
        path: call.path ?? '/shop.Cart/Get',
        authority: call.authority ?? 'shop.example.com',
        headers: call.headers ?? {},
      }),
    );
  }
  caller.close();
  return outcomes;
}

function addressFor({ to = 'gateway default/gw:80', from }: Call, dataPlane: DataPlane): Address {
  if (from !== undefined) return dataPlane.outbound(from);
  const [, kind, name = '', port] = /^(gateway|workload) (\S+):(\d+)$/.exec(to) ?? [];
  assert.ok(kind !== undefined, `"${to}" is neither a gateway nor a workload`);
  return kind === 'gateway' ? dataPlane.gateway(name, Number(port)) : dataPlane.workload(name, Number(port));
}

function checkOutcome({ http, status, headers, seen }: Outcome, expected: Expectation): void {
  const facts = JSON.stringify({ http, status, headers, seen });
  if (expected.refused === true) {
    assert.equal(http, undefined, facts);
    return;
  }
  assert.equal(
    http,
    expected.http ?? (expected.status === undefined && expected.backend === undefined ? http : 200),
    facts,
  );
  if (expected.backend !== undefined) assert.equal(seen?.backend, expected.backend, facts);
  const wantedStatus = expected.status ?? (expected.backend === undefined ? undefined : 0);
  if (wantedStatus !== undefined) assert.equal(status, wantedStatus, facts);
  const { saw = {} } = expected;
  if (saw.path !== undefined) assert.equal(seen?.path, saw.path, facts);
  if (saw.authority !== undefined) assert.equal(seen?.authority, saw.authority, facts);
  for (const [name, value] of Object.entries(saw.headers ?? {}))
    assert.equal(seen?.headers[name] ?? null, value, `${name} as the app saw it: ${facts}`);
  for (const [name, value] of Object.entries(expected.headers ?? {}))
    assert.equal(headers[name] ?? null, value, `${name} of the answer: ${facts}`);
}

function checkShares(outcomes: readonly Outcome[], { shares = {}, tolerance = 0.1 }: Expectation): void {
  for (const [backend, share] of Object.entries(shares)) {
    const got = outcomes.filter(({ seen }) => seen?.backend === backend).length / outcomes.length;
    assert.ok(Math.abs(got - share) <= tolerance, `${backend} answered ${got} of the calls, wanted ${share}`);
  }
}

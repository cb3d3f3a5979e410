import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { startBackend, startClusterMesh, type ClusterMesh, type ClusterSpec } from '../../test/kit/cluster-mesh.ts';
import { echoClient } from '../../test/kit/proxy-client.ts';
import { proxyOrigin } from '../../test/kit/proxy-plan.ts';
import type { ScriptedBackend, ScriptedRequest } from '../../test/kit/proxy-scripted.ts';
import type { HashPolicy } from '../plan/index.ts';

/** A fixed sequence of draws, so that shares are the same in every run. */
function draws(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

async function three(
  context: TestContext,
  spec: ClusterSpec,
): Promise<{ readonly mesh: ClusterMesh; readonly backends: readonly ScriptedBackend[] }> {
  const backends = await Promise.all([0, 1, 2].map(() => startBackend(context)));
  const addresses = backends.map(({ address }) => address);
  const mesh = await startClusterMesh(context, addresses, { ...spec, options: { random: draws() } });
  return { mesh, backends };
}

async function callTimes({ client }: ClusterMesh, times: number, metadata: Record<string, string> = {}): Promise<void> {
  for (let i = 0; i < times; i++) assert.equal((await client.unary('x', { metadata })).code, 0);
}

const counts = (backends: readonly ScriptedBackend[]): number[] => backends.map(({ requests }) => requests);

describe('simple balancers, with real backends', () => {
  test('ROUND_ROBIN: each in turn, by weight', async (t) => {
    const { mesh, backends } = await three(t, {
      cluster: { loadBalancer: 'ROUND_ROBIN' },
      endpoint: (index) => ({ weight: index === 0 ? 2 : 1 }),
    });
    await callTimes(mesh, 40);
    assert.deepEqual(counts(backends), [20, 10, 10]);
  });

  test('RANDOM and LEAST_REQUEST: each gets about its share', async (t) => {
    for (const loadBalancer of ['RANDOM', 'LEAST_REQUEST'] as const) {
      const { mesh, backends } = await three(t, { cluster: { loadBalancer } });
      await callTimes(mesh, 90);
      for (const count of counts(backends)) assert.ok(count >= 15 && count <= 45, String(counts(backends)));
    }
  });

  test('LEAST_REQUEST: one that is slow gets less than its share', async (t) => {
    const waiting: (() => void)[] = [];
    let onSlow = (): void => undefined;
    const slow = await startBackend(t, {
      onEnd: (request) => {
        waiting.push(() => request.end(0));
        onSlow();
      },
    });
    const quick = await startBackend(t);
    const { client } = await startClusterMesh(t, [slow.address, quick.address], { options: { random: draws() } });
    const answers = [];
    for (let i = 0; i < 100; i++) {
      const heldBack = new Promise<void>((resolve) => (onSlow = resolve));
      const answer = client.unary('x');
      answers.push(answer);
      await Promise.race([answer, heldBack]);
    }
    for (const answer of waiting) answer();
    await Promise.all(answers);
    // Half would be its share; it is drawn twice in a row with a chance of one in four.
    assert.ok(slow.requests > 0 && slow.requests < 38, `${slow.requests} of 100`);
  });

  test('LEAST_REQUEST: one of three that is twenty times slower gets far less than in turn', async (t) => {
    const callsOfSlow = async (loadBalancer: 'LEAST_REQUEST' | 'ROUND_ROBIN'): Promise<number> => {
      const held: ScriptedRequest[] = [];
      let answeredByQuick = 0;
      let onHeld = (): void => undefined;
      const slow = await startBackend(t, {
        onEnd: (request) => {
          held.push(request);
          onHeld();
        },
      });
      // Slow by the count of others' answers, not by the clock: one answer for each twenty of theirs.
      const quickly = (request: ScriptedRequest): void => {
        request.end(0);
        if (++answeredByQuick % 20 === 0) held.shift()?.end(0);
      };
      const quick = await Promise.all([0, 1].map(() => startBackend(t, { onEnd: quickly })));
      const { client } = await startClusterMesh(
        t,
        [slow, ...quick].map(({ address }) => address),
        { cluster: { loadBalancer }, options: { random: draws() } },
      );
      const answers = [];
      for (let i = 0; i < 300; i++) {
        const isHeld = new Promise<void>((resolve) => (onHeld = resolve));
        const answer = client.unary('x');
        answers.push(answer);
        await Promise.race([answer, isHeld]);
      }
      for (const request of held) request.end(0);
      for (const { code } of await Promise.all(answers)) assert.equal(code, 0);
      return slow.requests;
    };
    assert.equal(await callsOfSlow('ROUND_ROBIN'), 100);
    // Drawn against itself it wins, once in nine; else only while nothing of its own is open.
    const leastRequest = await callsOfSlow('LEAST_REQUEST');
    assert.ok(leastRequest > 0 && leastRequest <= 55, `${leastRequest} of 300`);
  });
});

const origin = proxyOrigin('DestinationRule', 'echo', 5);

function hashBy(
  key: HashPolicy['key'],
  table: HashPolicy['table'] = { type: 'ring', minimumSize: 1_024 },
): ClusterSpec {
  return { cluster: { loadBalancer: 'CONSISTENT_HASH', hash: { origin, key, table } } };
}

describe('consistent hashing', () => {
  test('a header: the same value goes to the same endpoint, and values are spread', async (t) => {
    for (const table of [
      { type: 'ring', minimumSize: 1_024 },
      { type: 'maglev', size: 65_537 },
    ] as const) {
      const { mesh, backends } = await three(t, hashBy({ type: 'header', name: 'x-user' }, table));
      await callTimes(mesh, 12, { 'x-user': 'ada' });
      assert.deepEqual(
        counts(backends).sort((a, b) => b - a),
        [12, 0, 0],
      );
      for (let user = 0; user < 60; user++) await callTimes(mesh, 1, { 'x-user': `user-${user}` });
      for (const count of counts(backends)) assert.ok(count >= 5, `${table.type}: ${String(counts(backends))}`);
    }
  });

  test('without the key, anywhere', async (t) => {
    const { mesh, backends } = await three(t, hashBy({ type: 'header', name: 'x-user' }));
    await callTimes(mesh, 40);
    for (const count of counts(backends)) assert.ok(count >= 5, String(counts(backends)));
  });

  test('when an endpoint leaves, keys of the others stay', async (t) => {
    const { mesh, backends } = await three(t, hashBy({ type: 'header', name: 'x-user' }));
    const users = Array.from({ length: 40 }, (_, index) => `user-${index}`);
    const placeOf = async (user: string): Promise<number> => {
      const before = counts(backends);
      await callTimes(mesh, 1, { 'x-user': user });
      return counts(backends).findIndex((count, index) => count > (before[index] ?? 0));
    };
    const places: number[] = [];
    for (const user of users) places.push(await placeOf(user));
    const [first, second] = backends.map(({ address }) => address);
    assert.ok(first !== undefined && second !== undefined);
    await mesh.apply([first, second]);
    let moved = 0;
    for (const [index, user] of users.entries()) {
      const place = await placeOf(user);
      if (places[index] !== 2 && place !== places[index]) moved++;
    }
    // With half as many endpoints more, every other has half as many slots more; most keys stay all the same.
    assert.ok(moved <= 12, `${moved} of 40`);
  });

  test('the source address, without its port', async (t) => {
    const { mesh, backends } = await three(t, hashBy({ type: 'source-ip' }));
    await callTimes(mesh, 10);
    const second = echoClient(mesh.address);
    t.after(() => second.close());
    assert.equal((await second.unary('x')).code, 0);
    assert.deepEqual(
      counts(backends).sort((a, b) => b - a),
      [11, 0, 0],
    );
  });

  test('a cookie: made for who has none, and obeyed', async (t) => {
    const cookie = {
      type: 'cookie',
      name: 'at',
      ttlMs: 90_000,
      path: '/',
      attributes: [{ name: 'Secure', value: '' }],
    } as const;
    const { mesh, backends } = await three(t, hashBy(cookie));
    const seen = new Set<string>();
    for (let i = 0; i < 6; i++) {
      const before = counts(backends);
      const { code, headers, trailers } = await mesh.client.unary('x');
      assert.equal(code, 0);
      const [given = ''] = [...headers.get('set-cookie'), ...trailers.get('set-cookie')].map(String);
      assert.match(given, /^at="[0-9a-f]{16}"; Max-Age=90; Path=\/; Secure; HttpOnly$/);
      const place = counts(backends).findIndex((count, index) => count > (before[index] ?? 0));
      const value = given.slice(0, given.indexOf(';'));
      seen.add(value);
      const middle = counts(backends);
      await callTimes(mesh, 3, { cookie: `other=1; ${value}` });
      assert.equal(counts(backends)[place], (middle[place] ?? 0) + 3, 'the same place again');
    }
    assert.equal(seen.size, 6);
    const { headers, trailers } = await mesh.client.unary('x', { metadata: { cookie: 'at=x' } });
    assert.deepEqual([...headers.get('set-cookie'), ...trailers.get('set-cookie')], []);
  });

  test('an endpoint that cannot be reached is passed over, always for the same other', async (t) => {
    const { mesh, backends } = await three(t, hashBy({ type: 'header', name: 'x-user' }));
    await callTimes(mesh, 1, { 'x-user': 'ada' });
    const home = counts(backends).indexOf(1);
    await backends[home]?.close();
    await callTimes(mesh, 9, { 'x-user': 'ada' });
    const others = counts(backends).filter((_, index) => index !== home);
    assert.deepEqual(
      others.sort((a, b) => b - a),
      [9, 0],
    );
  });
});

describe('localities', () => {
  test('distribute: requests are shared out as written, those not named get none', async (t) => {
    const { mesh, backends } = await three(t, {
      cluster: { loadBalancer: 'ROUND_ROBIN', localityWeights: { 'eu/a': 80, 'eu/b': 20 } },
      endpoint: (index) => ({ locality: ['eu/a', 'eu/b', 'us'][index] ?? '' }),
    });
    await callTimes(mesh, 50);
    assert.deepEqual(counts(backends), [40, 10, 0]);
  });

  test('priorities: the nearest alone while it is healthy', async (t) => {
    const { mesh, backends } = await three(t, { endpoint: (index) => ({ priority: index }) });
    await callTimes(mesh, 20);
    assert.deepEqual(counts(backends), [20, 0, 0]);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  arrangeEndpoints,
  groupAt,
  nextLocality,
  priorityLoads,
  type Arrangeable,
  type PriorityGroup,
} from './arrangement.ts';
import { warmupShare } from './warmup.ts';

interface Target extends Arrangeable {
  readonly name: string;
}

function target(name: string, more: Partial<Target> = {}): Target {
  return { name, weight: 1, active: 0, usable: true, credit: 0, healthy: true, priority: 0, locality: '', ...more };
}

function show(groups: readonly PriorityGroup<Target>[]): readonly string[] {
  return groups.map(({ priority, load, endpoints, isPanicking }) => {
    const names = endpoints.map(({ name }) => name).join('');
    return `${priority}: ${names} ${Math.round(load)}${isPanicking ? ' panic' : ''}`;
  });
}

const calm = { minHealthPercent: 0 };

function loads(levels: readonly (readonly [healthy: number, total: number])[], minHealthPercent = 0): unknown {
  return priorityLoads(
    levels.map(([healthy, total]) => ({ healthy, total })),
    minHealthPercent,
  ).map(({ load }) => Math.round(load));
}

describe('priorities', () => {
  test('the table of Envoy’s documentation (Priority levels), of ten endpoints each', () => {
    assert.deepEqual(
      loads([
        [10, 10],
        [10, 10],
      ]),
      [100, 0],
    );
    assert.deepEqual(
      loads([
        [8, 10],
        [10, 10],
      ]),
      [100, 0],
      '72 % are enough',
    );
    assert.deepEqual(
      loads([
        [5, 10],
        [10, 10],
      ]),
      [70, 30],
    );
    assert.deepEqual(
      loads([
        [2, 10],
        [10, 10],
      ]),
      [28, 72],
    );
    assert.deepEqual(
      loads([
        [0, 10],
        [10, 10],
      ]),
      [0, 100],
    );
    assert.deepEqual(
      loads([
        [2, 10],
        [2, 10],
      ]),
      [50, 50],
      'not enough in all: in proportion',
    );
    assert.deepEqual(
      loads([
        [5, 10],
        [2, 10],
        [10, 10],
      ]),
      [70, 28, 2],
    );
    assert.deepEqual(
      loads([
        [0, 10],
        [0, 10],
      ]),
      [0, 0],
    );
  });

  test('ejected endpoints are not drawn, and a priority without endpoints is passed over', () => {
    const groups = arrangeEndpoints(
      [target('a'), target('b', { healthy: false }), target('c', { priority: 2 }), target('d', { weight: 0 })],
      calm,
    );
    assert.deepEqual(show(groups), ['0: a 70', '2: c 30']);
    assert.deepEqual(show(arrangeEndpoints([target('a', { healthy: false })], calm)), []);
  });

  test('below minHealthPercent, health is disregarded, where there is not enough health elsewhere', () => {
    const sick = [target('a', { healthy: false }), target('b', { healthy: false }), target('c')];
    assert.deepEqual(show(arrangeEndpoints(sick, { minHealthPercent: 30 })), ['0: c 100']);
    assert.deepEqual(show(arrangeEndpoints(sick, { minHealthPercent: 50 })), ['0: abc 100 panic']);
    const elsewhere = [...sick, target('d', { priority: 1 })];
    assert.deepEqual(show(arrangeEndpoints(elsewhere, { minHealthPercent: 50 })), ['0: c 47', '1: d 53']);
    const nobody = sick.map((one) => ({ ...one, healthy: false }));
    assert.deepEqual(show(arrangeEndpoints(nobody, { minHealthPercent: 50 })), ['0: abc 100 panic']);
  });

  test('loads sum to 100 where anything is healthy, and every point has a group', () => {
    const level = fc.tuple(fc.nat(10), fc.integer({ min: 1, max: 10 })).map(([a, b]) => [Math.min(a, b), b] as const);
    fc.assert(
      fc.property(fc.array(level, { minLength: 1, maxLength: 4 }), fc.nat(100), (levels, threshold) => {
        const found = priorityLoads(
          levels.map(([healthy, total]) => ({ healthy, total })),
          threshold,
        );
        const sum = found.reduce((total, { load }) => total + load, 0);
        const someHealthy = levels.some(([healthy]) => healthy > 0);
        assert.ok(Math.abs(sum - (someHealthy || threshold > 0 ? 100 : 0)) < 1e-9, `${sum}`);
      }),
    );
  });

  test('groupAt lays the loads side by side', () => {
    const groups = arrangeEndpoints([target('a'), target('b', { healthy: false }), target('c', { priority: 1 })], calm);
    assert.deepEqual(
      [0, 69, 71, 99.9].map((point) => groupAt(groups, point)?.priority),
      [0, 0, 1, 1],
    );
    assert.equal(groupAt([], 5), undefined);
  });
});

describe('localities', () => {
  const weights = { 'eu/a': 80, 'eu/b': 20, 'us/c': 50 };
  const places = [
    target('a', { locality: 'eu/a' }),
    target('b', { locality: 'eu/a' }),
    target('c', { locality: 'eu/b' }),
    target('x', { locality: 'asia' }),
  ];

  function draw(endpoints: readonly Target[], count: number): Readonly<Record<string, number>> {
    const [group] = arrangeEndpoints(endpoints, { ...calm, localityWeights: weights });
    const drawn = Array.from({ length: count }, () => nextLocality(group?.localities ?? [])?.locality ?? '');
    return Object.fromEntries(weightsOf(drawn));
  }

  function weightsOf(names: readonly string[]): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  test('requests are shared out as written; what is not named gets none', () => {
    assert.deepEqual(draw(places, 10), { 'eu/a': 8, 'eu/b': 2 });
  });

  test('a locality with too few healthy endpoints gives up a part of its share', () => {
    const sick = places.map((place) => (place.name === 'a' ? { ...place, healthy: false } : place));
    // 80 × 1.4 × ½ = 56 beside 20.
    assert.deepEqual(draw(sick, 76), { 'eu/a': 56, 'eu/b': 20 });
  });
});

describe('warm-up', () => {
  const warmup = { durationMs: 10_000, minimumPercent: 10, aggression: 1, origin: {} as never };

  test('linear, from the minimum to the whole', () => {
    const shares = [0, 500, 5_000, 9_000, 10_000, 99_999].map((ageMs) => warmupShare(warmup, ageMs));
    assert.deepEqual(shares, [0.1, 0.1, 0.5, 0.9, 1, 1]);
  });

  test('with aggression 2, faster at first', () => {
    assert.equal(warmupShare({ ...warmup, aggression: 2 }, 2_500), 0.5);
    assert.ok(warmupShare({ ...warmup, minimumPercent: 0 }, 0) > 0);
  });
});

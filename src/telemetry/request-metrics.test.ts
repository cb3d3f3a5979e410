import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { bucketBounds, bucketCount, bucketOf } from './buckets.ts';
import { unknownService, unknownWorkload, type PairLabels, type WorkloadIdentity } from './labels.ts';
import { maxFlags, maxPairs, maxSeries } from './limits.ts';
import { RequestMetrics } from './request-metrics.ts';

function workload(name: string): WorkloadIdentity {
  return { ...unknownWorkload, workload: name };
}

const labels: PairLabels = {
  reporter: 'source',
  source: workload('client'),
  destination: workload('asset'),
  service: { host: 'asset.default.svc.cluster.local', name: 'asset', namespace: 'default' },
  security: 'unknown',
};

/** Requests of all series, by the values of their labels that tell them apart here. */
function requests(metrics: RequestMetrics): Record<string, number> {
  return Object.fromEntries(
    metrics
      .snapshot()
      .series.map(({ labels: values, duration }) => [
        [values[0], values[1], values[10], ...values.slice(20)].join(' '),
        duration.slice(0, bucketCount).reduce((sum, count) => sum + count, 0),
      ]),
  );
}

test('requests are counted by pair and response', () => {
  const metrics = new RequestMetrics();
  const pair = metrics.pairFor(labels);
  metrics.record(metrics.seriesFor(pair, true, 200, 0, '-'), 1, 10, 20);
  metrics.record(metrics.seriesFor(pair, true, 200, 0, '-'), 1, 10, 20);
  metrics.record(metrics.seriesFor(pair, true, 200, 14, 'UF'), 1, 10, 20);
  metrics.record(metrics.seriesFor(pair, false, 404, -1, 'NR'), 1, 10, 20);
  metrics.record(metrics.seriesFor(pair, true, 0, -1, 'DC'), 1, 10, 20);
  const atDestination = metrics.pairFor({ ...labels, reporter: 'destination', security: 'mutual_tls' });
  metrics.record(metrics.seriesFor(atDestination, true, 200, 0, '-'), 1, 10, 20);
  assert.deepEqual(requests(metrics), {
    'source client asset grpc 200 0 - unknown': 2,
    'source client asset grpc 200 14 UF unknown': 1,
    'source client asset http 404  NR unknown': 1,
    'source client asset grpc 0  DC unknown': 1,
    'destination client asset grpc 200 0 - mutual_tls': 1,
  });
});

test('label objects that say the same are the same, whoever made them', () => {
  const metrics = new RequestMetrics();
  const pair = metrics.pairFor(labels);
  assert.equal(metrics.pairFor(structuredClone(labels)), pair);
  for (const other of [
    { ...labels, reporter: 'destination' as const },
    { ...labels, source: workload('other') },
    { ...labels, destination: workload('other') },
    { ...labels, source: labels.destination, destination: labels.source },
    { ...labels, service: unknownService },
    { ...labels, security: 'none' as const },
    { ...labels, security: 'mutual_tls' as const },
  ]) {
    assert.notEqual(metrics.pairFor(other), pair);
  }
});

test('a histogram keeps every value in the bucket of the first bound not below it, and the sum', () => {
  const metrics = new RequestMetrics();
  const series = metrics.seriesFor(metrics.pairFor(labels), true, 200, 0, '-');
  for (const ms of [0, 0.5, 0.6, 4_000_000]) metrics.record(series, ms, 1, 2);
  const [only] = metrics.snapshot().series;
  assert.deepEqual(only?.duration, [2, 1, ...Array.from({ length: 17 }, () => 0), 1, 4_000_001.1]);
  assert.equal(only?.requestBytes.at(-1), 4);
  assert.equal(only?.responseBytes.at(-1), 8);
});

test('the bucket is the one that a scan finds', () => {
  fc.assert(
    fc.property(fc.oneof(fc.double({ min: 0, max: 5e6, noNaN: true }), fc.constantFrom(...bucketBounds)), (value) => {
      const scanned = bucketBounds.findIndex((bound) => value <= bound);
      assert.equal(bucketOf(value), scanned === -1 ? bucketBounds.length : scanned);
    }),
  );
});

test('messages are counted by pair, also before the request ends', () => {
  const metrics = new RequestMetrics();
  const pair = metrics.pairFor(labels);
  metrics.addMessages(pair, 1, 100);
  metrics.addMessages(pair, 0, 50);
  const { pairs, series } = metrics.snapshot();
  assert.deepEqual(series, []);
  assert.deepEqual(
    pairs.map(({ requestMessages, responseMessages }) => [requestMessages, responseMessages]),
    [[1, 150]],
  );
});

test('arrays grow without losing a count', () => {
  const metrics = new RequestMetrics();
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 100; i++) {
      const pair = metrics.pairFor({ ...labels, source: workload(`w${i}`) });
      metrics.record(metrics.seriesFor(pair, true, 200, 0, '-'), 1, 1, 1);
      metrics.addMessages(pair, 1, 1);
    }
  }
  assert.deepEqual(new Set(Object.values(requests(metrics))), new Set([2]));
  assert.equal(metrics.snapshot().pairs.length, 100);
});

test('beyond the bounds everything is counted in one overflow series', () => {
  const metrics = new RequestMetrics();
  for (let i = 0; i < maxPairs + 10; i++) {
    const pair = metrics.pairFor({ ...labels, source: workload(`w${i}`) });
    for (const code of [200, 503, 404]) metrics.record(metrics.seriesFor(pair, true, code, 0, '-'), 1, 1, 1);
  }
  const counted = requests(metrics);
  assert.ok(Object.keys(counted).length <= maxSeries);
  assert.equal(
    Object.values(counted).reduce((a, b) => a + b, 0),
    3 * (maxPairs + 10),
  );
  assert.ok((counted['source overflow overflow grpc 0  - unknown'] ?? 0) > 0);
});

test('numbers that are no status make no series of their own', () => {
  const metrics = new RequestMetrics();
  const pair = metrics.pairFor(labels);
  assert.equal(metrics.seriesFor(pair, true, 200, 99, '-'), metrics.seriesFor(pair, true, 200, 2, '-'));
  assert.equal(metrics.seriesFor(pair, true, 99_999, 0, '-'), metrics.seriesFor(pair, true, 0, 0, '-'));
  const series = new Set(Array.from({ length: 200 }, (_, i) => metrics.seriesFor(pair, true, 200, 0, `F${i}`)));
  assert.ok(series.size <= maxFlags);
});

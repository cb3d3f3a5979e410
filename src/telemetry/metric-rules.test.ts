import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectionLabelValues, tcpConnectionsOpened, tcpSentBytes } from './connection-metrics.ts';
import { Counters, limitsActed } from './counters.ts';
import { createExposition } from './exposition.ts';
import { unknownService, unknownWorkload } from './labels.ts';
import { applyMetricRules, type MetricRule } from './metric-rules.ts';
import { RequestMetrics } from './request-metrics.ts';
import type { MetricsSnapshot } from './snapshot.ts';

/** Two clients of different versions, one request each as destination, one as source. */
function counted(): MetricsSnapshot {
  const metrics = new RequestMetrics();
  for (const reporter of ['destination', 'destination', 'source'] as const) {
    const source = { ...unknownWorkload, workload: 'web', version: `v${metrics.snapshot().series.length}` };
    const pair = metrics.pairFor({
      reporter,
      source,
      destination: unknownWorkload,
      service: unknownService,
      security: 'none',
    });
    metrics.record(metrics.seriesFor(pair, true, 200, 0, '-'), 3, 10, 20);
    metrics.addMessages(pair, 1, 2);
  }
  return { ...metrics.snapshot(), counters: [] };
}

async function lines(rules: readonly MetricRule[], name: string): Promise<string[]> {
  const snapshot = (): MetricsSnapshot => applyMetricRules(counted(), rules);
  const text = await createExposition({ version: '1', snapshot }).text();
  return text.split('\n').filter((line) => line.startsWith(`${name}{`));
}

function rule(metric: string, change: Partial<MetricRule>): MetricRule {
  return { reporter: 'destination', metric, disabled: false, labels: {}, ...change };
}

test('without rules the snapshot is the same object', () => {
  const snapshot = counted();
  assert.equal(applyMetricRules(snapshot, []), snapshot);
});

test('a metric that is disabled is not there, for that reporter; the others are', async () => {
  const rules = [
    rule('istio_requests_total', { disabled: true }),
    rule('istio_request_messages_total', { disabled: true }),
  ];
  const left = await lines(rules, 'istio_requests_total');
  assert.equal(left.length, 1);
  assert.match(left[0] ?? '', /reporter="source"/);
  assert.equal((await lines(rules, 'istio_request_duration_milliseconds_count')).length, 3);
  assert.equal((await lines(rules, 'istio_request_messages_total')).length, 1);
  assert.equal((await lines(rules, 'istio_response_messages_total')).length, 3);
  const all = (
    [
      'istio_requests_total',
      'istio_request_duration_milliseconds',
      'istio_request_bytes',
      'istio_response_bytes',
    ] as const
  ).flatMap((metric) => [rule(metric, { disabled: true }), rule(metric, { disabled: true, reporter: 'source' })]);
  for (const name of ['istio_requests_total', 'istio_response_bytes_count'])
    assert.deepEqual(await lines(all, name), []);
});

test('a label that is taken away joins what it told apart; one that is set says the text', async () => {
  const labels = { source_version: '', destination_cluster: 'here' };
  const of = await lines([rule('istio_requests_total', { labels })], 'istio_requests_total');
  const joined = of.filter((line) => line.includes('reporter="destination"'));
  assert.equal(joined.length, 1);
  assert.match(joined[0] ?? '', /source_version="".*destination_cluster="here".*\} 2$/);
  const others = await lines([rule('istio_requests_total', { labels })], 'istio_request_bytes_count');
  assert.equal(others.length, 3, 'another metric keeps its labels');
});

test('metrics of connections follow their rules, and counters of the proxy itself have none', () => {
  const counters = new Counters();
  for (const [reporter, app] of [
    ['source', 'a'],
    ['source', 'b'],
    ['destination', 'a'],
  ] as const) {
    const source = { ...unknownWorkload, app };
    const pair = { reporter, source, destination: unknownWorkload, service: unknownService, security: 'none' } as const;
    counters.add(tcpSentBytes, connectionLabelValues(pair, '-'), 5);
    counters.add(tcpConnectionsOpened, connectionLabelValues(pair, '-'));
  }
  counters.add(limitsActed, ['some']);
  const snapshot = { pairs: [], series: [], counters: counters.snapshot() };
  const changed = applyMetricRules(snapshot, [
    rule('istio_tcp_sent_bytes_total', { reporter: 'source', labels: { source_app: '' } }),
    rule('istio_tcp_connections_opened_total', { disabled: true }),
  ]).counters;
  const valuesOf = (name: string): number[] => changed.filter((one) => one.name === name).map(({ value }) => value);
  assert.deepEqual(valuesOf('istio_tcp_sent_bytes_total'), [10, 5]);
  assert.deepEqual(valuesOf('istio_tcp_connections_opened_total'), [1, 1]);
  assert.deepEqual(valuesOf('sallyport_limits_acted_total'), [1]);
});

/** Requests for hosts, all of one pair. */
function tagged(...hosts: readonly string[]): MetricsSnapshot {
  const metrics = new RequestMetrics();
  const counters = new Counters();
  const labels = {
    reporter: 'destination',
    source: unknownWorkload,
    destination: unknownWorkload,
    service: unknownService,
    security: 'none',
  } as const;
  const pair = metrics.pairFor(labels);
  for (const host of hosts) {
    const tags = { 'request.host': host };
    const tagSet = metrics.tagSet(tags);
    metrics.record(metrics.seriesFor(pair, true, 200, 0, '-', tagSet), 3, 10, 20);
    metrics.addMessages(metrics.taggedPair(pair, tagSet), 1, 2);
    counters.add(tcpSentBytes, connectionLabelValues(labels, '-'), 5, tags);
  }
  return { ...metrics.snapshot(), counters: counters.snapshot() };
}

async function taggedLines(rules: readonly MetricRule[], name: string): Promise<string[]> {
  const snapshot = (): MetricsSnapshot => applyMetricRules(tagged('a', 'b', 'a'), rules);
  const text = await createExposition({ version: '1', snapshot }).text();
  return text.split('\n').filter((line) => line.startsWith(`${name}{`));
}

test('labels that are computed: a new one, and one of Istio', async () => {
  const host = { text: 'request.host' };
  const labels = { request_host: host, source_app: host, place: 'here' };
  const names = [
    ['istio_requests_total', 'istio_requests_total'],
    ['istio_request_bytes', 'istio_request_bytes_count'],
    ['istio_request_messages_total', 'istio_request_messages_total'],
    ['istio_tcp_sent_bytes_total', 'istio_tcp_sent_bytes_total'],
  ] as const;
  for (const [metric, name] of names) {
    const of = await taggedLines([rule(metric, { labels })], name);
    assert.equal(of.length, 2, name);
    assert.match(of[0] ?? '', /source_app="a".*place="here",request_host="a"\} (?:2|10)$/, name);
    assert.match(of[1] ?? '', /source_app="b".*place="here",request_host="b"\} (?:1|5)$/, name);
  }
  const others = await taggedLines([rule('istio_requests_total', { labels })], 'istio_response_bytes_count');
  assert.equal(others.length, 1, 'what another metric is told apart by is one here');
  assert.match(others[0] ?? '', /\} 3$/);
});

test('what was counted before a label was computed has no value, and what no rule asks for any more is one', async () => {
  const never = rule('istio_requests_total', { labels: { path: { text: 'request.path' } } });
  const [line, ...rest] = await taggedLines([never], 'istio_requests_total');
  assert.match(line ?? '', /path="unknown"\} 3$/);
  assert.deepEqual(rest, []);
  for (const name of ['istio_requests_total', 'istio_request_messages_total', 'istio_tcp_sent_bytes_total']) {
    assert.equal((await taggedLines([], name)).length, 1, name);
  }
});

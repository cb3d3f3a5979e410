import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters, handshakeFailures, limitsActed } from './counters.ts';
import { createExposition } from './exposition.ts';
import { unknownService, unknownWorkload } from './labels.ts';
import { maxCounterSeries } from './limits.ts';
import { RequestMetrics } from './request-metrics.ts';
import { emptySnapshot, mergeSnapshots, type MetricsSnapshot } from './snapshot.ts';
import { SnapshotStore } from './snapshot-store.ts';
import { takeSnapshot } from './take-snapshot.ts';

/** One request with 3 messages, at 7 ms. */
function snapshotOfOneRequest(workload = 'gateway'): MetricsSnapshot {
  const metrics = new RequestMetrics();
  const counters = new Counters();
  const pair = metrics.pairFor({
    reporter: 'source',
    source: { ...unknownWorkload, workload },
    destination: unknownWorkload,
    service: unknownService,
    security: 'unknown',
  });
  metrics.record(metrics.seriesFor(pair, true, 200, 0, '-'), 7, 100, 200);
  metrics.addMessages(pair, 1, 2);
  counters.add(limitsActed, ['header_list_bytes']);
  // As it arrives over IPC.
  return JSON.parse(JSON.stringify(takeSnapshot(metrics, counters))) as MetricsSnapshot;
}

function page(snapshot: MetricsSnapshot): Promise<string> {
  return createExposition({ version: '0.1.0', snapshot: () => snapshot }).text();
}

const pairLabels =
  'reporter="source",source_workload="gateway",source_workload_namespace="unknown",source_app="unknown",source_version="unknown",' +
  'source_canonical_service="unknown",source_canonical_revision="latest",source_cluster="unknown",source_principal="unknown",' +
  'destination_principal="unknown",destination_workload="unknown",destination_workload_namespace="unknown",destination_app="unknown",' +
  'destination_version="unknown",destination_canonical_service="unknown",destination_canonical_revision="latest",destination_cluster="unknown",' +
  'destination_service="unknown",destination_service_name="unknown",destination_service_namespace="unknown"';
const responseLabels =
  'request_protocol="grpc",response_code="200",grpc_response_status="0",response_flags="-",connection_security_policy="unknown"';

test("the page has Istio's names and labels, in Istio's order", async () => {
  const lines = (await page(snapshotOfOneRequest())).split('\n');
  for (const line of [
    '# TYPE istio_requests_total counter',
    `istio_requests_total{${pairLabels},${responseLabels}} 1`,
    '# TYPE istio_request_duration_milliseconds histogram',
    `istio_request_duration_milliseconds_bucket{${pairLabels},${responseLabels},le="5"} 0`,
    `istio_request_duration_milliseconds_bucket{${pairLabels},${responseLabels},le="10"} 1`,
    `istio_request_duration_milliseconds_bucket{${pairLabels},${responseLabels},le="+Inf"} 1`,
    `istio_request_duration_milliseconds_sum{${pairLabels},${responseLabels}} 7`,
    `istio_request_duration_milliseconds_count{${pairLabels},${responseLabels}} 1`,
    `istio_request_bytes_sum{${pairLabels},${responseLabels}} 100`,
    `istio_response_bytes_sum{${pairLabels},${responseLabels}} 200`,
    `istio_request_messages_total{${pairLabels}} 1`,
    `istio_response_messages_total{${pairLabels}} 2`,
    'sallyport_limits_acted_total{limit="header_list_bytes"} 1',
    'istio_build{component="proxy",tag="0.1.0"} 1',
  ]) {
    assert.ok(lines.includes(line), line);
  }
});

test('a page can be made again and again, also of nothing', async () => {
  const exposition = createExposition({ version: '1', snapshot: () => emptySnapshot });
  assert.equal(await exposition.text(), await exposition.text());
  assert.match(exposition.contentType, /^text\/plain; version=0\.0\.4/);
});

test('label values cannot break out of their quotes', async () => {
  const text = await page(snapshotOfOneRequest('a"b\\c\nd'));
  assert.ok(text.includes(String.raw`source_workload="a\"b\\c\nd"`));
});

test('processes add up, and what an ended one counted stays', () => {
  const one = snapshotOfOneRequest();
  const store = new SnapshotStore();
  store.update('gateway#1', one);
  store.update('sidecar#1', snapshotOfOneRequest('sidecar'));
  assert.equal(store.merged().series.length, 2);
  store.end('gateway#1');
  store.end('gateway#1');
  store.update('gateway#2', one);
  store.update('gateway#2', one);
  const merged = store.merged();
  assert.equal(merged.series.length, 2);
  const gateway = merged.series.find(({ labels }) => labels[1] === 'gateway');
  assert.equal(gateway?.duration.at(-1), 14);
  assert.equal(merged.pairs.find(({ labels }) => labels[1] === 'gateway')?.responseMessages, 4);
  assert.equal(merged.counters[0]?.value, 3);
});

test('merging one snapshot changes nothing', () => {
  const one = snapshotOfOneRequest();
  assert.deepEqual(mergeSnapshots([one]), one);
});

test('a counter whose reasons come from peers stays bounded', () => {
  const counters = new Counters();
  for (let i = 0; i < maxCounterSeries + 50; i++) counters.add(handshakeFailures, ['inbound', `reason ${i}`]);
  counters.add(handshakeFailures, ['inbound', 'reason 0'], 4);
  const values = counters.snapshot();
  assert.equal(values.length, maxCounterSeries + 1);
  assert.equal(values[0]?.value, 5);
  assert.deepEqual(values.at(-1)?.labels, [
    ['side', 'overflow'],
    ['reason', 'overflow'],
  ]);
  assert.equal(values.at(-1)?.value, 50);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { AccessLog, type AccessLogOptions } from './access-log.ts';
import { formatJsonLine, formatTextLine } from './access-log-line.ts';
import { maxBufferedLogCharacters, maxLoggedValueLength } from './limits.ts';
import { newRequestRecord, type RequestRecord } from './request-record.ts';

const statusName = (code: number): string => (code === 0 ? 'OK' : `CODE_${code}`);

function record(overrides: Partial<RequestRecord> = {}): RequestRecord {
  return {
    ...newRequestRecord(),
    startWallMs: Date.UTC(2026, 9, 10, 8, 5, 3, 7),
    durationMs: 1.2345,
    firstByteMs: 1,
    hop: 'gateway/gateway/public',
    method: 'POST',
    path: '/asset.AssetService/GetAsset',
    authority: 'sit-gateway.example.com',
    responseCode: 200,
    grpcStatus: 0,
    requestBytes: 64,
    responseBytes: 120,
    requestMessages: 1,
    responseMessages: 1,
    attempts: 1,
    route: { kind: 'HTTPRoute', namespace: 'default', name: 'asset', file: '10-httproute.yaml', line: 11 },
    policy: { kind: 'AuthorizationPolicy', namespace: 'default', name: 'asset', file: '30-policy.yaml', line: 10 },
    sourcePrincipal: 'spiffe://cluster.local/ns/gateway/sa/gateway',
    destinationPrincipal: 'spiffe://cluster.local/ns/default/sa/asset',
    sourceAddress: '127.0.0.1:40000',
    upstreamAddress: '127.0.0.1:50051',
    upstreamCluster: 'outbound|8080||asset.default.svc.cluster.local',
    requestId: 'id-1',
    details: 'via_upstream',
    ...overrides,
  };
}

test('a line for people', () => {
  assert.equal(
    formatTextLine(record(), statusName),
    '2026-10-10T08:05:03.007Z source gateway/gateway/public "POST /asset.AssetService/GetAsset" "sit-gateway.example.com" 200 OK - 1.23ms ' +
      'bytes=64/120 messages=1/1 first_byte=1.00ms route="HTTPRoute default/asset 10-httproute.yaml:11" policy="AuthorizationPolicy default/asset 30-policy.yaml:10" ' +
      'source="spiffe://cluster.local/ns/gateway/sa/gateway" destination="spiffe://cluster.local/ns/default/sa/asset" from=127.0.0.1:40000 upstream=127.0.0.1:50051 ' +
      'cluster="outbound|8080||asset.default.svc.cluster.local" request_id="id-1" details="via_upstream"',
  );
});

test('absent values are left out, and a refusal says why', () => {
  const line = formatTextLine(
    {
      ...newRequestRecord(),
      method: 'POST',
      path: '/x',
      authority: 'a',
      flags: 'NR',
      details: 'route_not_found',
      reason: 'no route for "/x"',
      shadow: 'denied',
    },
    statusName,
  );
  assert.equal(
    line,
    '1970-01-01T00:00:00.000Z source - "POST /x" "a" 0 - NR 0.00ms reason="no route for \\"/x\\"" bytes=0/0 messages=0/0 dry_run=denied details="route_not_found"',
  );
});

test("a line for machines has Istio's keys", () => {
  const parsed = JSON.parse(formatJsonLine(record({ reason: '' }), statusName)) as Record<string, unknown>;
  assert.equal(parsed['start_time'], '2026-10-10T08:05:03.007Z');
  assert.equal(parsed['grpc_status'], 'OK');
  assert.equal(parsed['route_name'], 'HTTPRoute default/asset 10-httproute.yaml:11');
  assert.equal(parsed['duration'], 1.235);
  assert.equal(parsed['reason'], null);
});

test('whatever a client sends, a line stays one line of printable ASCII', () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 });
  fc.assert(
    fc.property(text, text, text, text, (path, authority, userAgent, sni) => {
      const filled = record({ path, authority, userAgent, sni, requestId: path, method: sni, reason: authority });
      assert.match(formatTextLine(filled, statusName), /^[ -~]+$/);
      const json = formatJsonLine(filled, statusName);
      assert.match(json, /^[ -~]+$/);
      assert.equal((JSON.parse(json) as Record<string, unknown>)['path'], path === '' ? null : path);
    }),
  );
});

test('quotes cannot forge a field, and long values are cut', () => {
  assert.ok(formatTextLine(record({ path: '/a" 200 OK' }), statusName).includes(String.raw`"POST /a\" 200 OK"`));
  const long = record({ path: `/${'x'.repeat(10_000)}` });
  assert.ok(formatTextLine(long, statusName).length < maxLoggedValueLength + 1_000);
  assert.ok(formatJsonLine(long, statusName).length < maxLoggedValueLength + 2_000);
});

/** A sink that finishes a write when told, and a scheduler that runs when told. */
function harness(overrides: Partial<AccessLogOptions> = {}) {
  const writes: string[] = [];
  const pending: ((error?: Error) => void)[] = [];
  const scheduled: (() => void)[] = [];
  const dropped: number[] = [];
  const log = new AccessLog({
    sink: {
      write: (text, done) => {
        writes.push(text);
        pending.push(done);
      },
    },
    format: 'TEXT',
    statusName,
    schedule: (flush) => scheduled.push(flush),
    onDropped: (lines) => dropped.push(lines),
    ...overrides,
  });
  const turn = (): void => {
    for (const flush of scheduled.splice(0)) flush();
  };
  const finishWrite = (error?: Error): void => pending.shift()?.(error);
  return { log, writes, dropped, turn, finishWrite };
}

test('the lines of one turn leave in one write, and one write is made at a time', () => {
  const { log, writes, turn, finishWrite } = harness();
  log.log(record());
  log.log(record());
  assert.equal(writes.length, 0);
  turn();
  assert.equal(writes.length, 1);
  assert.equal(writes[0]?.split('\n').length, 3);
  log.log(record());
  turn();
  assert.equal(writes.length, 1, 'the sink is still busy');
  finishWrite();
  assert.equal(writes.length, 2);
});

test('the record may be filled again at once', () => {
  const { log, writes, turn } = harness();
  const reused = record({ path: '/first' });
  log.log(reused);
  reused.path = '/second';
  turn();
  assert.ok(writes[0]?.includes('/first'));
});

test('a sink that is stuck costs lines, never memory, and the loss is told', async () => {
  for (const format of ['TEXT', 'JSON'] as const) {
    const { log, writes, dropped, turn, finishWrite } = harness({ format });
    log.log(record());
    turn();
    for (let i = 0; i < 10_000; i++) log.log(record());
    const lost = dropped.reduce((a, b) => a + b, 0);
    assert.ok(lost > 0);
    finishWrite();
    assert.ok((writes[1]?.length ?? 0) < maxBufferedLogCharacters + 2_000);
    assert.equal((writes[1] as string).split('\n').length - 2, 10_000 - lost);
    assert.ok(writes[1]?.includes(`access log lines lost: ${lost}`));
    finishWrite();
    await log.drain();
  }
});

test('lines of a failed write are lost and counted', () => {
  const { log, dropped, turn, finishWrite } = harness();
  log.log(record());
  log.log(record());
  turn();
  finishWrite(new Error('EPIPE'));
  assert.deepEqual(dropped, [2]);
});

test('draining writes what waits and ends with the last write', async () => {
  const { log, writes, finishWrite } = harness();
  await log.drain();
  log.log(record());
  const drained = log.drain();
  assert.equal(writes.length, 1);
  finishWrite();
  await drained;
});

/** Every bound of telemetry: at it, and one past it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatJsonLine, formatTextLine } from './access-log-line.ts';
import { AccessLog } from './access-log.ts';
import { Counters, handshakeFailures } from './counters.ts';
import { unknownService, unknownWorkload, type PairLabels } from './labels.ts';
import {
  maxBufferedLogCharacters,
  maxCounterSeries,
  maxFlags,
  maxIdentities,
  maxLoggedValueLength,
  maxPairs,
  maxSeries,
  maxTagSets,
  maxTagValueLength,
} from './limits.ts';
import { RequestMetrics } from './request-metrics.ts';
import { newRequestRecord } from './request-record.ts';
import { makeTags } from './tags.ts';

const statusName = (code: number): string => `${code}`;

function labelsOf(source: string): PairLabels {
  return {
    reporter: 'source',
    source: { ...unknownWorkload, workload: source },
    destination: unknownWorkload,
    service: unknownService,
    security: 'none',
  };
}

test('maxPairs: the overflow pair is one of them', () => {
  const metrics = new RequestMetrics();
  const pairs = Array.from({ length: maxPairs - 1 }, (_, index) => metrics.pairFor(labelsOf(`w${index}`)));
  assert.equal(new Set(pairs).size, maxPairs - 1);
  const past = metrics.pairFor(labelsOf('one more'));
  assert.ok(!pairs.includes(past));
  assert.equal(metrics.pairFor(labelsOf('and another')), past);
  assert.equal(metrics.pairFor(labelsOf('w0')), pairs[0]);
});

test('maxSeries: the overflow series is one of them', () => {
  const metrics = new RequestMetrics();
  const pairs = Array.from({ length: 16 }, (_, index) => metrics.pairFor(labelsOf(`w${index}`)));
  const series = Array.from({ length: maxSeries - 1 }, (_, index) =>
    metrics.seriesFor(pairs[index % 16] as number, true, index >> 4, 0, '-'),
  );
  assert.equal(new Set(series).size, maxSeries - 1);
  const past = metrics.seriesFor(pairs[0] as number, true, 200, 0, 'one more');
  assert.ok(!series.includes(past));
  assert.equal(metrics.seriesFor(pairs[1] as number, true, 200, 0, 'and another'), past);
});

test('maxTagSets: beyond it the values are overflow, and the other labels what they are', () => {
  const metrics = new RequestMetrics();
  const pair = metrics.pairFor(labelsOf('w'));
  const count = (host: string): number => {
    const tagSet = metrics.tagSet({ 'request.host': host });
    metrics.addMessages(metrics.taggedPair(pair, tagSet), 1, 1);
    metrics.record(metrics.seriesFor(pair, true, 200, 0, '-', tagSet), 1, 1, 1);
    return tagSet;
  };
  const sets = Array.from({ length: maxTagSets }, (_, index) => count(`h${index}`));
  assert.equal(new Set(sets).size, maxTagSets);
  assert.ok(!sets.includes(count('one more')));
  assert.equal(count('another'), count('one more'));
  assert.equal(count('h0'), sets[0]);
  const { pairs, series } = metrics.snapshot();
  assert.equal(pairs.length, maxTagSets + 1);
  for (const last of [pairs.at(-1), series.at(-1)]) {
    assert.deepEqual(last?.tags, { 'request.host': 'overflow' });
    assert.equal(last?.labels[1], 'w');
  }
});

test('maxTagValueLength', () => {
  const longest = 'a'.repeat(maxTagValueLength);
  assert.deepEqual(makeTags(['request.path'], [`${longest}b`]), { 'request.path': longest });
});

test('pairs with tags are some of maxPairs', () => {
  const metrics = new RequestMetrics();
  const overflow = Array.from({ length: maxPairs }, (_, index) => metrics.pairFor(labelsOf(`w${index}`))).at(-1);
  assert.equal(metrics.taggedPair(metrics.pairFor(labelsOf('w0')), metrics.tagSet({ a: 'b' })), overflow);
});

test('maxIdentities: what comes beyond them is counted as overflow, never as somebody else', () => {
  const metrics = new RequestMetrics();
  const destination = labelsOf('first').source;
  metrics.pairFor({ ...labelsOf('first'), destination });
  const source = labelsOf('second').source;
  metrics.pairFor({ ...labelsOf('second'), destination });
  // A pair's key has 16 bits for each: the second source with destination 65,536 would be the third with destination 0.
  const third = metrics.pairFor({ ...labelsOf('third'), destination });
  const fourth = metrics.pairFor({ ...labelsOf('fourth'), destination });
  const seen = new Set<number>();
  let newest = third;
  for (let index = 0; index <= maxIdentities; index += 1) {
    newest = metrics.pairFor({ ...labelsOf(''), source, destination: labelsOf(`x${index}`).source });
    seen.add(newest);
  }
  assert.ok(!seen.has(third) && !seen.has(fourth));
  assert.equal(newest, metrics.pairFor(labelsOf('one more')));
});

test('maxFlags', () => {
  const metrics = new RequestMetrics();
  const pair = metrics.pairFor(labelsOf('w'));
  const seriesOf = (index: number): number => metrics.seriesFor(pair, true, 200, 0, `F${index}`);
  const all = Array.from({ length: maxFlags }, (_, index) => seriesOf(index));
  assert.equal(new Set(all).size, maxFlags);
  assert.equal(seriesOf(maxFlags), all.at(-1));
});

test('maxCounterSeries', () => {
  const counters = new Counters();
  const sides = (): string[] => counters.snapshot().map(({ labels }) => labels[0]?.[1] ?? '');
  for (let index = 0; index < maxCounterSeries; index += 1) counters.add(handshakeFailures, ['inbound', `${index}`]);
  assert.equal(sides().length, maxCounterSeries);
  assert.ok(!sides().includes('overflow'));
  counters.add(handshakeFailures, ['inbound', 'one more']);
  assert.equal(sides().length, maxCounterSeries + 1);
  assert.equal(sides().at(-1), 'overflow');
});

test('maxBufferedLogCharacters', () => {
  const lost: number[] = [];
  const options = { format: 'TEXT', statusName, schedule: () => undefined } as const;
  const record = { ...newRequestRecord(), path: '/' };
  const lineLength = formatTextLine(record, statusName).length + 1;
  const lines = Math.ceil(maxBufferedLogCharacters / lineLength);
  // Nothing is written, so everything waits.
  const sink = { write: () => undefined };
  const log = new AccessLog({ ...options, sink, onDropped: (count) => lost.push(count) });
  for (let line = 0; line < lines; line += 1) log.log(record);
  assert.deepEqual(lost, []);
  log.log(record);
  assert.deepEqual(lost, [1]);
});

test('maxLoggedValueLength', () => {
  for (const format of [formatTextLine, formatJsonLine]) {
    const line = (length: number): string =>
      format({ ...newRequestRecord(), authority: 'a'.repeat(length) }, statusName);
    assert.ok(line(maxLoggedValueLength).includes(`"${'a'.repeat(maxLoggedValueLength)}"`));
    assert.ok(line(maxLoggedValueLength + 1).includes(`"${'a'.repeat(maxLoggedValueLength)}..."`));
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as connections from './connection-metrics.ts';
import * as counters from './counters.ts';
import { createExposition } from './exposition.ts';
import { metricCatalogue } from './metric-catalogue.ts';
import { emptySnapshot } from './snapshot.ts';

test('every counter that this folder defines is in the catalogue, once', () => {
  const defined = [...Object.values(counters), ...Object.values(connections)].filter(
    (value): value is counters.CounterDefinition => typeof value === 'object' && 'help' in value,
  );
  const names = metricCatalogue.map(({ name }) => name);
  assert.ok(defined.length > 5);
  assert.deepEqual(
    defined.map(({ name }) => name).filter((name) => !names.includes(name)),
    [],
  );
  assert.equal(new Set(names).size, names.length);
});

test('the page shows no metric that the catalogue lacks, and names and types agree', async () => {
  const all = metricCatalogue.filter(({ name }) => name.startsWith('sallyport_') || name.startsWith('istio_tcp_'));
  const snapshot = {
    ...emptySnapshot,
    counters: all.map(({ name, help, labels }) => ({
      name,
      help,
      labels: labels.map((label): readonly [string, string] => [label, 'x']),
      value: 1,
    })),
  };
  const page = await createExposition({ version: '1', snapshot: () => snapshot }).text();
  const shown = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  assert.deepEqual(shown.sort(), metricCatalogue.map(({ name, type }) => `${name} ${type}`).sort());
});

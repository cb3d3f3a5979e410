/** What an observer of the mesh sees of calls: metrics as Prometheus reads them, lines of the access log. */
import assert from 'node:assert/strict';
import type { DataPlane, ProxyName } from './data-plane.ts';

/** Lines with one path, in the order of the expectations: where one is there, earlier ones would be too. */
export interface LogExpectation {
  readonly of: ProxyName;
  /** Default: that of the call. */
  readonly path?: string;
  /** Default 1. */
  readonly lines?: number;
  /** By Istio's JSON keys, of the last of them; `~ ` as elsewhere. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** The sum of all series with these labels. */
export interface MetricExpectation {
  readonly of: ProxyName;
  /** `istio_requests_total`, or one with `_count` of a histogram. */
  readonly name: string;
  /** Null: series without this label, which to Prometheus is the same as the empty text. */
  readonly labels?: Readonly<Record<string, string | null>>;
  /** 0: there is no such series. */
  readonly value: number;
}

export function checkLog(dataPlane: DataPlane, pathOfCall: string, expected: LogExpectation): void {
  const { of, path = pathOfCall, lines = 1, fields = {} } = expected;
  const found = dataPlane.accessLog(of).filter((line) => line['path'] === path);
  assert.equal(found.length, lines, `lines of ${of} for ${path}: ${JSON.stringify(dataPlane.accessLog(of))}`);
  const last = found.at(-1) ?? {};
  for (const [key, value] of Object.entries(fields)) checkText(last[key], value, `${key} in ${JSON.stringify(last)}`);
}

export async function checkMetric(dataPlane: DataPlane, expected: MetricExpectation): Promise<void> {
  const { of, name, labels = {}, value } = expected;
  const page = await dataPlane.metrics(of);
  const sum = samplesOf(page, name)
    .filter((sample) =>
      Object.entries(labels).every(([label, wanted]) => (sample.labels.get(label) ?? '') === (wanted ?? '')),
    )
    .reduce((total, sample) => total + sample.value, 0);
  const lines = page.split('\n').filter((line) => line.startsWith(name));
  assert.equal(sum, value, `${JSON.stringify(expected)} in\n${lines.join('\n')}`);
}

interface Sample {
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

function samplesOf(page: string, name: string): Sample[] {
  return page
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`))
    .map((line) => ({
      labels: new Map([...line.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [key, text])),
      value: Number(line.slice(line.lastIndexOf(' ') + 1)),
    }));
}

/** Equal; or, where what is wanted begins with `~ `, matching. */
export function checkText(got: unknown, wanted: unknown, what: string): void {
  if (typeof wanted === 'string' && wanted.startsWith('~ ')) {
    assert.ok(typeof got === 'string', `nothing there: ${what}`);
    assert.match(got, new RegExp(wanted.slice(2)), what);
  } else assert.equal(got ?? null, wanted, what);
}

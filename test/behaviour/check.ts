/** Holds what came of calls against what a case expects. */
import assert from 'node:assert/strict';
import type { Backend } from './backend.ts';
import type { Outcome } from './call.ts';
import type { Expectation } from './case.ts';
import { checkText } from './observe.ts';

export function checkOutcomes(outcomes: readonly Outcome[], expected: Expectation): void {
  for (const outcome of outcomes) checkOutcome(outcome, expected);
  checkShares(outcomes, expected);
}

/** What came of bytes that were sent. */
export function checkSent(outcomes: readonly Outcome[], sent: string, expected: Expectation): void {
  for (const outcome of outcomes) {
    const { seen, body } = outcome;
    const facts = JSON.stringify({ seen, body });
    assert.equal(body, expected.refused === true ? '' : sent, facts);
    if (expected.backend !== undefined) assert.equal(seen?.backend, expected.backend, facts);
    checkSeen(outcome, expected, facts);
  }
  checkShares(outcomes, expected);
}

function checkShares(outcomes: readonly Outcome[], expected: Expectation): void {
  const { shares = {}, statuses = {}, tolerance = 0.1, together } = expected;
  for (const [backend, share] of Object.entries(shares))
    checkShare(outcomes, ({ seen }) => seen?.backend === backend, { what: backend, share, tolerance });
  for (const [status, share] of Object.entries(statuses))
    checkShare(outcomes, (outcome) => outcome.status === Number(status), {
      what: `status ${status}`,
      share,
      tolerance,
    });
  if (together === undefined) return;
  const answered = new Set(outcomes.map(({ seen }) => seen?.backend));
  assert.equal(answered.size === 1, together, `answered by ${[...answered].join(', ')}`);
}

function checkOutcome(outcome: Outcome, expected: Expectation): void {
  const { http, status, headers, seen, body, tookMs } = outcome;
  const facts = JSON.stringify({ http, status, headers, seen, body: seen === undefined ? body : '' });
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
  for (const [name, value] of Object.entries(expected.headers ?? {}))
    checkText(headers[name] === undefined ? null : String(headers[name]), value, `${name} of the answer: ${facts}`);
  if (expected.body !== undefined) assert.equal(body, expected.body, facts);
  // A timer may be early by the fraction of a millisecond.
  if (expected.afterMs !== undefined) assert.ok(tookMs > expected.afterMs - 2, `answered after ${tookMs} ms`);
  checkSeen(outcome, expected, facts);
}

function checkSeen({ seen }: Outcome, { saw = {} }: Expectation, facts: string): void {
  for (const fact of ['path', 'authority', 'servername', 'client'] as const)
    if (saw[fact] !== undefined) checkText(seen?.[fact], saw[fact], `${fact} as the app saw it: ${facts}`);
  for (const [name, value] of Object.entries(saw.headers ?? {}))
    checkText(seen?.headers[name], value, `${name} as the app saw it: ${facts}`);
}

function checkShare(
  outcomes: readonly Outcome[],
  isOne: (outcome: Outcome) => boolean,
  { what, share, tolerance }: { readonly what: string; readonly share: number; readonly tolerance: number },
): void {
  const got = outcomes.filter(isOne).length / outcomes.length;
  assert.ok(Math.abs(got - share) <= tolerance, `${what}: ${got} of the calls, wanted ${share}`);
}

export type Backends = ReadonlyMap<string, Backend>;

/** Requests and connections before a call. */
export interface Before {
  readonly requests: ReadonlyMap<string, number>;
  readonly connections: ReadonlyMap<string, number>;
}

export function countsOf(backends: Backends): Before {
  const each = [...backends];
  return {
    requests: new Map(each.map(([name, { seen }]) => [name, seen.length])),
    connections: new Map(each.map(([name, { counts }]) => [name, counts.connections])),
  };
}

export interface Counting {
  readonly backends: Backends;
  readonly before: Before;
  readonly expected: Expectation;
}

/** Whether as much has come to the apps as is expected; a mirrored request may come after its primary was answered. */
export function hasCome({ backends, before, expected }: Counting): boolean {
  const { requests = {}, ended = {}, pings = {} } = expected;
  return (
    Object.entries(requests).every(([name, count]) => requestsTo(name, { backends, before }) >= bounds(count)[0]) &&
    Object.entries(ended).every(([name, count]) => (backends.get(name)?.counts.ended ?? 0) >= count) &&
    Object.entries(pings).every(([name, count]) => (backends.get(name)?.counts.pings ?? 0) >= count)
  );
}

export function checkCounts({ backends, before, expected }: Counting): void {
  for (const [name, wanted] of Object.entries(expected.requests ?? {}))
    checkCount(requestsTo(name, { backends, before }), wanted, `requests to ${name}`);
  for (const [name, wanted] of Object.entries(expected.connections ?? {})) {
    const now = backends.get(name)?.counts.connections ?? 0;
    checkCount(now - (before.connections.get(name) ?? 0), wanted, `connections to ${name}`);
  }
}

type Count = number | readonly [least: number, most: number];

function checkCount(got: number, wanted: Count, what: string): void {
  const [least, most] = bounds(wanted);
  assert.ok(got >= least && got <= most, `${got} ${what}, wanted ${String(wanted)}`);
}

function bounds(count: Count): readonly [least: number, most: number] {
  return typeof count === 'number' ? [count, count] : count;
}

function requestsTo(name: string, { backends, before }: Omit<Counting, 'expected'>): number {
  return (backends.get(name)?.seen.length ?? 0) - (before.requests.get(name) ?? 0);
}

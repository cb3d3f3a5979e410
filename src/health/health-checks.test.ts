/** Who is asked when, and what the answers come to, with time that stands still until it is moved. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ManualTime } from '../../test/kit/manual-time.ts';
import type { AimedProbe, ContainerHealth, WorkloadHealth } from '../compile/index.ts';
import { HealthChecks } from './health-checks.ts';
import type { Verdict } from './verdict.ts';

const origin = { kind: 'Pod', namespace: 'shop', name: 'cart', file: 'in.yaml', line: 1 };
const cart = 'shop/cart';

function probe(over: Partial<AimedProbe> = {}): AimedProbe {
  return {
    origin,
    handler: { type: 'grpc', service: '' },
    address: { host: '127.0.0.1', port: 50051 },
    initialDelayMs: 0,
    periodMs: 10_000,
    timeoutMs: 1_000,
    successThreshold: 1,
    failureThreshold: 3,
    ...over,
  };
}

const reading = (over: Partial<AimedProbe> = {}): ContainerHealth => ({ container: 'app', readiness: probe(over) });
const workload = (...containers: readonly ContainerHealth[]): WorkloadHealth => ({ workload: cart, containers });

/** Questions wait until `answer` is called. */
function start(startedHere: readonly string[] = []) {
  const time = new ManualTime(0);
  const questions: { readonly probe: AimedProbe; readonly atMs: number; readonly end: (verdict: Verdict) => void }[] =
    [];
  const told: string[] = [];
  let changes = 0;
  const checks = new HealthChecks({
    ask: (asked, onVerdict) => {
      const question = { probe: asked, atMs: time.monotonicMs(), end: onVerdict };
      questions.push(question);
      return { cancel: () => void questions.splice(questions.indexOf(question), questions.includes(question) ? 1 : 0) };
    },
    nowMs: time.monotonicMs,
    schedule: time.schedule,
    startedHere: new Set(startedHere),
    onChange: () => (changes += 1),
    onTold: ({ workload: name, isReady, reason }) => told.push(isReady ? `${name} ready` : `${name}: ${reason}`),
    onProgress: () => undefined,
  });
  /** Answers the oldest question and says when it was asked. */
  const answer = (isHealthy: boolean, detail = isHealthy ? 'SERVING' : 'NOT_SERVING'): number => {
    const question = questions.shift();
    assert.ok(question !== undefined, 'a question is waiting');
    question.end({ isHealthy, detail });
    return question.atMs;
  };
  return { checks, time, questions, told, answer, changes: () => changes };
}

test('a workload is not ready before it has said so, then it is asked once per period', () => {
  const { checks, time, questions, told, answer, changes } = start();
  checks.follow([workload(reading()), { workload: 'shop/plain', containers: [] }]);
  assert.deepEqual(checks.current(), { [cart]: false, 'shop/plain': true });
  assert.equal(checks.isPending, true);
  time.advance(0);
  answer(true);
  assert.deepEqual(checks.current(), { [cart]: true, 'shop/plain': true });
  assert.equal(checks.isPending, false);
  assert.equal(changes(), 1);
  time.advance(9_999);
  assert.equal(questions.length, 0);
  time.advance(1);
  assert.equal(answer(true), 10_000);
  assert.equal(changes(), 1);
  assert.deepEqual(told, [], 'a workload that is as it should be is not worth a word');
});

test('as many failures in a row as the threshold says make it unready, and the answer is the reason', () => {
  const { checks, time, told, answer } = start();
  checks.follow([workload(reading())]);
  time.advance(0);
  answer(true);
  for (const isHealthy of [false, false, true, false, false]) {
    time.advance(10_000);
    answer(isHealthy);
    assert.equal(checks.current()[cart], true);
  }
  time.advance(10_000);
  answer(false);
  assert.equal(checks.current()[cart], false);
  const reason = 'readiness probe of container "app", grpc 127.0.0.1:50051: NOT_SERVING';
  assert.deepEqual([...checks.unready()], [[cart, reason]]);
  assert.deepEqual(told, [`${cart}: ${reason}`]);
});

test('one that is not ready is asked each second, and is ready after as many successes as the threshold says', () => {
  const { checks, time, told, answer } = start();
  checks.follow([workload(reading({ successThreshold: 2 }))]);
  time.advance(0);
  answer(false, 'connection refused');
  time.advance(1_000);
  answer(true);
  assert.equal(checks.current()[cart], false);
  time.advance(1_000);
  answer(false, 'connection refused');
  for (let i = 0; i < 2; i += 1) {
    time.advance(1_000);
    answer(true);
  }
  assert.equal(checks.current()[cart], true);
  const reason = 'readiness probe of container "app", grpc 127.0.0.1:50051: connection refused';
  assert.deepEqual(told, [`${cart}: ${reason}`, `${cart} ready`]);
});

test('a startup probe comes first; the readiness probe is asked when it has succeeded', () => {
  const { checks, time, questions, answer } = start();
  const startup = probe({ handler: { type: 'tcp' }, failureThreshold: 30, periodMs: 500 });
  checks.follow([workload({ container: 'app', startup, readiness: probe() })]);
  time.advance(0);
  answer(false);
  time.advance(500);
  assert.equal(questions[0]?.probe.handler.type, 'tcp');
  answer(true);
  assert.equal(checks.current()[cart], false, 'started is not ready');
  assert.equal(checks.isPending, true);
  time.advance(0);
  assert.equal(questions[0]?.probe.handler.type, 'grpc');
  answer(true);
  assert.equal(checks.current()[cart], true);
});

test('with a startup probe alone, its success is all that is asked for', () => {
  const { checks, time, questions, answer } = start();
  checks.follow([workload({ container: 'app', startup: probe() })]);
  time.advance(0);
  answer(true);
  assert.equal(checks.current()[cart], true);
  time.advance(60_000);
  assert.equal(questions.length, 0);
});

test('all containers must be ready', () => {
  const { checks, time, answer } = start();
  checks.follow([workload(reading(), { container: 'metrics', readiness: probe() })]);
  time.advance(0);
  answer(true);
  assert.equal(checks.current()[cart], false);
  answer(false);
  time.advance(1_000);
  answer(true);
  assert.equal(checks.current()[cart], true);
});

test('a workload that is started here: asked after its initial delay, unready when it ends', () => {
  const { checks, time, questions, told, answer } = start([cart]);
  checks.follow([workload(reading({ initialDelayMs: 5_000 }))]);
  time.advance(60_000);
  assert.equal(questions.length, 0, 'nobody asks what does not run');
  checks.started(cart);
  checks.listens(cart);
  time.advance(4_999);
  assert.equal(questions.length, 0);
  time.advance(1);
  answer(false);
  assert.equal(checks.isPending, true, 'it is waited for');
  assert.deepEqual(told, [], 'it is still starting');
  time.advance(1_000);
  answer(true);
  assert.equal(checks.isPending, false);
  checks.ended(cart, 'exit code 1');
  assert.equal(checks.current()[cart], false);
  assert.deepEqual(told, [`${cart}: it ended (exit code 1)`]);
  time.advance(60_000);
  assert.equal(questions.length, 0);
  checks.started(cart);
  time.advance(5_000);
  answer(true);
  assert.equal(checks.current()[cart], true);
  assert.equal(told.at(-1), `${cart} ready`);
});

test('one that listens is asked at once, unless it was just asked', () => {
  const { checks, time, questions, answer } = start([cart]);
  checks.follow([workload(reading())]);
  checks.started(cart);
  time.advance(0);
  answer(false, 'connection refused');
  time.advance(200);
  checks.listens(cart);
  time.advance(0);
  assert.equal(questions.length, 1);
  checks.listens(cart);
  time.advance(0);
  assert.equal(questions.length, 1);
  assert.equal(answer(true), 200);
});

test('one that is started here and keeps failing is told of once it has used up its threshold', () => {
  const { checks, time, told, answer } = start([cart]);
  checks.follow([workload(reading())]);
  checks.started(cart);
  for (let i = 0; i < 5; i += 1) {
    time.advance(i === 0 ? 0 : 1_000);
    answer(false);
    assert.equal(told.length, i < 2 ? 0 : 1);
  }
});

test('a startup probe that allows for many failures does not keep the operator in the dark', () => {
  const { checks, time, told, answer } = start([cart]);
  checks.follow([workload({ container: 'app', startup: probe({ failureThreshold: 300 }) })]);
  checks.started(cart);
  time.advance(0);
  for (let i = 1; i <= 6; i += 1) {
    answer(false, 'connection refused');
    assert.equal(told.length, i < 5 ? 0 : 1);
    time.advance(1_000);
  }
  assert.match(told[0] ?? '', /startup probe .*: connection refused$/);
});

test('changed probes do not interrupt a workload that serves', () => {
  const { checks, time, questions, answer, changes } = start();
  checks.follow([workload(reading())]);
  time.advance(0);
  answer(true);
  const before = changes();
  checks.follow([workload(reading({ failureThreshold: 1 }))]);
  assert.equal(checks.current()[cart], true);
  time.advance(0);
  assert.equal(questions[0]?.probe.failureThreshold, 1);
  answer(true);
  assert.equal(changes(), before);
  time.advance(10_000);
  answer(false);
  assert.equal(checks.current()[cart], false);
});

test('probes that are added or taken away while it serves', () => {
  const { checks, time, questions, answer } = start();
  checks.follow([workload()]);
  checks.follow([workload(reading())]);
  assert.equal(checks.current()[cart], true, 'it served without a probe until now');
  time.advance(0);
  for (let i = 0; i < 3; i += 1) {
    answer(false);
    time.advance(10_000);
  }
  assert.equal(checks.current()[cart], false);
  checks.follow([workload()]);
  assert.equal(checks.current()[cart], true);
  time.advance(60_000);
  assert.equal(questions.length, 0);
});

test('the same probes again, moved to another line, change nothing', () => {
  const { checks, time, questions, answer } = start();
  checks.follow([workload(reading())]);
  time.advance(0);
  answer(true);
  checks.follow([workload(reading({ origin: { ...origin, line: 7 } }))]);
  time.advance(9_999);
  assert.equal(questions.length, 0);
});

test('a workload that is gone, and one after the end, are left alone', () => {
  const { checks, time, questions } = start();
  checks.follow([workload(reading())]);
  time.advance(0);
  checks.follow([]);
  assert.deepEqual(checks.current(), {});
  assert.equal(questions.length, 0, 'the question under way was called off');
  checks.follow([workload(reading())]);
  checks.close();
  checks.follow([workload(reading())]);
  checks.started(cart);
  time.advance(60_000);
  assert.equal(questions.length, 0);
});

test('whatever is answered, the state is that of the last answers that repeat as often as their threshold says', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 4 }),
      (answers, successThreshold, failureThreshold) => {
        const { checks, time, answer, changes } = start();
        checks.follow([workload(reading({ successThreshold, failureThreshold }))]);
        time.advance(0);
        let expected = false;
        let changed = 0;
        for (const [index, isHealthy] of answers.entries()) {
          answer(isHealthy);
          const threshold = isHealthy ? successThreshold : failureThreshold;
          const last = answers.slice(0, index + 1).slice(-threshold);
          const isDecided = last.length === threshold && last.every((one) => one === isHealthy);
          if (isDecided && expected !== isHealthy) changed += 1;
          if (isDecided) expected = isHealthy;
          assert.equal(checks.current()[cart], expected);
          assert.equal(changes(), changed);
          time.advance(10_000);
        }
      },
    ),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NameLookups } from './name-lookups.ts';

interface Scheduled {
  readonly run: () => void;
  readonly delayMs: number;
  cancelled: boolean;
}

function start(answers: Map<string, readonly string[]>) {
  const scheduled: Scheduled[] = [];
  const changes: string[] = [];
  const failures: string[] = [];
  let progress = () => {};
  const lookups = new NameLookups({
    lookup: async (name) => {
      const answer = answers.get(name);
      if (answer === undefined) throw new Error(`not found: ${name}`);
      return answer;
    },
    schedule: (run, delayMs) => {
      const entry = { run, delayMs, cancelled: false };
      scheduled.push(entry);
      return () => (entry.cancelled = true);
    },
    onChanged: (name, addresses) => changes.push(`${name} ${addresses.join(' ')}`),
    onFailed: (name, message) => failures.push(`${name}: ${message}`),
    onProgress: () => progress(),
  });
  const nextProgress = () => new Promise<void>((resolve) => (progress = resolve));
  return { lookups, scheduled, changes, failures, nextProgress };
}

test('a name is looked up at once and again, and only news is told', async () => {
  const answers = new Map([['a.example', ['2.2.2.2', '1.1.1.1']]]);
  const { lookups, scheduled, changes, nextProgress } = start(answers);
  const first = nextProgress();
  lookups.watch(['a.example']);
  assert.equal(lookups.isPending, true);
  await first;
  assert.equal(lookups.isPending, false);
  answers.set('a.example', ['1.1.1.1', '2.2.2.2', '1.1.1.1']);
  const second = nextProgress();
  scheduled[0]?.run();
  await second;
  assert.deepEqual(changes, ['a.example 1.1.1.1 2.2.2.2']);
  answers.set('a.example', ['3.3.3.3']);
  const third = nextProgress();
  scheduled[1]?.run();
  await third;
  assert.deepEqual(changes.slice(1), ['a.example 3.3.3.3']);
  assert.deepEqual(
    scheduled.map(({ delayMs }) => delayMs),
    [60_000, 60_000, 60_000],
  );
});

test('a failure is said once, tried again sooner, and keeps what was known', async () => {
  const answers = new Map<string, readonly string[]>();
  const { lookups, scheduled, changes, failures, nextProgress } = start(answers);
  const first = nextProgress();
  lookups.watch(['b.example']);
  await first;
  const second = nextProgress();
  scheduled[0]?.run();
  await second;
  assert.deepEqual(failures, ['b.example: not found: b.example']);
  assert.equal(scheduled[1]?.delayMs, 5_000);
  answers.set('b.example', ['1.1.1.1']);
  const third = nextProgress();
  scheduled[1]?.run();
  await third;
  answers.clear();
  const fourth = nextProgress();
  scheduled[2]?.run();
  await fourth;
  assert.deepEqual(changes, ['b.example 1.1.1.1']);
  assert.equal(failures.length, 2);
});

test('a name that is not wanted any more is left alone', async () => {
  const { lookups, scheduled, nextProgress } = start(new Map([['a.example', ['1.1.1.1']]]));
  const first = nextProgress();
  lookups.watch(['a.example']);
  await first;
  lookups.close();
  assert.equal(scheduled[0]?.cancelled, true);
  lookups.watch(['a.example']);
  assert.equal(lookups.isPending, false);
});

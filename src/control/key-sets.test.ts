import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RemoteKeySource } from '../compile/index.ts';
import { KeySets } from './key-sets.ts';

const source: RemoteKeySource = { url: 'https://issuer/keys', isDiscovery: false, timeoutMs: 5_000 };
const discovery: RemoteKeySource = { url: 'https://issuer/.well-known/x', isDiscovery: true, timeoutMs: 700 };
const keys = (id: string): string => JSON.stringify({ keys: [{ kid: id }] });

interface Timer {
  readonly run: () => void;
  readonly delayMs: number;
}

function stage(answers: Record<string, string | undefined>) {
  let nowMs = 1_000;
  const asked: string[] = [];
  const timers = new Set<Timer>();
  let changes = 0;
  const sets = new KeySets({
    fetch: (url, timeoutMs) => {
      asked.push(`${url} ${timeoutMs}`);
      const text = answers[url];
      return Promise.resolve(text === undefined ? { error: 'refused' } : { text });
    },
    nowMs: () => nowMs,
    schedule: (run, delayMs) => {
      const timer = { run, delayMs };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    random: () => 0,
    onChange: () => changes++,
  });
  return {
    sets,
    asked,
    answers,
    changes: () => changes,
    /** Lets everything that is resolved take effect. */
    settle: () => new Promise((resolve) => setImmediate(resolve)),
    /** The delays of the timers that are set; each is then over. */
    fire: async (): Promise<number[]> => {
      const due = [...timers];
      timers.clear();
      for (const { run, delayMs } of due) {
        nowMs += delayMs;
        run();
      }
      await new Promise((resolve) => setImmediate(resolve));
      return due.map(({ delayMs }) => delayMs);
    },
    timers,
  };
}

describe('a remote key set', () => {
  test('is asked for at once, then every five minutes; what is the same changes nothing', async () => {
    const { sets, asked, answers, settle, fire, changes } = stage({ [source.url]: keys('one') });
    sets.follow([source]);
    assert.equal(sets.pending(), true);
    assert.deepEqual(sets.current(), {});
    await settle();
    assert.equal(sets.pending(), false);
    assert.deepEqual(sets.current(), { [source.url]: { text: keys('one') } });
    sets.follow([source]);
    assert.deepEqual(asked, ['https://issuer/keys 5000']);
    assert.deepEqual(await fire(), [300_000]);
    assert.equal(changes(), 1);
    answers[source.url] = keys('two');
    await fire();
    assert.deepEqual(sets.current(), { [source.url]: { text: keys('two') } });
    assert.equal(changes(), 2);
  });

  test('that cannot be had is an error, asked for again with growing pauses, until it can', async () => {
    const { sets, answers, settle, fire, changes } = stage({});
    sets.follow([source]);
    await settle();
    assert.equal(sets.pending(), false);
    assert.deepEqual(sets.current(), { [source.url]: { error: 'refused' } });
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) pauses.push(...(await fire()));
    assert.deepEqual(pauses, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    assert.equal(changes(), 1);
    answers[source.url] = keys('one');
    await fire();
    assert.deepEqual(sets.current(), { [source.url]: { text: keys('one') } });
    assert.deepEqual(await fire(), [300_000]);
  });

  test('that was had stays in force while its issuer is away or talks nonsense', async () => {
    const { sets, answers, settle, fire, changes } = stage({ [source.url]: keys('one') });
    sets.follow([source]);
    await settle();
    for (const answer of [undefined, '<html>', '{"keys":7}', 'null']) {
      answers[source.url] = answer;
      await fire();
      assert.deepEqual(sets.current(), { [source.url]: { text: keys('one') } });
    }
    assert.equal(changes(), 1);
  });

  test('that nobody wants any more is forgotten, also with an answer on its way', async () => {
    const { sets, settle, timers } = stage({ [source.url]: keys('one') });
    sets.follow([source]);
    sets.follow([]);
    await settle();
    assert.deepEqual([sets.current(), sets.pending(), timers.size], [{}, false, 0]);
    sets.follow([source]);
    await settle();
    sets.close();
    assert.deepEqual([sets.current(), timers.size], [{}, 0]);
  });
});

describe('discovery', () => {
  test('the issuer’s document names the key set', async () => {
    const document = JSON.stringify({ jwks_uri: 'https://issuer/jwks' });
    const { sets, asked, settle } = stage({ [discovery.url]: document, 'https://issuer/jwks': keys('one') });
    sets.follow([discovery]);
    await settle();
    assert.deepEqual(asked, ['https://issuer/.well-known/x 700', 'https://issuer/jwks 700']);
    assert.deepEqual(sets.current(), { [discovery.url]: { text: keys('one') } });
  });

  test('a document that names none, or no URL, is an error', async () => {
    for (const document of ['{}', '[]', 'x', '{"jwks_uri":"file:///etc/passwd"}', '{"jwks_uri":1}']) {
      const { sets, asked, settle } = stage({ [discovery.url]: document });
      sets.follow([discovery]);
      await settle();
      assert.deepEqual(sets.current(), { [discovery.url]: { error: `${discovery.url} names no jwks_uri` } }, document);
      assert.equal(asked.length, 1);
    }
  });
});

test('a hint asks soon, but not again and again, and only for what the plan names', async () => {
  const { sets, asked, answers, settle, fire, timers } = stage({ [source.url]: keys('one') });
  sets.follow([source]);
  await settle();
  answers[source.url] = keys('two');
  for (let i = 0; i < 3; i++) sets.hint(source.url);
  sets.hint('https://elsewhere/keys');
  assert.deepEqual([asked.length, timers.size], [1, 1], 'fetched a moment ago');
  assert.deepEqual(await fire(), [2_000]);
  assert.deepEqual(sets.current(), { [source.url]: { text: keys('two') } });
  assert.equal(asked.length, 2);
  assert.deepEqual(await fire(), [300_000], 'then as ever');
  sets.hint(source.url);
  assert.deepEqual(await fire(), [2_000]);
});

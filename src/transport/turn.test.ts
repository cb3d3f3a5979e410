/** When output is written, and who reads on in which turn of the event loop: the loop is the real one, the clock stands still. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { RESUMED_MS_PER_TURN, SUSPECT_REST_MS, SUSPECTS_MS_PER_SHARE } from './transport-limits.ts';
import { chunkBegins, chunkProcessed, flushThisTurn, resumeAfterRest, resumeNextTurn } from './turn.ts';

/** Ends behind whatever was asked for at the end of this turn. */
const turnEnds = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** How often the event loop was asked to call back at the end of a turn, and did not yet. */
function pendingImmediates(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Immediate').length;
}

/** A turn that brings one chunk and nothing else: whoever comes next is alone. */
async function quietTurn(): Promise<void> {
  await turnEnds();
  chunkBegins();
  chunkProcessed();
  await turnEnds();
}

function writer(log: string[], name: string) {
  return { flush: () => log.push(name) };
}

/** One chunk that makes this connection write. */
function chunk(log: string[], name: string): number {
  chunkBegins();
  flushThisTurn(writer(log, name));
  return chunkProcessed();
}

test('the first output of all goes out at the end of its turn', async () => {
  const log: string[] = [];
  flushThisTurn(writer(log, 'a'));
  await turnEnds();
  assert.deepEqual(log, ['a']);
});

test('what is written outside of any chunk goes out at the end of the turn, together and in order', async () => {
  const log: string[] = [];
  await quietTurn();
  flushThisTurn(writer(log, 'a'));
  flushThisTurn(writer(log, 'b'));
  assert.deepEqual(log, []);
  await turnEnds();
  assert.deepEqual(log, ['a', 'b']);
  await turnEnds();
  assert.deepEqual(log, ['a', 'b'], 'once');
});

test('a chunk that comes alone is answered at once, behind everything that follows from it', async () => {
  const log: string[] = [];
  await quietTurn();
  chunkBegins();
  flushThisTurn(writer(log, 'a'));
  flushThisTurn(writer(log, 'b'));
  assert.deepEqual(log, []);
  chunkProcessed();
  assert.deepEqual(log, ['a', 'b']);
  await turnEnds();
  assert.deepEqual(log, ['a', 'b'], 'once');
});

test('the second chunk of a turn is answered at its end, and so is the first of the next turn', async () => {
  const log: string[] = [];
  await quietTurn();
  chunk(log, 'first');
  chunk(log, 'second');
  chunk(log, 'third');
  assert.deepEqual(log, ['first']);
  await turnEnds();
  assert.deepEqual(log, ['first', 'second', 'third']);
  await turnEnds();
  // The turn before was busy, so this one may be.
  chunk(log, 'fourth');
  assert.equal(log.length, 3);
  await turnEnds();
  assert.equal(log.length, 4);
  await turnEnds();
  // It was not: at once again.
  chunk(log, 'fifth');
  assert.equal(log.length, 5);
});

test('turns are told apart, and chunks of one turn are not', async () => {
  const log: string[] = [];
  await quietTurn();
  const first = chunk(log, 'a');
  assert.equal(chunk(log, 'b'), first);
  await turnEnds();
  await turnEnds();
  assert.notEqual(chunk(log, 'c'), first);
  await turnEnds();
});

test('who writes while others are flushed is flushed too, and nobody twice', async () => {
  const log: string[] = [];
  await quietTurn();
  const late = writer(log, 'late');
  flushThisTurn({
    flush: () => {
      log.push('early');
      flushThisTurn(late);
    },
  });
  await turnEnds();
  await turnEnds();
  assert.deepEqual(log, ['early', 'late']);
  await turnEnds();
  assert.deepEqual(log, ['early', 'late']);
});

/** Runs with a clock that only what is run moves. */
async function withClock(run: (clock: { nowMs: number }) => Promise<void>): Promise<void> {
  const clock = { nowMs: 1_000 };
  Object.defineProperty(performance, 'now', { configurable: true, value: () => clock.nowMs });
  try {
    await run(clock);
  } finally {
    Reflect.deleteProperty(performance, 'now');
  }
}

test('who rested goes on at the end of the turn, in order and behind the writing; who rests again waits for the next turn', () =>
  withClock(async () => {
    const log: string[] = [];
    await quietTurn();
    const again = {
      resume: () => {
        log.push('again');
        if (log.length < 5) resumeNextTurn(again);
      },
    };
    resumeNextTurn(again);
    resumeNextTurn({ resume: () => log.push('once') });
    flushThisTurn(writer(log, 'written'));
    assert.deepEqual(log, []);
    await turnEnds();
    assert.deepEqual(log, ['written', 'again', 'once']);
    await turnEnds();
    assert.deepEqual(log.slice(3), ['again']);
    await turnEnds();
    assert.deepEqual(log.slice(4), ['again']);
    await turnEnds();
    assert.equal(log.length, 5);
  }));

test('they go on until their time is up, one at least, and the rest in the next turn', () =>
  withClock(async (clock) => {
    const log: string[] = [];
    await quietTurn();
    const costs = [0.6, 0.39, 0.02, 5, 1, 0.5, 0.5, 0.1].map((share) => share * RESUMED_MS_PER_TURN);
    for (const [index, cost] of costs.entries()) {
      resumeNextTurn({
        resume: () => {
          clock.nowMs += cost;
          log.push(`${index}`);
        },
      });
    }
    for (const expected of ['012', '0123', '01234', '0123456', '01234567', '01234567']) {
      await turnEnds();
      assert.equal(log.join(''), expected);
    }
  }));

test('the end of a turn is not asked for by a chunk that is answered at once, nor by one that writes nothing', async () => {
  const log: string[] = [];
  await quietTurn();
  const before = pendingImmediates();
  chunk(log, 'alone');
  assert.equal(pendingImmediates(), before);
  chunkBegins();
  chunkProcessed();
  assert.equal(pendingImmediates(), before);
  chunk(log, 'third');
  chunk(log, 'fourth');
  assert.equal(pendingImmediates(), before + 1);
  await turnEnds();
  assert.equal(pendingImmediates(), before);
  resumeNextTurn({ resume: () => log.push('resumed') });
  await turnEnds();
  assert.equal(pendingImmediates(), before);
  assert.deepEqual(log, ['alone', 'third', 'fourth', 'resumed']);
});

interface Rests {
  /** Timers that were asked for and did not fire. */
  readonly asked: number[];
  /** Fires the first of them. */
  readonly end: () => void;
}

/** Timers by hand. */
function rests(t: TestContext): Rests {
  const asked: number[] = [];
  const runs: (() => void)[] = [];
  t.mock.method(globalThis, 'setTimeout', (run: () => void, delayMs: number) => {
    asked.push(delayMs);
    runs.push(run);
  });
  return { asked, end: () => (asked.shift(), runs.shift()?.()) };
}

test('SUSPECT_REST_MS and SUSPECTS_MS_PER_SHARE: suspects go on after a rest of all, until their time is up; one at least', (t) =>
  withClock(async (clock) => {
    const log: string[] = [];
    const { asked, end } = rests(t);
    const costs = [0.6, 0.39, 0.02, 5, 1, 0.5].map((share) => share * SUSPECTS_MS_PER_SHARE);
    for (const [index, cost] of costs.entries()) {
      resumeAfterRest({
        resume: () => {
          clock.nowMs += cost;
          log.push(`${index}`);
        },
      });
    }
    assert.deepEqual(log, []);
    for (const expected of ['012', '0123', '01234', '012345']) {
      assert.deepEqual(asked, [SUSPECT_REST_MS]);
      // Nothing but the timer makes them go on.
      await turnEnds();
      end();
      assert.equal(log.join(''), expected);
    }
    assert.deepEqual(asked, []);
  }));

test('a suspect that rests again has not two shares of one', (t) =>
  withClock(async () => {
    const log: string[] = [];
    const { asked, end } = rests(t);
    const again = {
      resume: () => {
        log.push('again');
        if (log.length < 3) resumeAfterRest(again);
      },
    };
    resumeAfterRest(again);
    for (const expected of [1, 2, 3]) {
      assert.deepEqual(asked, [SUSPECT_REST_MS]);
      end();
      assert.equal(log.length, expected);
    }
    assert.deepEqual(asked, []);
    await turnEnds();
  }));

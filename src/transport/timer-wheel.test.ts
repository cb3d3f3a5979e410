import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { TimerWheel, WheelTimer } from './timer-wheel.ts';

function manual(): { wheel: TimerWheel; at: (ms: number) => void } {
  let nowMs = 1000;
  const wheel = new TimerWheel({ monotonicMs: () => nowMs, manual: true });
  return {
    wheel,
    at: (ms) => {
      nowMs = 1000 + ms;
      wheel.advance();
    },
  };
}

test('a timer fires once, never early, at most a tick late', () => {
  const { wheel, at } = manual();
  let fired = 0;
  const timer = new WheelTimer(() => fired++);
  wheel.arm(timer, 25);
  at(24);
  assert.deepEqual([fired, timer.isArmed], [0, true]);
  at(35);
  assert.deepEqual([fired, timer.isArmed], [1, false]);
  at(10_000);
  assert.equal(fired, 1);
});

test('arming again moves it, cancelling stops it, firing may arm it again', () => {
  const { wheel, at } = manual();
  const log: string[] = [];
  const moved = new WheelTimer(() => log.push('moved'));
  const cancelled = new WheelTimer(() => log.push('cancelled'));
  const again = new WheelTimer(() => {
    log.push('again');
    if (log.length < 3) wheel.arm(again, 10);
    wheel.cancel(cancelled);
  });
  wheel.arm(moved, 10);
  wheel.arm(moved, 100_000);
  wheel.arm(again, 10);
  wheel.arm(cancelled, 20);
  for (let ms = 0; ms <= 200; ms += 10) at(ms);
  assert.deepEqual(log, ['again', 'again', 'again']);
  at(100_010);
  assert.deepEqual(log.at(-1), 'moved');
});

test('against a model: random delays, cancels and clock jumps', () => {
  const step = fc.record({
    delay: fc.integer({ min: 0, max: 20_000 }),
    jump: fc.integer({ min: 0, max: 9000 }),
    cancel: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { wheel, at } = manual();
      const due = new Map<number, number>();
      let nowMs = 0;
      const timers = steps.map((_, index) => {
        return new WheelTimer(() => {
          const dueMs = due.get(index);
          assert.ok(dueMs !== undefined && dueMs <= nowMs, `timer ${index} early`);
          due.delete(index);
        });
      });
      for (const [index, { delay, jump, cancel }] of steps.entries()) {
        wheel.arm(timers[index] as WheelTimer, delay);
        due.set(index, nowMs + delay);
        if (cancel) {
          wheel.cancel(timers[index >> 1] as WheelTimer);
          due.delete(index >> 1);
        }
        nowMs += jump;
        at(nowMs);
        for (const dueMs of due.values()) assert.ok(dueMs > nowMs - 20, 'late');
      }
    }),
  );
});

test('by itself it sleeps until the next timer and fires it', async () => {
  const wheel = new TimerWheel();
  const keepAlive = setTimeout(() => {}, 10_000);
  const startedMs = wheel.nowMs();
  await new Promise<void>((resolve) => {
    const late = new WheelTimer(() => {});
    wheel.arm(late, 100_000);
    wheel.arm(new WheelTimer(resolve), 15);
  });
  assert.ok(wheel.nowMs() - startedMs >= 15);
  wheel.close();
  clearTimeout(keepAlive);
});

/** Which requests of a connection are sent on, and when: the connection and the time are the test's. */
import assert from 'node:assert/strict';
import { setImmediate as turnEnds } from 'node:timers/promises';
import { test } from 'node:test';
import { localAnswer } from '../decide/index.ts';
import { TimerWheel } from '../transport/index.ts';
import { DispatchQueue } from './dispatch-queue.ts';
import { ExchangePool, type DownstreamLink, type Exchange } from './exchange.ts';
import { requestsSentOnAtOnce } from './limits.ts';

const limits = { slowStartRequests: 3, slowStartMs: 10 };

function start(options?: { readonly startsSlowly?: boolean }) {
  let nowMs = 0;
  let startsSlowly = options?.startsSlowly ?? true;
  const wheel = new TimerWheel({ monotonicMs: () => nowMs, tickMs: 1, manual: true });
  const pool = new ExchangePool({ capacity: 1_000, onDeadline: () => undefined });
  const connection = { activeStreams: 0 };
  const sent: Exchange[] = [];
  const queue = new DispatchQueue({
    connection,
    wheel,
    limits,
    startsSlowly: () => startsSlowly,
    send: (exchange) => sent.push(exchange),
  });
  const down = { connection } as unknown as DownstreamLink;
  return {
    connection,
    /** What was sent on since it was asked last. */
    sent: () => sent.splice(0),
    ask(count: number): Exchange[] {
      return Array.from({ length: count }, () => {
        const exchange = pool.take();
        exchange.down = down;
        connection.activeStreams++;
        queue.add(exchange);
        return exchange;
      });
    },
    dispatch: () => queue.dispatch(),
    /** The stream is closed, after its end or a reset. */
    end(exchange: Exchange, how: 'served' | 'refused' | 'reset'): void {
      connection.activeStreams--;
      exchange.upstreamEnded = how !== 'reset';
      if (how === 'refused') exchange.error = localAnswer('no_healthy_upstream', false);
      queue.onEnded(exchange);
      pool.give(exchange);
    },
    pass(ms: number): void {
      for (let i = 0; i < ms; i++) {
        nowMs++;
        wheel.advance();
      }
    },
    becomesKnown: () => (startsSlowly = false),
  };
}

test('slowStartRequests: so many of a new client at once, one more waits', () => {
  const at = start();
  const first = at.ask(limits.slowStartRequests);
  assert.equal(at.dispatch(), true);
  assert.deepEqual(at.sent(), first);
  at.ask(2);
  assert.equal(at.dispatch(), true);
  assert.deepEqual(at.sent(), []);
});

test('a client that need not start slowly has all of them at once', () => {
  const at = start({ startsSlowly: false });
  const all = at.ask(requestsSentOnAtOnce);
  assert.equal(at.dispatch(), true);
  assert.deepEqual(at.sent(), all);
});

test('each that is served makes room for two, in order and at the end of the turn', async () => {
  const at = start();
  const all = at.ask(8);
  at.dispatch();
  assert.deepEqual(at.sent(), all.slice(0, 3));
  at.end(all[1] as Exchange, 'served');
  assert.deepEqual(at.sent(), []);
  await turnEnds();
  assert.deepEqual(at.sent(), all.slice(3, 5));
  at.end(all[0] as Exchange, 'served');
  at.end(all[2] as Exchange, 'served');
  await turnEnds();
  assert.deepEqual(at.sent(), all.slice(5));
});

for (const how of ['reset', 'refused'] as const) {
  test(`one that is ${how} makes room for one`, async () => {
    const at = start();
    const all = at.ask(6);
    at.dispatch();
    at.sent();
    at.end(all[2] as Exchange, how);
    await turnEnds();
    assert.deepEqual(at.sent(), all.slice(3, 4));
  });
}

test('slowStartMs: after so long one more, although none ended, and not before; again and again until none is left', () => {
  const at = start();
  const all = at.ask(6);
  at.dispatch();
  assert.deepEqual(at.sent(), all.slice(0, 3));
  for (const exchange of all.slice(3)) {
    at.pass(limits.slowStartMs - 1);
    assert.deepEqual(at.sent(), []);
    at.pass(1);
    assert.deepEqual(at.sent(), [exchange]);
  }
  at.pass(10 * limits.slowStartMs);
  assert.deepEqual(at.sent(), []);
});

test('what comes later is behind what waits, even if there is room by then', () => {
  const at = start();
  const all = at.ask(4);
  at.dispatch();
  at.sent();
  at.becomesKnown();
  const late = at.ask(1);
  at.dispatch();
  assert.deepEqual(at.sent(), []);
  at.pass(limits.slowStartMs);
  assert.deepEqual(at.sent(), [all[3], ...late]);
});

test('one that ended while it waited is never sent on, nor is the next request in its record', async () => {
  const at = start();
  const all = at.ask(5);
  at.dispatch();
  at.sent();
  at.end(all[3] as Exchange, 'reset');
  await turnEnds();
  assert.deepEqual(at.sent(), []);
  // The pool gives the same record again.
  const [next] = at.ask(1);
  assert.equal(next, all[3]);
  at.dispatch();
  at.pass(limits.slowStartMs);
  assert.deepEqual(at.sent(), [all[4]]);
  at.pass(limits.slowStartMs);
  assert.deepEqual(at.sent(), [next]);
});

test('one that was answered while it waited is not sent on; until its stream ends it takes up its room', () => {
  const at = start();
  const all = at.ask(5);
  at.dispatch();
  at.sent();
  (all[3] as Exchange).responseEnded = true;
  at.pass(limits.slowStartMs);
  assert.deepEqual(at.sent(), []);
  at.pass(limits.slowStartMs);
  assert.deepEqual(at.sent(), [all[4]]);
});

test('one that is reset in the chunk that brought it is not sent on, and its room is another’s', () => {
  const at = start();
  const all = at.ask(4);
  at.end(all[0] as Exchange, 'reset');
  at.dispatch();
  assert.deepEqual(at.sent(), all.slice(1));
});

test('so many of one chunk at once; the rest when it is asked again, and the next chunk begins anew', () => {
  const at = start({ startsSlowly: false });
  const all = at.ask(requestsSentOnAtOnce + 1);
  assert.equal(at.dispatch(), false);
  assert.deepEqual(at.sent(), all.slice(0, requestsSentOnAtOnce));
  assert.equal(at.dispatch(), true);
  assert.deepEqual(at.sent(), all.slice(requestsSentOnAtOnce));
  for (let chunk = 0; chunk < 2; chunk++) {
    const next = at.ask(requestsSentOnAtOnce);
    assert.equal(at.dispatch(), true);
    assert.deepEqual(at.sent(), next);
  }
});

test('a record that serves another connection by now is not sent on here', () => {
  const at = start();
  const [first, second] = at.ask(2);
  assert.ok(first !== undefined && second !== undefined);
  at.end(first, 'reset');
  first.down = { connection: {} } as unknown as DownstreamLink;
  first.awaitsDispatch = true;
  at.end(second, 'reset');
  second.down = undefined;
  second.awaitsDispatch = true;
  assert.equal(at.dispatch(), true);
  assert.deepEqual(at.sent(), []);
});

test('who comes to those that wait does not make them wait longer', () => {
  const at = start();
  const all = at.ask(4);
  at.dispatch();
  at.sent();
  at.pass(limits.slowStartMs - 1);
  at.ask(1);
  at.dispatch();
  at.pass(1);
  assert.deepEqual(at.sent(), [all[3]]);
});

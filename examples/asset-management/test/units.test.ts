import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { fromTimestamp, toTimestamp } from '../src/assets/asset.ts';
import { ChangeFeed } from '../src/assets/change-feed.ts';
import { FilterError, parseFilter } from '../src/assets/filter.ts';
import { filterCondition } from '../src/assets/filter-sql.ts';
import { OrderError, parseOrder } from '../src/assets/order.ts';
import { readConfig } from '../src/config.ts';

describe('readConfig', () => {
  it('has defaults', () => {
    assert.deepEqual(readConfig({}), {
      host: '127.0.0.1',
      port: 50051,
      databaseUrl: undefined,
      dataDir: undefined,
      seed: true,
    });
  });

  it('reads the environment', () => {
    const environment = {
      HOST: '::1',
      PORT: '0',
      DATABASE_URL: 'postgres://x',
      ASSET_DATA_DIR: 'd',
      ASSET_SEED: 'false',
    };
    assert.deepEqual(readConfig(environment), {
      host: '::1',
      port: 0,
      databaseUrl: 'postgres://x',
      dataDir: 'd',
      seed: false,
    });
  });

  it('names the variable that cannot be', () => {
    for (const PORT of ['x', '65536', '-1', '1.5']) assert.throws(() => readConfig({ PORT }), /^Error: PORT .*"/);
    assert.throws(() => readConfig({ ASSET_SEED: 'yes' }), /^Error: ASSET_SEED .*"yes"/);
  });
});

describe('timestamps', () => {
  it('keep milliseconds, before 1970 too', () => {
    for (const iso of ['2026-01-01T00:00:00.001Z', '1969-12-31T23:59:59.999Z', '1900-01-01T00:00:00.000Z']) {
      const date = new Date(iso);
      assert.deepEqual(fromTimestamp(toTimestamp(date)), date);
      assert.ok(toTimestamp(date).nanos >= 0);
    }
  });
});

describe('parseFilter', () => {
  it('lets OR bind tighter than AND', () => {
    const comparison = (field: string) => ({
      type: 'comparison',
      comparison: { field, operator: '=', value: '1', quoted: false },
    });
    assert.deepEqual(parseFilter('a = 1 AND b = 1 OR NOT c = 1'), {
      type: 'and',
      operands: [
        comparison('a'),
        { type: 'or', operands: [comparison('b'), { type: 'not', operand: comparison('c') }] },
      ],
    });
    assert.equal(parseFilter('  '), undefined);
  });

  it('says what is wrong, and where', () => {
    const cases: [string, RegExp][] = [
      ['a', /expected an operator .* after "a" at character 2, found the end/],
      ['a =', /expected a value at character 4, found the end/],
      ['a = 1 b = 2', /expected AND, OR or the end at character 7, found "b"/],
      ['(a = 1', /expected "\)" at character 7, found the end/],
      ['= 1', /expected a field at character 1, found "="/],
      ['a = "x', /cannot be read at character 5/],
      ['a = 1\n', /control characters/],
      [`a = "${'x'.repeat(2000)}"`, /more than 2000 characters/],
      [`${'('.repeat(500)}a = 1`, /nested deeper than 16/],
    ];
    for (const [filter, message] of cases) {
      assert.throws(
        () => parseFilter(filter),
        (error) => error instanceof FilterError && message.test(error.message),
        filter,
      );
    }
  });

  it('is refused for fields and values that cannot be', () => {
    const cases: [string, RegExp][] = [
      ['colour = red', /no field "colour"/],
      ['constructor = red', /no field "constructor"/],
      ['status = SOLD', /never "SOLD"/],
      ['status < LOST', /= and != only/],
      ['create_time > yesterday', /"yesterday" is not a time/],
      ['create_time > 2026-13-01', /is not a time/],
      ['create_time : 2026-01-01', /cannot be compared by ":"/],
      ['purchase_price.units = 1.5', /64-bit whole number/],
      ['purchase_price.units = 9223372036854775808', /64-bit whole number/],
    ];
    for (const [text, message] of cases) {
      const filter = parseFilter(text);
      assert.ok(filter);
      assert.throws(
        () => filterCondition(filter),
        (error) => error instanceof FilterError && message.test(error.message),
        text,
      );
    }
  });
});

describe('parseOrder', () => {
  it('is refused with the reason', () => {
    assert.throws(() => parseOrder('colour'), OrderError);
    assert.throws(() => parseOrder('status up'), OrderError);
    assert.throws(() => parseOrder('status desc desc'), OrderError);
    assert.throws(() => parseOrder('status,'), OrderError);
    assert.throws(() => parseOrder('status, status desc'), OrderError);
  });
});

describe('ChangeFeed', () => {
  it('wakes those for whom there is something new, and keeps no one who has gone', async () => {
    const feed = new ChangeFeed();
    const leaving = new AbortController();
    const early = feed.waitBeyond(4n, new AbortController().signal);
    const gone = feed.waitBeyond(9n, leaving.signal);
    assert.equal(feed.waiting, 2);
    feed.notify(5n);
    await early;
    leaving.abort();
    await gone;
    assert.equal(feed.waiting, 0);
    await feed.waitBeyond(4n, new AbortController().signal);
  });

  it('asks a shared database while somebody waits, and no longer', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    context.mock.method(console, 'error', () => {});
    const answers = [async () => 3n, async () => Promise.reject(new Error('away')), async () => 7n];
    const latest = mock.fn(async () => await (answers.shift() ?? (async () => 7n))());
    const feed = new ChangeFeed({ poll: { latest, intervalMs: 1000 } });
    const waiting = feed.waitBeyond(5n, new AbortController().signal);
    let done = false;
    void waiting.then(() => (done = true));
    while (!done) {
      context.mock.timers.tick(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(latest.mock.callCount(), 3);
    context.mock.timers.tick(5000);
    assert.equal(latest.mock.callCount(), 3);
  });
});

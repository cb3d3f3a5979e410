/** The tables by stream id against plain maps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PastStream, RecentStreams } from './recent-streams.ts';
import { StreamTable } from './stream-table.ts';
import type { StreamRecord } from './stream.ts';

/** The table looks at nothing but the id. */
function stream(id: number): StreamRecord<string> {
  return { id } as StreamRecord<string>;
}

test('property: live streams are found by id whatever else lives, and nothing else is', () => {
  // More begin than end, and in long runs, so that the table grows while old streams are in the way of new ones.
  const step = fc.record({
    skip: fc.integer({ min: 0, max: 40 }),
    ends: fc.nat(5_000),
    isEnd: fc.nat(2).map((one) => one === 0),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
      const table = new StreamTable<string>();
      const model = new Map<number, StreamRecord<string>>();
      let id = 1;
      for (const { skip, ends, isEnd } of steps) {
        const live = [...model.keys()];
        if (isEnd && live.length > 0) {
          const ended = model.get(live[ends % live.length] as number) as StreamRecord<string>;
          table.delete(ended);
          // Once more: it is gone already.
          table.delete(ended);
          model.delete(ended.id);
          assert.equal(table.get(ended.id), undefined);
        } else {
          id += 2 * (skip + 1);
          const opened = stream(id);
          table.add(opened);
          model.set(id, opened);
        }
        assert.equal(table.size, model.size);
      }
      for (const [known, record] of model) assert.equal(table.get(known), record);
      assert.deepEqual(
        table.all(),
        [...model.values()].sort((a, b) => a.id - b.id),
      );
    }),
  );
});

test('a thousand live streams, and an old one in the way of many new', () => {
  const table = new StreamTable<string>();
  const old = stream(1);
  table.add(old);
  for (let id = 3; id < 40_000; id += 2) {
    const next = stream(id);
    table.add(next);
    assert.equal(table.get(1), old);
    if (id > 2_001) table.delete(table.get(id - 2_000) as StreamRecord<string>);
  }
  assert.equal(table.size, table.all().length);
});

const remembered = 512;

test('property: the last 512 ids are remembered as they ended, skipped ones too; older ones are forgotten', () => {
  const jump = fc.oneof(
    fc.constant(2),
    fc.integer({ min: 1, max: 20 }).map(even),
    fc.constantFrom(1_000, 1_022, 1_024, 1_026, 5_000),
  );
  fc.assert(
    fc.property(
      fc.array(fc.record({ jump, end: fc.constantFrom(...Object.values(PastStream).slice(1, 4)) })),
      (steps) => {
        const recent = new RecentStreams();
        const model = new Map<number, number>();
        let id = -1;
        for (const { jump: by, end } of steps) {
          for (let skipped = id + 2; skipped < id + by; skipped += 2) model.set(skipped, PastStream.skipped);
          id += by;
          recent.opened(id);
          assert.equal(recent.endOf(id), PastStream.ended);
          recent.mark(id, end);
          model.set(id, end);
        }
        for (const [known, end] of model) {
          const expected = known > id - 2 * remembered ? end : PastStream.forgotten;
          assert.equal(recent.endOf(known), expected, `${known} of ${id}`);
        }
      },
    ),
  );
});

test('how a stream ended that outlived 512 others is forgotten, and nothing said of a later one', () => {
  const recent = new RecentStreams();
  for (let id = 1; id <= 2 * remembered + 1; id += 2) recent.opened(id);
  const latest = 2 * remembered + 1;
  recent.mark(latest, PastStream.resetByPeer);
  recent.mark(1, PastStream.resetByUs);
  assert.equal(recent.endOf(1), PastStream.forgotten);
  assert.equal(recent.endOf(latest), PastStream.resetByPeer);
});

function even(half: number): number {
  return 2 * half;
}

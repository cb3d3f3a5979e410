/** The dynamic table against an array, newest first, as RFC 7541 §4 describes it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EngineField } from '../field.ts';
import { DynamicTable } from './dynamic-table.ts';

/** The table looks at nothing but the size. */
function entry(size: number): EngineField {
  return { size } as EngineField;
}

const sum = (fields: readonly EngineField[]): number => fields.reduce((bytes, { size }) => bytes + size, 0);

/** RFC 7541 §4.4: entries leave at the old end until the new one fits; one that never fits leaves an empty table. */
function insertInto(model: EngineField[], maxBytes: number, field: EngineField): void {
  while (model.length > 0 && sum(model) + field.size > maxBytes) model.pop();
  if (field.size <= maxBytes) model.unshift(field);
}

function assertSame(table: DynamicTable, model: readonly EngineField[]): void {
  assert.equal(table.count, model.length);
  assert.equal(table.bytes, sum(model));
  for (const [age, field] of model.entries()) assert.equal(table.at(age), field, `age ${age}`);
  assert.equal(table.at(model.length), undefined);
  assert.equal(table.at(model.length + 1), undefined);
  // What was evicted is not kept alive by the ring.
  const kept = table.ring.filter((field) => field !== undefined);
  assert.equal(kept.length, model.length);
}

test('property: entries, ages and bytes are those of the array, whatever is inserted and however it is resized', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ insert: fc.integer({ min: 32, max: 300 }) }) },
    { weight: 1, arbitrary: fc.record({ resize: fc.integer({ min: 0, max: 4096 }) }) },
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4096 }), fc.array(step, { maxLength: 200, size: 'max' }), (first, steps) => {
      let maxBytes = first;
      const table = new DynamicTable(maxBytes);
      const model: EngineField[] = [];
      for (const one of steps) {
        if ('insert' in one) {
          const field = entry(one.insert);
          table.insert(field);
          insertInto(model, maxBytes, field);
        } else {
          maxBytes = one.resize;
          table.resize(maxBytes);
          while (sum(model) > maxBytes) model.pop();
        }
        assertSame(table, model);
      }
    }),
  );
});

test('an entry that fits exactly is kept, and one byte more empties the table', () => {
  const table = new DynamicTable(100);
  const [first, second, exact] = [entry(40), entry(60), entry(100)];
  table.insert(first);
  table.insert(second);
  assertSame(table, [second, first]);
  table.insert(exact);
  assertSame(table, [exact]);
  table.insert(entry(101));
  assertSame(table, []);
  table.resize(0);
  table.insert(entry(32));
  assertSame(table, []);
});

test('the ring is small at first, doubles when it is full and not before, and entries keep their place', () => {
  const table = new DynamicTable(4096);
  const model: EngineField[] = [];
  for (let count = 1; count <= 128; count += 1) {
    const field = entry(32);
    table.insert(field);
    model.unshift(field);
    assertSame(table, model);
    assert.equal(table.ring.length, Math.max(16, 2 ** Math.ceil(Math.log2(count))), `${count} entries`);
  }
  // 128 entries of 32 bytes fill the table, so the ring never grows again.
  for (let more = 0; more < 1_000; more += 1) table.insert(entry(32));
  assert.equal(table.ring.length, 128);
});

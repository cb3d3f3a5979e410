/** What is shared, for how long, and how much of it is kept: whoever sends ever new fields must not fill the memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { internedField, internField, permanentField, transientField, type EngineField } from './field.ts';
import { fieldName } from './field-name.ts';
import { headerName } from './index.ts';

/** Many more than are kept. */
const flood = 20_000;

const name = fieldName('x-shared');

function internMany(count: number, prefix: string): void {
  for (let i = 0; i < count; i++) internedField(name, `${prefix} ${i}`);
}

test('a field that repeats is the same one, however many hundred others come between', () => {
  const first = internedField(name, 'repeats');
  for (let round = 0; round < 30; round++) {
    internMany(500, `round ${round}`);
    assert.equal(internedField(name, 'repeats'), first, `round ${round}`);
  }
});

test('a field that does not come again is forgotten, a constant never', () => {
  const once = internedField(name, 'comes once');
  const constant = permanentField('x-constant', 'of the program');
  internMany(flood, 'flood');
  assert.notEqual(internedField(name, 'comes once'), once);
  assert.equal(permanentField('x-constant', 'of the program'), constant);
  assert.equal(internField('x-constant', 'of the program'), constant);
});

test('one value with ever new names is shared by a few of them only', () => {
  const names = Array.from({ length: 300 }, (_, i) => fieldName(`x-new-${i}`));
  const shared = names.filter((one) => internedField(one, 'same value') === internedField(one, 'same value'));
  assert.ok(shared.length >= 4, `${shared.length} shared`);
  assert.ok(shared.length <= 32, `${shared.length} shared`);
});

test('a field of one request is no one else’s, must never be indexed, and is what the program says', () => {
  const made = ['x-once', headerName('x-once')].map((one) => transientField(one, 'v') as EngineField);
  assert.notEqual(made[0], made[1]);
  for (const { name: text, value, neverIndex, isMalformed } of made)
    assert.deepEqual([text, value, neverIndex, isMalformed], ['x-once', 'v', true, false]);
  assert.equal(headerName('x-once'), headerName('x-once'));
});

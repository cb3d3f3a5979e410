import assert from 'node:assert/strict';
import { test } from 'node:test';
import { features, surprises, type CaseResult } from './declared.ts';

const all: readonly CaseResult[] = Array.from({ length: features.upstream.cases }, (_, index) => ({
  name: `case ${index}`,
  passed: index !== 3,
  detail: 'why',
}));
const declared = [{ position: 'upstream', name: 'case 3', reason: 'for this test' }] as const;

test('a declared failure is no surprise; an undeclared one, a declared one that passes, and a missing case are', () => {
  assert.deepEqual(surprises('upstream', all, declared), []);
  assert.deepEqual(surprises('upstream', all, []), ['unexpected failure: case 3: why']);
  const good = all.map((result) => ({ ...result, passed: true }));
  assert.deepEqual(surprises('upstream', good, []), []);
  assert.deepEqual(surprises('upstream', good, declared), ['declared to fail, but passes or does not exist: case 3']);
  assert.deepEqual(surprises('upstream', good.slice(1), []), ['56 cases ran, 57 are declared']);
});

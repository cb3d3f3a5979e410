import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { LabelRequirement } from '../resource/index.ts';
import { formatLabels, hasLabels, indexSelectors, selectorMatches } from './labels.ts';

const origin = { kind: 'Gateway', namespace: 'a', name: 'b', file: 'c.yaml', line: 1 };

function matches(labels: Record<string, string>, requirement: Omit<LabelRequirement, 'key'>): boolean {
  return selectorMatches({ origin, matchLabels: {}, matchExpressions: [{ key: 'team', ...requirement }] }, labels);
}

test('all labels must be there; none wanted is all', () => {
  assert.equal(hasLabels({ a: '1', b: '2' }, { a: '1' }), true);
  assert.equal(hasLabels({ a: '1' }, { a: '1', b: '2' }), false);
  assert.equal(hasLabels({}, {}), true);
});

test('expressions, as in metav1.LabelSelector', () => {
  assert.equal(matches({ team: 'x' }, { operator: 'In', values: ['x', 'y'] }), true);
  assert.equal(matches({}, { operator: 'In', values: ['x'] }), false);
  assert.equal(matches({ team: 'x' }, { operator: 'NotIn', values: ['x'] }), false);
  assert.equal(matches({}, { operator: 'NotIn', values: ['x'] }), true);
  assert.equal(matches({ team: '' }, { operator: 'Exists', values: [] }), true);
  assert.equal(matches({ team: '' }, { operator: 'DoesNotExist', values: [] }), false);
});

test('labels and expressions are AND-ed', () => {
  const selector = {
    origin,
    matchLabels: { env: 'prod' },
    matchExpressions: [{ key: 'team', operator: 'Exists', values: [] }] as const,
  };
  assert.equal(selectorMatches(selector, { env: 'prod', team: 'x' }), true);
  assert.equal(selectorMatches(selector, { env: 'prod' }), false);
  assert.equal(selectorMatches(selector, { team: 'x' }), false);
});

test('printed form', () => {
  assert.equal(formatLabels({ a: '1', b: '2' }), 'a=1,b=2');
});

const someLabels = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'));

test('property: the index finds what asking each item finds, in the same order', () => {
  fc.assert(
    fc.property(fc.array(someLabels), someLabels, (items, labels) => {
      const numbered = items.map((wanted, position) => ({ wanted, position }));
      const found = indexSelectors(numbered, ({ wanted }) => wanted)(labels);
      assert.deepEqual(
        found,
        numbered.filter(({ wanted }) => hasLabels(labels, wanted)),
      );
    }),
  );
});

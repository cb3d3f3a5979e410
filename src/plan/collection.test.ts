import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byId, changeCollection, compareListings, listingOf } from './collection.ts';

interface Element {
  readonly id: string;
  readonly value: number;
}

const elements = fc.array(fc.record({ id: fc.constantFrom('a/1', 'a-b/1', 'a/2', 'b/1', 'b', 'c'), value: fc.nat(3) }));

function naive(list: readonly Element[]): Record<string, Element> {
  const sorted = [...list].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  return Object.fromEntries(sorted.map((element) => [element.id, element]));
}

test('a collection has each id once, sorted, the last element of that id', () => {
  fc.assert(
    fc.property(elements, (list) => {
      assert.deepEqual(Object.entries(byId(list)), Object.entries(naive(list)));
      assert.deepEqual(listingOf(byId(list)).ids, Object.keys(naive(list)));
    }),
  );
});

test('two collections are compared id by id, and a change is what a map would make of it', () => {
  fc.assert(
    fc.property(elements, elements, fc.subarray(['a/1', 'b', 'c']), (before, set, removed) => {
      const seen: unknown[] = [];
      compareListings(byId(before), byId(set), (id, old, now) => seen.push([id, old, now]));
      const ids = [...new Set([...before, ...set].map(({ id }) => id))].sort();
      assert.deepEqual(
        seen,
        ids.map((id) => [id, naive(before)[id], naive(set)[id]]),
      );
      const expected = { ...naive(before) };
      for (const id of removed) delete expected[id];
      const changed = changeCollection(byId(before), { set: byId(set), removed: new Set(removed) });
      assert.deepEqual(Object.entries(changed), Object.entries(naive([...Object.values(expected), ...set])));
    }),
  );
});

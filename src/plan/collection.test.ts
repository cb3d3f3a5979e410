import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byId, changeListing, collectionOf, compareListings, elementIn, listById, listingOf } from './collection.ts';

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
      compareListings(listById(before), listById(set), (id, old, now) => seen.push([id, old, now]));
      const ids = [...new Set([...before, ...set].map(({ id }) => id))].sort();
      assert.deepEqual(
        seen,
        ids.map((id) => [id, naive(before)[id], naive(set)[id]]),
      );
      const expected = { ...naive(before) };
      for (const id of removed) delete expected[id];
      const changed = changeListing(listById(before), { set: listById(set), removed: new Set(removed) });
      const wanted = naive([...Object.values(expected), ...set]);
      assert.deepEqual(Object.entries(collectionOf(changed)), Object.entries(wanted));
      assert.deepEqual(changed.ids, Object.keys(wanted));
      for (const id of ids) assert.equal(elementIn(changed, id), wanted[id]);
    }),
  );
});

test('many changes at once come to the same as few', () => {
  const all = Array.from({ length: 400 }, (_, index) => ({ id: `r/${index}`, value: 0 }));
  const before = listById(all.filter((_, index) => index % 3 !== 0));
  const set = listById(all.filter((_, index) => index % 2 === 0).map((element) => ({ ...element, value: 1 })));
  const removed = all.filter((_, index) => index % 5 === 0).map(({ id }) => id);
  const atOnce = changeListing(before, { set, removed: new Set(removed) });
  let oneByOne = changeListing(before, { set: listById([]), removed: new Set(removed.slice(0, 50)) });
  oneByOne = changeListing(oneByOne, { set: listById([]), removed: new Set(removed.slice(50)) });
  for (const element of set.elements)
    oneByOne = changeListing(oneByOne, { set: listById([element]), removed: new Set() });
  assert.deepEqual(atOnce, oneByOne);
});

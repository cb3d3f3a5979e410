import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { stableJson } from './stable-json.ts';

test('keys are sorted at every depth, arrays keep their order, undefined is left out', () => {
  assert.equal(stableJson({ b: 1, a: [{ d: 2, c: undefined }, 1] }), '{"a":[{"d":2},1],"b":1}');
});

test('indentation is as asked', () => {
  assert.equal(stableJson({ a: 1 }, 2), '{\n  "a": 1\n}');
});

test('property: the order in which keys were set does not show', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const turned = Object.fromEntries(Object.entries(value).toReversed());
      assert.equal(stableJson(turned), stableJson(value));
      assert.deepEqual(JSON.parse(stableJson(value)), JSON.parse(JSON.stringify(value)));
    }),
  );
});

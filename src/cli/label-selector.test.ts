import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSelector } from './label-selector.ts';

const labels = { app: 'web', tier: 'front' };

for (const [selector, expected] of [
  ['', true],
  ['app=web', true],
  ['app==web,tier=front', true],
  ['app=db', false],
  ['app!=db', true],
  ['missing!=x', true],
  ['app', true],
  ['missing', false],
  ['!missing', true],
  ['!app', false],
  ['toString', false],
] as const)
  test(`selector "${selector}" is ${expected}`, () => {
    assert.equal(parseSelector(selector)?.(labels), expected);
  });

test('what is no selector is refused', () => {
  assert.equal(parseSelector('app in (a, b)'), undefined);
  assert.equal(parseSelector('!app=web'), undefined);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queryParameter, withoutParameter } from './query.ts';

test('the first parameter of that very name counts, decoded', () => {
  const rows = [
    ['/a?x=1', 'x', '1'],
    ['/a?y=0&x=1&x=2', 'x', '1'],
    ['/a?x', 'x', ''],
    ['/a?x=', 'x', ''],
    ['/a?x&x=1', 'x', ''],
    ['/a?X=1', 'x', undefined],
    ['/a?xx=1&x', 'xx', '1'],
    ['/a?%78=%31%2c+%zz%', 'x', '1,+%zz%'],
    ['/a?x=a=b', 'x', 'a=b'],
    ['/a?x=a?x=b', 'x', 'a?x=b'],
    ['/a?&&x=1', 'x', '1'],
    ['/a?=1', '', '1'],
    ['/a?x=1#&y=2', 'y', undefined],
    ['/a?x=1#f', 'x', '1'],
    ['/a#?x=1', 'x', undefined],
    ['/a', 'x', undefined],
    ['/a?', 'x', undefined],
    ['', 'x', undefined],
    ['/a?x=%c3%a9', 'x', '\u00c3\u00a9'],
  ] as const;
  for (const [path, name, expected] of rows) assert.equal(queryParameter(path, name), expected, path);
});

test('a path without a parameter keeps everything else', () => {
  const rows = [
    ['/a?x=1', '/a'],
    ['/a?y=0&x=1&%78=2&z', '/a?y=0&z'],
    ['/a?x', '/a'],
    ['/a?xx=1&X=2', '/a?xx=1&X=2'],
    ['/a?x=1#f?x=2', '/a#f?x=2'],
    ['/a#?x=1', '/a#?x=1'],
    ['/a', '/a'],
    ['/a?y&&x', '/a?y&'],
  ] as const;
  for (const [path, expected] of rows) assert.equal(withoutParameter(path, 'x'), expected, path);
});

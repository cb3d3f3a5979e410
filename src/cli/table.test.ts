import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable } from './table.ts';

test('columns are aligned and lines carry no trailing blanks', () => {
  assert.equal(
    formatTable(
      ['NAME', 'AGE', 'NOTE'],
      [
        ['a', '1d', 'x'],
        ['longer-name', '2d', ''],
      ],
    ),
    'NAME          AGE   NOTE\na             1d    x\nlonger-name   2d\n',
  );
});

test('a table without rows is its headings', () => {
  assert.equal(formatTable(['NAME', 'AGE'], []), 'NAME   AGE\n');
});

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

test('a terminal too narrow for the table gets one line per cell', () => {
  const rows = [
    ['web', 'spiffe://cluster.local/ns/default/sa/web'],
    ['db', ''],
  ];
  const asTable = formatTable(['NAME', 'IDENTITY'], rows);
  const width = Math.max(...asTable.split('\n').map((line) => line.length));
  assert.equal(formatTable(['NAME', 'IDENTITY'], rows, { columns: width }), asTable);
  assert.equal(
    formatTable(['NAME', 'IDENTITY'], rows, { columns: width - 1 }),
    'NAME       web\nIDENTITY   spiffe://cluster.local/ns/default/sa/web\n\nNAME       db\nIDENTITY\n',
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPlainAuthority, isPlainPath } from './plain-path.ts';

test('paths that every reader reads alike', () => {
  const plain = [
    '/',
    '/a',
    '/a/',
    '/a.b/c..d/...',
    '/a;v=1/b',
    '/caf%C3%A9',
    '/a?next=//x/../y%2f',
    '/pkg.Svc/M',
    '/%20',
  ];
  for (const path of plain) assert.equal(isPlainPath(path), true, path);
});

test('paths that a reader may normalise into others', () => {
  const ambiguous = [
    '',
    'a',
    '*',
    '//',
    '//evil.example/x',
    '/a//b',
    '/.',
    '/..',
    '/a/../b',
    '/a/./b',
    '/a/..',
    String.raw`/\evil.example`,
    '/a%2fb',
    '/a%5Cb',
    '/%2E%2e/b',
    '/a%00',
    '/a%0d%0aSet-Cookie:x',
    '/a%7f',
    '/a%',
    '/a%2',
    '/a%zz',
  ];
  for (const path of ambiguous) assert.equal(isPlainPath(path), false, path);
});

test('authorities that may stand in a URL', () => {
  const plain = ['a', 'a.example.com', 'A.example.com:8080', 'a.', 'my_host', '127.0.0.1:1', '[::1]', '[::1]:443'];
  for (const authority of plain) assert.equal(isPlainAuthority(authority), true, authority);
  const others = [
    '',
    ':80',
    'a:',
    'a:x',
    'a:123456',
    'a,b',
    'a;b',
    'a b',
    'a%2eb',
    '.a',
    'a-',
    '-a',
    "a'b",
    '[a]x',
    '(a)',
  ];
  for (const authority of others) assert.equal(isPlainAuthority(authority), false, authority);
});

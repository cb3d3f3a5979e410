import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { PathMatch, PathRewrite } from '../plan/index.ts';
import { compilePathRewrite, rewritePath } from './path-rewrite.ts';

function rewritten(rewrite: PathRewrite, match: PathMatch, path: string): string | undefined {
  const compiled = compilePathRewrite(rewrite, match);
  return compiled === undefined ? undefined : rewritePath(compiled, path);
}

const elements = (value: string): PathMatch => ({ type: 'PathPrefix', value });
const prefixBy = (value: string): PathRewrite => ({ type: 'ReplacePrefixMatch', value });

test('ReplacePrefixMatch does what the table of the Gateway API says', () => {
  // Request path, prefix match, replacement, modified path: HTTPPathModifier, v1.6.
  const rows = [
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '', '/bar'],
    ['/foo/', '/foo', '', '/'],
    ['/foo', '/foo', '', '/'],
    ['/foo/', '/foo', '/', '/'],
    ['/foo', '/foo', '/', '/'],
  ] as const;
  for (const [path, prefix, replacement, expected] of rows) {
    assert.equal(
      rewritten(prefixBy(replacement), elements(prefix), path),
      expected,
      `${path} ${prefix} ${replacement}`,
    );
  }
});

test('the prefix / puts a path below another', () => {
  assert.equal(rewritten(prefixBy('/xyz'), elements('/'), '/bar'), '/xyz/bar');
  assert.equal(rewritten(prefixBy('/xyz'), elements('/'), '/'), '/xyz/');
});

test('a prefix by characters is replaced by characters, as Envoy does', () => {
  const match: PathMatch = { type: 'StringPrefix', value: '/v1' };
  assert.equal(rewritten(prefixBy('/v2'), match, '/v1beta/x'), '/v2beta/x');
  assert.equal(rewritten(prefixBy('/'), match, '/v1/x'), '//x');
  assert.equal(rewritten(prefixBy('/'), { ...match, ignoreCase: true }, '/V1x'), '/x');
});

test('with a match of the whole path the whole path is replaced', () => {
  assert.equal(rewritten(prefixBy('/new'), { type: 'Exact', value: '/old/x' }, '/old/x?q=1'), '/new?q=1');
  assert.equal(rewritten(prefixBy('/new'), { type: 'RegularExpression', value: '/o.*' }, '/old/x'), '/new');
  assert.equal(rewritten({ type: 'ReplaceFullPath', value: '/new' }, elements('/'), '/old/x#f'), '/new#f');
});

test('the query stays, unless the replacement brings its own', () => {
  assert.equal(rewritten(prefixBy('/b'), elements('/a'), '/a/c?x=/a/d'), '/b/c?x=/a/d');
  assert.equal(rewritten({ type: 'ReplaceFullPath', value: '/b?own=1' }, elements('/'), '/a?x=1'), '/b?own=1');
});

test('the new path is absolute whatever is written', () => {
  assert.equal(rewritten({ type: 'ReplaceFullPath', value: '' }, elements('/'), '/a'), '/');
  assert.equal(rewritten({ type: 'ReplaceFullPath', value: 'b' }, elements('/'), '/a'), '/b');
});

test('an expression replaces every match and names its groups', () => {
  const rows = [
    ['^/service/([^/]+)(/.*)$', String.raw`\2/instance/\1`, '/service/foo/v1/api', '/v1/api/instance/foo'],
    ['one', 'two', '/xxx/one/yyy/one/zzz', '/xxx/two/yyy/two/zzz'],
    ['^(.*?)one(.*)$', String.raw`\1two\2`, '/xxx/one/yyy/one/zzz', '/xxx/two/yyy/one/zzz'],
    ['(?i)/xxx/', '/yyy/', '/aaa/XxX/bbb', '/aaa/yyy/bbb'],
    ['/(x)?y', String.raw`/[\1\0\\]`, '/y?y=/y', '/[/y\\]?y=/y'],
    ['/nothing', '/x', '/a', '/a'],
    ['a*', '-', '/baac', '/-/-b-c-'],
    ['é', 'ü', '/\u00c3\u00a9', '/\u00c3\u00bc'],
  ] as const;
  for (const [pattern, substitution, path, expected] of rows) {
    const rewrite: PathRewrite = { type: 'ReplaceRegex', pattern, substitution };
    assert.equal(rewritten(rewrite, elements('/'), path), expected, pattern);
  }
});

test('an expression that cannot be applied is no rewrite', () => {
  const rows = [
    ['(?=x)', 'y'],
    ['(x)', String.raw`\2`],
    ['(x)', '\\x'],
    ['(x)', 'y\\'],
  ] as const;
  for (const [pattern, substitution] of rows) {
    assert.equal(rewritten({ type: 'ReplaceRegex', pattern, substitution }, elements('/'), '/'), undefined, pattern);
  }
});

test('a prefix is replaced as a list of path elements would be', () => {
  const name = fc.constantFrom('a', 'b', 'ab');
  const names = fc.array(name, { maxLength: 3 });
  const slash = fc.constantFrom('', '/');
  fc.assert(
    fc.property(names, names, names, slash, slash, slash, (prefix, rest, replacement, end, endOfPrefix, endOfNew) => {
      const text = (parts: readonly string[]): string => parts.map((part) => `/${part}`).join('');
      const path = text([...prefix, ...rest]) + end;
      const actual = rewritten(
        prefixBy(text(replacement) + endOfNew),
        elements(text(prefix) + endOfPrefix || '/'),
        path === '' ? '/' : path,
      );
      const expected = text([...replacement, ...rest]) + (path === '' ? '/' : end);
      assert.equal(actual, expected === '' ? '/' : expected);
    }),
  );
});

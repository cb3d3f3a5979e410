import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { compareMatches, type RankedMatch } from './route-precedence.ts';

type Path = RankedMatch['match']['path'];

interface Choice {
  readonly path: Path;
  readonly method?: string;
  readonly headers?: number;
  readonly queryParams?: number;
  readonly created?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly rule?: number;
}

function ranked(choice: Choice): RankedMatch {
  return {
    match: {
      path: choice.path,
      ...(choice.method === undefined ? {} : { method: { type: 'Exact', value: choice.method } }),
      headers: Array.from({ length: choice.headers ?? 0 }, () => ({ name: 'h', type: 'Exact', value: '1' })),
      // Absent as well as empty, which are the same.
      ...(choice.queryParams === undefined
        ? {}
        : {
            queryParams: Array.from({ length: choice.queryParams }, () => ({ name: 'q', type: 'Exact', value: '1' })),
          }),
    },
    route: {
      creationTimestamp: choice.created,
      namespace: choice.namespace ?? 'default',
      name: choice.name ?? 'route',
      kind: 'HTTPRoute',
    },
    ruleIndex: choice.rule ?? 0,
    matchIndex: 0,
  };
}

const exact = (value: string): Path => ({ type: 'Exact', value });
const prefix = (value: string): Path => ({ type: 'PathPrefix', value });
const regex = (value: string): Path => ({ type: 'RegularExpression', value });

test('each criterion in its turn: the list is already in order', () => {
  const inOrder: Choice[] = [
    { path: exact('/a/b') },
    { path: exact('/a'), method: 'POST', headers: 1 },
    { path: exact('/a'), headers: 9 },
    { path: prefix('/a/b') },
    { path: prefix('/a'), headers: 2 },
    { path: prefix('/a'), headers: 1, queryParams: 2 },
    { path: prefix('/a'), headers: 1, queryParams: 1, created: '2025-01-01T00:00:00Z' },
    { path: prefix('/a'), headers: 1, created: '2024-01-01T00:00:00Z', name: 'z' },
    { path: prefix('/a'), headers: 1, created: '2025-01-01T00:00:00Z', name: 'y' },
    { path: prefix('/a'), headers: 1, namespace: 'a-b', name: 'x' },
    { path: prefix('/a'), headers: 1, namespace: 'a', name: 'x' },
    { path: prefix('/a'), headers: 1, namespace: 'b', name: 'x' },
    { path: prefix('/a'), headers: 1, namespace: 'b', name: 'x', rule: 1 },
    { path: regex('/[^/]+/Get') },
    { path: regex('/.*') },
    { path: prefix('/'), headers: 5 },
    { path: prefix('/') },
  ];
  const expected = inOrder.map(ranked);
  assert.deepEqual(expected.toReversed().sort(compareMatches), expected);
});

const anyRanked = fc
  .record({
    path: fc.oneof(
      fc.constantFrom('/a', '/b', '/a/b').map(exact),
      fc.constantFrom('/', '/a', '/a/b').map(prefix),
      fc.constantFrom('/.*', '/a.*').map(regex),
    ),
    hasMethod: fc.boolean(),
    headers: fc.nat(2),
    queryParams: fc.option(fc.nat(2), { nil: undefined }),
    created: fc.constantFrom(undefined, '2024-01-01T00:00:00Z', '2025-01-01T00:00:00Z'),
    namespace: fc.constantFrom('a', 'a-b', 'b'),
    name: fc.constantFrom('x', 'y'),
    rule: fc.nat(2),
  })
  .map(({ hasMethod, created, queryParams, ...rest }) =>
    ranked({
      ...rest,
      ...(hasMethod ? { method: 'POST' } : {}),
      ...(created === undefined ? {} : { created }),
      ...(queryParams === undefined ? {} : { queryParams }),
    }),
  );

function descending(count: number): string {
  return String(9999 - count).padStart(4, '0');
}

/** The order as one key of text per match: simple to believe, slow to use. */
function naiveKey({ match, route, ruleIndex, matchIndex }: RankedMatch): string {
  const isCatchAll = match.path.type === 'PathPrefix' && match.path.value === '/';
  const type = isCatchAll ? 3 : { Exact: 0, PathPrefix: 1, StringPrefix: 1, RegularExpression: 2 }[match.path.type];
  return [
    type,
    descending(match.path.value.length),
    match.method === undefined ? 1 : 0,
    descending(match.headers.length),
    descending(match.queryParams?.length ?? 0),
    route.creationTimestamp ?? '9',
    `${route.namespace}/${route.name}`,
    ruleIndex,
    matchIndex,
  ].join('\u0000');
}

test('property: a total order', () => {
  fc.assert(
    fc.property(anyRanked, anyRanked, anyRanked, (a, b, c) => {
      assert.equal(Math.sign(compareMatches(a, b)), -Math.sign(compareMatches(b, a)) + 0);
      const ascending = compareMatches(a, b) <= 0 && compareMatches(b, c) <= 0;
      assert.ok(!ascending || compareMatches(a, c) <= 0);
    }),
  );
});

test('property: agrees with the naive key', () => {
  fc.assert(
    fc.property(anyRanked, anyRanked, (a, b) => {
      const [keyA, keyB] = [naiveKey(a), naiveKey(b)];
      const expected = keyA < keyB ? -1 : keyA > keyB ? 1 : 0;
      assert.equal(Math.sign(compareMatches(a, b)) + 0, expected);
    }),
  );
});

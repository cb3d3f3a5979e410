/**
 * What the fast reader reads, the whole language reads alike: the same values, the same places. Over all YAML of the repository,
 * and over texts that are put together from pieces at random, most of them no good YAML.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Path } from './document.ts';
import { findPlace } from './place.ts';
import { toPlain } from './plain.ts';
import { findSimplePlace, parseSimpleYaml } from './simple-yaml.ts';
import { splitDocuments } from './split.ts';
import { parseChunk } from './yaml.ts';

const root = dirname(dirname(import.meta.dirname));

/** True when the fast reader took the text. */
function agrees(text: string): boolean {
  const simple = parseSimpleYaml(text);
  if (simple === undefined) return false;
  const { trees } = parseChunk(text, 0);
  const [tree] = trees;
  assert.equal(trees.length, 1, text);
  assert.ok(tree !== undefined && tree.errors.length === 0 && tree.warnings.length === 0, text);
  const { value, targets, problems } = toPlain(tree.contents);
  assert.deepEqual(problems, [], text);
  assert.deepEqual(simple.value, value, text);
  for (const path of pathsOf(value, [])) {
    for (const asked of [path, [...path, 'absent'], [...path, 99]])
      assert.deepEqual(
        findSimplePlace(simple.places, asked),
        findPlace(tree.contents, asked, targets),
        `${text}\n${JSON.stringify(path)}`,
      );
  }
  return true;
}

function pathsOf(value: unknown, path: Path): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [path, ...entries.flatMap(([key, below]) => pathsOf(below, [...path, key]))];
}

describe('parseSimpleYaml', () => {
  test('all manifests of the repository', () => {
    const files = globSync(
      ['examples/*/k8s/*.yaml', 'test/golden/**/*.yaml', 'test/fuzz/corpus/**/*'].map((one) => join(root, one)),
    );
    const chunks = files
      .filter((file) => /\.\w+$/.test(file))
      .flatMap((file) => splitDocuments(readFileSync(file, 'utf8')))
      .map(({ text }) => text);
    const taken = chunks.filter(agrees).length;
    assert.ok(taken > chunks.length / 2, `${taken} of ${chunks.length} were simple`);
  });

  test('what is not simple is left to others', () => {
    const others = [
      ...['a: &x 1', 'a: *x', 'a: !!str 1', 'a: |\n  b', 'a: >-\n  b', 'a:', 'a: ~', 'a: null', 'a: yes', 'a: 0x1'],
      ...['a: 010', 'a: 1.5', 'a: b\n c', 'a: "x\\n"', "a: 'x''y'", 'a: {b}', 'a: {b: }', 'a: [1, ]', '- a', 'a', ''],
      ...['a: b: c', 'a:\tb', '\ta: b', 'a: b\na: c', '? a\n: b', 'a: b\r\nc: d', 'a: ü', '<<: { a: b }', 'a: [b\n ]'],
      ...[
        '__proto__: 1',
        'on: x',
        '80: x',
        'a: [b: c]',
        "a: {'b':c}",
        'a: @b',
        'a: %b',
        '%YAML 1.2\n---\na: b',
        '--- a',
      ],
    ];
    for (const text of others) assert.equal(parseSimpleYaml(text), undefined, text);
  });

  test('whatever it takes of texts from pieces', () => {
    const pieces = [
      ...[
        'a',
        'b',
        'key',
        'a.b/c',
        'v1',
        '80',
        '-1',
        '1.5',
        '10.0.0.1',
        '1e3',
        '.5',
        '~',
        'yes',
        'true',
        'null',
        '"q"',
      ],
      ...[
        "'q'",
        '"a: b"',
        ':',
        ': ',
        ' ',
        '  ',
        '    ',
        '\n',
        '\n',
        '\n  ',
        '\n    ',
        '- ',
        '-',
        '[',
        ']',
        '{',
        '}',
        ', ',
      ],
      ...[
        ',',
        '#',
        ' # c',
        '&x',
        '*x',
        '|',
        '>',
        '!',
        '%',
        '@',
        '<<',
        '---',
        '...',
        '?',
        '\\',
        '/',
        'http://x',
        'x:y',
        '=',
      ],
    ];
    const lines = fc.array(fc.constantFrom(...pieces), { maxLength: 14 }).map((parts) => `a: ${parts.join('')}`);
    const line = fc.tuple(
      fc.constantFrom('', '  ', '    ', '- ', '  - ', '    - '),
      fc.constantFrom('a: ', 'b: ', 'c:', '"d": ', ''),
      fc.constantFrom(
        '',
        'x',
        '1',
        '"x y"',
        "'z'",
        '[a, 1, "b"]',
        '{ a: b, c: [d] }',
        '{}',
        '[]',
        'x # c',
        'a b',
        '- x',
      ),
    );
    const document = fc.array(line, { maxLength: 8 }).map((all) => all.map((parts) => parts.join('')).join('\n'));
    let taken = 0;
    const property = fc.property(fc.oneof(lines, document), (text) => {
      if (agrees(text)) taken++;
    });
    fc.assert(property, { numRuns: process.env['SALLYPORT_LONG'] === '1' ? 200_000 : 5_000, seed: 7 });
    assert.ok(taken > 100, `${taken} were simple`);
  });
});

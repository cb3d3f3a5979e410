import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatGoFloat, quoteBytes, quoteJson } from './go-text.ts';
import { splitJson } from './json-splitter.ts';
import { decodeBase64, formatMetadata, parseMetadata } from './metadata.ts';

test("floats in Go's shortest form", () => {
  // From Go: strconv.FormatFloat(value, 'g', -1, 64)
  const cases: readonly (readonly [value: number, text: string])[] = [
    [1e6, '1e+06'],
    [1234567, '1.234567e+06'],
    [100000, '100000'],
    [123456789.5, '1.234567895e+08'],
    [1e21, '1e+21'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [0.00012345, '0.00012345'],
    [-0, '-0'],
    [0, '0'],
    [5e-324, '5e-324'],
  ];
  for (const [value, text] of cases) assert.equal(formatGoFloat(value, 64), text);
  for (const [value, text] of [
    [0.1, '0.1'],
    [16777216, '1.6777216e+07'],
    [1.1e10, '1.1e+10'],
    [3.4028235e38, '3.4028235e+38'],
  ] as const) {
    assert.equal(formatGoFloat(Math.fround(value), 32), text);
  }
});

test('floats survive printing', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) =>
      Object.is(Number(formatGoFloat(value, 64)), value),
    ),
  );
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) =>
      Object.is(Math.fround(Number(formatGoFloat(value, 32))), value),
    ),
  );
});

test('quoted text', () => {
  assert.equal(quoteJson('<&>\u2028"\\\b'), '"\\u003c\\u0026\\u003e\\u2028\\"\\\\\\b"');
  assert.equal(quoteBytes(Buffer.from('a"\\\n\r\té\u0000')), '"a\\"\\\\\\n\\r\\t\\303\\251\\000"');
});

async function split(chunks: readonly string[]): Promise<string[]> {
  async function* source(): AsyncGenerator<string> {
    yield* chunks;
  }
  const parts: string[] = [];
  for await (const part of splitJson(source())) parts.push(part);
  return parts;
}

test('JSON values one after the other, cut anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.json(), { maxLength: 5 }), fc.array(fc.nat(200)), async (values, cuts) => {
      const text = values.join('\n');
      const places = [...new Set([0, ...cuts.map((cut) => cut % (text.length + 1)), text.length])].sort(
        (a, b) => a - b,
      );
      const chunks = places.map((place, index) => text.slice(place, places[index + 1] ?? text.length));
      assert.deepEqual(
        (await split(chunks)).map((part): unknown => JSON.parse(part)),
        values.map((value): unknown => JSON.parse(value)),
      );
    }),
    { seed: 11, numRuns: 200 },
  );
});

test('JSON values without space between, and text that is none', async () => {
  assert.deepEqual(await split(['{}{"a":"}"}[1]"x"true 1 null']), [
    '{}',
    '{"a":"}"}',
    '[1]',
    '"x"',
    'true',
    '1',
    'null',
  ]);
  await assert.rejects(split(['{} ]']), /invalid character ']' looking for beginning of value/);
  for (const open of ['{', '["a"', '"abc', '{"a":"\\"}']) await assert.rejects(split([open]), /unexpected EOF/);
});

test('metadata lines', () => {
  const metadata = parseMetadata(['A: 1', 'a:2', 'empty', 'x-bin: _-8', 'raw-bin: not base64!', '']);
  assert.deepEqual(
    [...metadata],
    [
      ['a', ['1', '2']],
      ['empty', ['']],
      ['x-bin', ['\u00ff\u00ef']],
      ['raw-bin', ['not base64!']],
    ],
  );
  assert.equal(formatMetadata(metadata), 'a: 1\na: 2\nempty: \nraw-bin: bm90IGJhc2U2NCE=\nx-bin: /+8=');
  assert.equal(formatMetadata(new Map()), '(empty)');
  assert.equal(decodeBase64('A'), undefined);
});

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { decodeAll } from '../resource/index.ts';
import type { Document } from './document.ts';
import { maxFileBytes } from './limits.ts';
import { hashRead, parseRead } from './load.ts';
import { parseManifest } from './parse.ts';

const goldenFolder = fileURLToPath(new URL('../../test/golden/', import.meta.url));
const seeds = ['manifest', 'resource'].flatMap((stage) =>
  readdirSync(join(goldenFolder, stage))
    .filter((file) => file.endsWith('.in.yaml'))
    .map((file) => readFileSync(join(goldenFolder, stage, file), 'utf8')),
);

/** Reads bytes through both stages and checks what must hold for any input. */
function readAll(bytes: Uint8Array): readonly Document[] {
  const loaded = parseRead(hashRead({ files: [{ path: 'fuzz.yaml', bytes, found: false }], diagnostics: [] }));
  const { diagnostics } = decodeAll(loaded.documents);
  for (const { origin, message, remedy } of [...loaded.diagnostics, ...diagnostics]) {
    assert.ok(origin.line >= 1 && (origin.column ?? 1) >= 1, 'a finding has a place');
    assert.notEqual(message, '');
    assert.notEqual(remedy, '');
  }
  return loaded.documents;
}

const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(12),
  insert: fc.oneof(
    fc.constantFrom(
      '\t',
      '{',
      '[',
      '- ',
      ': ',
      '*a',
      '&a ',
      '!!set ',
      '---\n',
      '"',
      "'",
      '|\n',
      '<<: ',
      '? ',
      '__proto__: ',
      '%',
      '\0',
    ),
    fc.string({ maxLength: 6 }),
  ),
});

describe('any input', () => {
  test('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readAll(bytes)),
      { numRuns: 300 },
    );
  });

  test('mutated manifests never throw and never reach a prototype', () => {
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.array(mutation, { minLength: 1, maxLength: 6 }), (seed, mutations) => {
        let text = seed;
        for (const { at, remove, insert } of mutations) {
          const offset = Math.floor(at * text.length);
          text = text.slice(0, offset) + insert + text.slice(offset + remove);
        }
        readAll(Buffer.from(text, 'utf8'));
        assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
      }),
      { numRuns: 300 },
    );
  });

  test('a broken document leaves its neighbours alone', () => {
    const good = 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: good\n';
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (junk) => {
        const documents = readAll(
          Buffer.from(`${good}---\n${junk.replaceAll('---', '')}\n---\n${good.replace('good', 'too')}`),
        );
        const names = documents.map((document) => document.name);
        assert.ok(names.includes('good') && names.includes('too'), `lost a neighbour: ${names.join(' ')}`);
      }),
      { numRuns: 300 },
    );
  });
});

/** Inputs made to be slow. Each must end by a limit or be quick by itself, and be told about. */
const slow: Readonly<Record<string, string>> = {
  brackets: '['.repeat(1_000_000),
  'closing braces': '}'.repeat(1_000_000),
  dashes: '- '.repeat(500_000),
  'deep blocks': Array.from({ length: 2_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
  'aliases without anchors': `[${'*a, '.repeat(20_000)}]`,
  'many keys': Array.from({ length: 200_000 }, (_, index) => `k${index}: 1`).join('\n'),
  'open quote': `"${'a\n'.repeat(500_000)}`,
};

describe('inputs made to be slow', () => {
  for (const [name, text] of Object.entries(slow)) {
    test(name, { timeout: 10_000 }, () => {
      const { documents, diagnostics } = parseManifest(text, 'slow.yaml');
      assert.equal(documents.length, 0);
      assert.notEqual(diagnostics.length, 0);
    });
  }

  test('ten megabytes are refused by size, before any parsing', () => {
    const bytes = Buffer.alloc(10 * 1024 * 1024, 'a: 1\n');
    const loaded = parseRead(hashRead({ files: [{ path: 'big.yaml', bytes, found: true }], diagnostics: [] }));
    assert.deepEqual(
      loaded.diagnostics.map(({ code, origin }) => [code, origin.file, origin.line]),
      [['SP0003', 'big.yaml', 1]],
    );
    assert.ok(bytes.length > maxFileBytes);
  });
});

/** Every bound of reading: at it, and one past it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { manifestCodes } from './codes.ts';
import {
  maxAliasedValues,
  maxBadTokens,
  maxDepth,
  maxDirectoryDepth,
  maxErrorsPerDocument,
  maxFileBytes,
  maxFiles,
  maxFindingsPerFile,
  maxTokens,
} from './limits.ts';
import { hashRead, loadPaths, parseRead } from './load.ts';
import { parseManifest } from './parse.ts';
import { parseChunk } from './yaml.ts';

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'manifest-limits-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** The messages of the findings with this code. */
function found(text: string, { code }: { readonly code: string }): readonly string[] {
  const { diagnostics } = parseManifest(text, 'x.yaml');
  return diagnostics.filter((one) => one.code === code).map(({ message }) => message);
}

const head = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\n';

test('maxFileBytes', () => {
  const codes = (size: number): readonly string[] => {
    const bytes = Buffer.alloc(size, '#');
    bytes.write(`${head}\n`);
    const read = { files: [{ path: 'x.yaml', bytes, found: false }], diagnostics: [] };
    return parseRead(hashRead(read)).diagnostics.map(({ code }) => code);
  };
  assert.deepEqual(codes(maxFileBytes), []);
  assert.deepEqual(codes(maxFileBytes + 1), [manifestCodes.tooLarge.code]);
});

test('maxTokens', () => {
  const text = `${head}data: { a: &a 1, b: *a }\n`;
  const { tokens } = parseChunk(text, 0);
  assert.ok(tokens > 10);
  assert.deepEqual(parseChunk(text, maxTokens - tokens).exceeded, undefined);
  assert.deepEqual(parseChunk(text, maxTokens - tokens + 1).exceeded, 'tokens');
});

test('maxBadTokens', () => {
  const braces = (count: number): string => `a:\n${'}\n'.repeat(count)}`;
  assert.equal(parseChunk(braces(maxBadTokens), 0).exceeded, undefined);
  assert.equal(parseChunk(braces(maxBadTokens + 1), 0).exceeded, 'bad-tokens');
});

test('maxAliasedValues', () => {
  const list = Array.from({ length: 100 }, () => '1').join(', ');
  const text = (aliases: number): string =>
    `${head}a: &a [${list}]\nb: [${Array.from({ length: aliases }, () => '*a').join(', ')}]\n`;
  assert.deepEqual(found(text(maxAliasedValues / 100), manifestCodes.aliasBomb), []);
  assert.deepEqual(found(text(maxAliasedValues / 100 + 1), manifestCodes.aliasBomb), [
    'aliases repeat more than 100000 values',
  ]);
});

test('maxDepth, for the quick reader and for the whole one', () => {
  for (const anchor of ['', '&a ']) {
    const text = (depth: number): string => `${head}a: ${anchor}${'['.repeat(depth)}${']'.repeat(depth)}\n`;
    assert.deepEqual(found(text(maxDepth), manifestCodes.tooDeep), []);
    assert.deepEqual(found(text(maxDepth + 1), manifestCodes.tooDeep), ['nested deeper than 100 levels']);
  }
});

test('maxErrorsPerDocument', () => {
  const text = (errors: number): string => Array.from({ length: errors }, (_, i) => `k${i}: 'a' b\n`).join('');
  for (const [errors, shown] of [
    [maxErrorsPerDocument - 1, maxErrorsPerDocument - 1],
    [maxErrorsPerDocument, maxErrorsPerDocument],
    [maxErrorsPerDocument + 1, maxErrorsPerDocument],
  ] as const)
    assert.equal(found(text(errors), manifestCodes.syntax).length, shown, `${errors} errors`);
});

test('maxFindingsPerFile', () => {
  const text = (documents: number): string => Array.from({ length: documents }, () => 'a: 1\n').join('---\n');
  const codes = (documents: number): readonly string[] =>
    parseManifest(text(documents), 'x.yaml').diagnostics.map(({ code }) => code);
  assert.equal(codes(maxFindingsPerFile).length, maxFindingsPerFile);
  assert.ok(!codes(maxFindingsPerFile).includes(manifestCodes.moreFindings.code));
  assert.equal(codes(maxFindingsPerFile + 1).length, maxFindingsPerFile + 1);
  assert.equal(codes(maxFindingsPerFile + 1).at(-1), manifestCodes.moreFindings.code);
});

test('maxFiles', async (t) => {
  const file = join(temporary(t), 'x.yaml');
  writeFileSync(file, head);
  const load = async (before: number): Promise<readonly unknown[]> => {
    // Standard input counts like a file, and costs the disk nothing.
    const paths = [...Array.from({ length: before }, () => '-'), file];
    const { files, diagnostics } = await loadPaths(paths, { stdin: Buffer.alloc(0) });
    return [files.length, ...diagnostics.map(({ code }) => code)];
  };
  assert.deepEqual(await load(maxFiles - 1), [maxFiles]);
  assert.deepEqual(await load(maxFiles), [maxFiles, manifestCodes.tooLarge.code]);
});

test('maxDirectoryDepth', async (t) => {
  for (const [depth, files, codes] of [
    [maxDirectoryDepth, 1, []],
    [maxDirectoryDepth + 1, 0, [manifestCodes.tooLarge.code]],
  ] as const) {
    const directory = temporary(t);
    const deepest = join(directory, ...Array.from({ length: depth }, () => 'd'));
    mkdirSync(deepest, { recursive: true });
    writeFileSync(join(deepest, 'x.yaml'), head);
    const loaded = await loadPaths([directory]);
    assert.equal(loaded.files.length, files);
    assert.deepEqual(
      loaded.diagnostics.map(({ code }) => code),
      codes,
    );
  }
});
